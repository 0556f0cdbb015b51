// Crop a region, resize it bilinearly, swap BGR to RGB and normalize: one pass, no temporary image.
//
//   frame (H, W, 3) u8 BGR          out (3, rows, cols) f32 RGB
//   +------------------+
//   |      region      |      for each output row:
//   |   +----------+   |        1. the two source rows around it, resampled horizontally
//   |   |  .  .  . |   |  ->       (kept for the next row)
//   |   +----------+   |        2. their vertical blend, normalized, split into planes
//   |                  |
//   +------------------+      everything outside the frame has the color `fill`
//
// Output pixel i samples the source at region.x + (i + 0.5) * region.w / cols - 0.5 (half-pixel centers).
// ET_HD marks code that is also used by CUDA threads, one per output pixel; the row loops are for the CPU.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "lerp4.h"

#ifdef __CUDACC__
#define ET_HD __host__ __device__
#else
#define ET_HD
#endif

namespace edgetrack {

struct BgrFrame {
  const std::uint8_t* data;  // pixel (0, 0), blue first; pixels of a row are packed
  std::ptrdiff_t row_bytes;  // distance between two rows, may be negative
  std::int32_t height, width;

  ET_HD void load(int x, int y, float* bgr) const {
    const std::uint8_t* pixel = data + y * row_bytes + 3 * static_cast<std::ptrdiff_t>(x);
    for (int c = 0; c < 3; ++c) bgr[c] = static_cast<float>(pixel[c]);
  }
};

struct Region {
  double x, y, w, h;  // frame pixels; may extend beyond the frame
};

struct Colors {
  float scale[3], shift[3];  // RGB: out = value * scale + shift
  float fill_bgr[3];         // 0..255
};

// Two neighboring samples on one axis. A sample outside the frame has weight 0 and an index that is safe to
// read. The weight of the fill color is 1 minus the sum of both weights.
struct Tap {
  int first, second;
  float first_weight, second_weight;

  ET_HD float fill_weight() const { return 1.0f - first_weight - second_weight; }
  ET_HD bool outside() const { return first_weight == 0.0f && second_weight == 0.0f; }
};

ET_HD inline Tap make_tap(double origin, double step, int index, int size) {
  const double position = origin + (index + 0.5) * step - 0.5;
  if (!(position > -1.0 && position < size)) return {0, 0, 0.0f, 0.0f};
  const double base = std::floor(position);
  const int first = static_cast<int>(base), second = first + 1;
  const float weight = static_cast<float>(position - base);
  return {first < 0 ? 0 : first, second < size ? second : size - 1, first < 0 ? 0.0f : 1.0f - weight,
          second < size ? weight : 0.0f};
}

// Buffers of one thread. They grow to the largest crop so far; after that, no call allocates.
struct CropScratch {
  std::vector<Tap> columns;
  std::vector<float> rows;  // two resampled source rows, pixels of four floats: B, G, R, unused
};

// The columns from `begin` to `end` have both samples inside the frame, and four bytes can be read at each.
struct Inside {
  int begin, end;
};

inline Inside find_inside(const Tap* columns, int cols, int width) {
  int begin = 0, end = cols;
  while (begin < end && columns[begin].first_weight == 0.0f) ++begin;
  while (end > begin && (columns[end - 1].outside() || columns[end - 1].second >= width - 1)) --end;
  return {begin, end};
}

inline void resample_edge(const std::uint8_t* source, const Tap* columns, int begin, int end,
                          const float* fill_bgr, float* out) {
  for (int i = begin; i < end; ++i) {
    const Tap tap = columns[i];
    for (int c = 0; c < 3; ++c) {
      out[4 * i + c] = tap.first_weight * source[3 * tap.first + c] +
                       tap.second_weight * source[3 * tap.second + c] + tap.fill_weight() * fill_bgr[c];
    }
  }
}

// One source row at the output's columns, in 0..255. Lane 3 is the next pixel's blue, never read.
inline void resample_row(const std::uint8_t* source, const Tap* columns, int cols, Inside inside,
                         const float* fill_bgr, float* __restrict out) {
  resample_edge(source, columns, 0, inside.begin, fill_bgr, out);
  for (int i = inside.begin; i < inside.end; ++i) {
    lerp4(source + 3 * columns[i].first, source + 3 * columns[i].second, columns[i].second_weight,
          out + 4 * i);
  }
  resample_edge(source, columns, inside.end, cols, fill_bgr, out);
}

// Vertical blend, normalization and the split into planes of one output row.
inline void blend_rows(const float* __restrict first, const float* __restrict second, const Tap& tap,
                       int cols, const Colors& colors, float* __restrict red, float* __restrict green,
                       float* __restrict blue) {
  float a[3], b[3], shift[3];  // RGB
  for (int c = 0; c < 3; ++c) {
    a[c] = tap.first_weight * colors.scale[c];
    b[c] = tap.second_weight * colors.scale[c];
    shift[c] = tap.fill_weight() * colors.fill_bgr[2 - c] * colors.scale[c] + colors.shift[c];
  }
  for (int i = 0; i < cols; ++i) {
    red[i] = a[0] * first[4 * i + 2] + b[0] * second[4 * i + 2] + shift[0];
    green[i] = a[1] * first[4 * i + 1] + b[1] * second[4 * i + 1] + shift[1];
    blue[i] = a[2] * first[4 * i] + b[2] * second[4 * i] + shift[2];
  }
}

// `out` is (3, out_rows, out_cols), C-contiguous.
inline void crop_resize(const BgrFrame& frame, const Region& region, const Colors& colors, int out_rows,
                        int out_cols, float* out, CropScratch& scratch) {
  const std::size_t cols = static_cast<std::size_t>(out_cols);
  scratch.columns.resize(cols);
  scratch.rows.resize(2 * 4 * cols);
  Tap* columns = scratch.columns.data();
  for (int i = 0; i < out_cols; ++i) columns[i] = make_tap(region.x, region.w / out_cols, i, frame.width);
  const Inside inside = find_inside(columns, out_cols, frame.width);
  int held[2] = {-1, -1};  // source row in each slot: row y lives in slot y % 2
  const auto resampled = [&](int y) {
    float* slot = scratch.rows.data() + static_cast<std::size_t>(y % 2) * 4 * cols;
    if (held[y % 2] != y)
      resample_row(frame.data + y * frame.row_bytes, columns, out_cols, inside, colors.fill_bgr, slot);
    held[y % 2] = y;
    return static_cast<const float*>(slot);
  };
  const std::size_t plane = static_cast<std::size_t>(out_rows) * cols;
  for (int j = 0; j < out_rows; ++j, out += cols) {
    const Tap tap = make_tap(region.y, region.h / out_rows, j, frame.height);
    const float* first = tap.outside() ? scratch.rows.data() : resampled(tap.first);
    const float* second = tap.outside() ? first : resampled(tap.second);
    blend_rows(first, second, tap, out_cols, colors, out, out + plane, out + 2 * plane);
  }
}

}  // namespace edgetrack
