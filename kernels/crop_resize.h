// Crop a region, resize it bilinearly, swap BGR to RGB and normalise: one pass, no temporary image.
//
//   frame (H, W, 3) u8 BGR                     out (3, rows, cols) f32 RGB
//   +------------------+
//   |      region      |      for each output row:
//   |   +----------+   |        1. the two source rows around it, resampled horizontally   (cached, planar)
//   |   |  .  .  . |   |  ->    2. their vertical blend, fill and normalisation            (2 FMAs an element)
//   |   +----------+   |
//   +------------------+      everything outside the frame has the colour `fill`
//
// Output pixel i samples the source at region.x + (i + 0.5) * region.w / cols - 0.5 (half-pixel centres).
// The functions marked ET_HD are what a CUDA thread per output pixel needs too; the row loops are the CPU's.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#ifdef __CUDACC__
#define ET_HD __host__ __device__
#else
#define ET_HD
#endif

namespace edgetrack {

struct FrameView {
  const std::uint8_t* data;  // pixel (0, 0), blue first; pixels of a row are packed
  std::ptrdiff_t row_bytes;  // distance of two rows, may be negative
  int height, width;
};

struct Region {
  double x, y, w, h;  // frame pixels; may leave the frame
};

struct Colours {
  float scale[3], shift[3];  // RGB: out = value * scale + shift
  float fill[3];             // RGB, 0..255
};

// Two neighbouring samples on one axis. A sample outside the frame has weight 0 and an index that is safe to
// read; what is missing to a sum of 1 is the weight of the fill colour.
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

// Buffers of one thread. They grow to the largest crop seen, then no call allocates.
struct CropScratch {
  std::vector<Tap> columns;
  std::vector<float> rows;  // two resampled source rows, each planar RGB
};

// One source row at the output's columns: planar RGB in 0..255, horizontal fill included.
inline void resample_row(const std::uint8_t* source, const Tap* columns, int cols, const float* fill,
                         float* __restrict red, float* __restrict green, float* __restrict blue) {
  for (int i = 0; i < cols; ++i) {
    const Tap tap = columns[i];
    const std::uint8_t* a = source + 3 * tap.first;
    const std::uint8_t* b = source + 3 * tap.second;
    const float rest = tap.fill_weight();
    red[i] = tap.first_weight * a[2] + tap.second_weight * b[2] + rest * fill[0];
    green[i] = tap.first_weight * a[1] + tap.second_weight * b[1] + rest * fill[1];
    blue[i] = tap.first_weight * a[0] + tap.second_weight * b[0] + rest * fill[2];
  }
}

inline void blend_rows(const float* __restrict first, const float* __restrict second, int cols,
                       float first_scale, float second_scale, float shift, float* __restrict out) {
  for (int i = 0; i < cols; ++i) out[i] = first_scale * first[i] + second_scale * second[i] + shift;
}

// `out` is (3, out_rows, out_cols), C-contiguous.
inline void crop_resize(const FrameView& frame, const Region& region, const Colours& colours, int out_rows,
                        int out_cols, float* out, CropScratch& scratch) {
  const std::size_t cols = static_cast<std::size_t>(out_cols);
  scratch.columns.resize(cols);
  scratch.rows.resize(2 * 3 * cols);
  for (int i = 0; i < out_cols; ++i) {
    scratch.columns[static_cast<std::size_t>(i)] = make_tap(region.x, region.w / out_cols, i, frame.width);
  }
  const std::size_t plane = static_cast<std::size_t>(out_rows) * cols;
  int held[2] = {-1, -1};  // source row in each slot: row y lives in slot y % 2
  const auto resampled = [&](int y) {
    float* slot = scratch.rows.data() + static_cast<std::size_t>(y % 2) * 3 * cols;
    if (held[y % 2] != y) {
      resample_row(frame.data + y * frame.row_bytes, scratch.columns.data(), out_cols, colours.fill, slot,
                   slot + cols, slot + 2 * cols);
      held[y % 2] = y;
    }
    return static_cast<const float*>(slot);
  };
  for (int j = 0; j < out_rows; ++j) {
    const Tap tap = make_tap(region.y, region.h / out_rows, j, frame.height);
    const float* first = tap.outside() ? scratch.rows.data() : resampled(tap.first);
    const float* second = tap.outside() ? first : resampled(tap.second);
    for (std::size_t c = 0; c < 3; ++c) {
      const float shift = tap.fill_weight() * colours.fill[c] * colours.scale[c] + colours.shift[c];
      blend_rows(first + c * cols, second + c * cols, out_cols, tap.first_weight * colours.scale[c],
                 tap.second_weight * colours.scale[c], shift, out + c * plane + static_cast<std::size_t>(j) * cols);
    }
  }
}

}  // namespace edgetrack
