// Crops a square from a frame and resizes it with bit-exactly the result of OpenCV, for networks that were
// trained with its rounding, and whose trackers turn a difference of one gray level into pixels.
//
// It is equivalent to the following, without copying the frame: copyMakeBorder with the frame's mean color, a
// rectangle of the result, and cv::resize with INTER_LINEAR on 8 bits: weights of 11 bits, the sum of a row
// truncated to 15 bits, and the sum of two rows rounded to 8 (OpenCV's modules/imgproc/src/resize.cpp, its
// C++ and SSE paths). The output has the channels in RGB order as float32 planes of whole numbers.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "crop_resize.h"

namespace edgetrack {

struct Square {
  int x, y, side;  // frame pixels; may extend beyond the frame
};

// Two samples of the square and their weights, in 1 / 2048.
struct FixedTap {
  int first, second;
  std::int32_t first_weight, second_weight;
};

// Buffers of one thread. They grow to the largest crop so far; after that, no call allocates.
struct SquareScratch {
  std::vector<FixedTap> columns;
  std::vector<std::uint8_t> line;  // one row of a square that extends beyond the frame
  std::vector<std::int16_t> rows;  // two resampled rows: blue, green, red
};

// `clamp` moves a sample beyond the border onto it, as OpenCV does with columns; rows keep their weights
// there.
inline FixedTap make_fixed_tap(int index, int side, int out, bool clamp) {
  const double scale = 1.0 / (static_cast<double>(out) / side);
  float position = static_cast<float>((index + 0.5) * scale - 0.5);
  int first = static_cast<int>(std::floor(position));
  position -= static_cast<float>(first);
  if (clamp && (first < 0 || first >= side - 1)) {
    first = first < 0 ? 0 : side - 1;
    position = 0.0f;
  }
  const auto fixed = [](float weight) {
    return static_cast<std::int32_t>(std::nearbyintf(weight * 2048.0f));
  };
  return {std::clamp(first, 0, side - 1), std::clamp(first + 1, 0, side - 1), fixed(1.0f - position),
          fixed(position)};
}

// The mean color, rounded as OpenCV rounds it.
inline void mean_color(const BgrFrame& frame, std::uint8_t* bgr) {
  constexpr int kLanes = 48;            // whole pixels, and a loop over them that compilers vectorize
  constexpr int kBytes = 256 * kLanes;  // their sums fit into 16 bits
  std::uint64_t sums[3] = {};
  for (int y = 0; y < frame.height; ++y) {
    const std::uint8_t* row = frame.data + y * frame.row_bytes;
    const int bytes = 3 * frame.width;
    int i = 0;
    while (i + kLanes <= bytes) {
      std::uint16_t lanes[kLanes] = {};
      for (const int end = std::min(i + kBytes, bytes); i + kLanes <= end; i += kLanes)
        for (int k = 0; k < kLanes; ++k) lanes[k] = static_cast<std::uint16_t>(lanes[k] + row[i + k]);
      for (int k = 0; k < kLanes; ++k) sums[k % 3] += lanes[k];
    }
    for (; i < bytes; ++i) sums[i % 3] += row[i];
  }
  const double share = 1.0 / (static_cast<double>(frame.height) * frame.width);
  for (int c = 0; c < 3; ++c)
    bgr[c] = static_cast<std::uint8_t>(std::nearbyint(static_cast<double>(sums[c]) * share));
}

// Returns row `y` of the square, followed by one more readable byte. `fill` is the color around the frame.
inline const std::uint8_t* square_row(const BgrFrame& frame, const Square& square, int y,
                                      const std::uint8_t* fill, std::vector<std::uint8_t>& line) {
  const int row = square.y + y, right = square.x + square.side;
  const bool inside = row >= 0 && row < frame.height;
  if (inside && square.x >= 0 && right < frame.width)
    return frame.data + row * frame.row_bytes + 3 * static_cast<std::ptrdiff_t>(square.x);
  const int begin = inside ? std::clamp(square.x, 0, frame.width) : 0;
  const int end = inside ? std::clamp(right, begin, frame.width) : begin;
  const int before = inside && end > begin ? begin - square.x : square.side;
  std::uint8_t* out = line.data();
  const auto paint = [&](int from, int to) {
    for (int i = from; i < to; ++i) std::memcpy(out + 3 * i, fill, 3);
  };
  paint(0, before);
  if (end > begin) {
    std::memcpy(out + 3 * before, frame.data + row * frame.row_bytes + 3 * static_cast<std::ptrdiff_t>(begin),
                3 * static_cast<std::size_t>(end - begin));
    paint(before + end - begin, square.side);
  }
  return out;
}

// out[c * stride] = (a[c] * first_weight + b[c] * second_weight) >> 4 for the three colors c; reads a fourth
// byte.
inline void blend_pixels(const std::uint8_t* a, const std::uint8_t* b, const FixedTap& tap, std::int16_t* out,
                         int stride) {
#if defined(__SSE2__)
  const auto load = [](const std::uint8_t* bytes) {
    std::int32_t packed;
    std::memcpy(&packed, bytes, sizeof packed);
    return _mm_cvtsi32_si128(packed);
  };
  const __m128i pairs = _mm_unpacklo_epi8(_mm_unpacklo_epi8(load(a), load(b)), _mm_setzero_si128());
  const __m128i weights = _mm_set1_epi32(tap.first_weight | tap.second_weight << 16);
  const __m128i sums = _mm_srai_epi32(_mm_madd_epi16(pairs, weights), 4);  // fits into 16 bits
  out[0] = static_cast<std::int16_t>(_mm_extract_epi16(sums, 0));
  out[stride] = static_cast<std::int16_t>(_mm_extract_epi16(sums, 2));
  out[2 * stride] = static_cast<std::int16_t>(_mm_extract_epi16(sums, 4));
#else
  for (int c = 0; c < 3; ++c)
    out[c * stride] = static_cast<std::int16_t>((a[c] * tap.first_weight + b[c] * tap.second_weight) >> 4);
#endif
}

inline void resample_fixed(const std::uint8_t* source, const FixedTap* columns, int count,
                           std::int16_t* out) {
  for (int i = 0; i < count; ++i)
    blend_pixels(source + 3 * columns[i].first, source + 3 * columns[i].second, columns[i], out + i, count);
}

inline void blend_fixed(const std::int16_t* __restrict first, const std::int16_t* __restrict second,
                        const FixedTap& tap, int count, float* __restrict out) {
  const auto a = static_cast<std::int16_t>(tap.first_weight),
             b = static_cast<std::int16_t>(tap.second_weight);
  for (int i = 0; i < count; ++i) {
    const auto upper = static_cast<std::int16_t>((a * first[i]) >> 16);
    const auto lower = static_cast<std::int16_t>((b * second[i]) >> 16);
    out[i] = static_cast<float>(static_cast<std::int16_t>((upper + lower + 2) >> 2));
  }
}

// For a square of exactly twice the output's size, OpenCV averages 2 x 2 pixels.
inline void halve(const std::uint8_t* first, const std::uint8_t* second, int count, std::size_t plane,
                  float* out) {
  for (int i = 0; i < count; ++i)
    for (int c = 0; c < 3; ++c) {
      const int at = 6 * i + c;
      out[(2 - static_cast<std::size_t>(c)) * plane + static_cast<std::size_t>(i)] =
          static_cast<float>((first[at] + first[at + 3] + second[at] + second[at + 3] + 2) >> 2);
    }
}

// `out` is (3, size, size), C-contiguous, RGB, whole numbers from 0 to 255.
inline void crop_square(const BgrFrame& frame, const Square& square, int size, float* out,
                        SquareScratch& scratch) {
  const std::size_t count = static_cast<std::size_t>(size), plane = count * count;
  const bool leaves = square.x < 0 || square.y < 0 || square.x + square.side > frame.width ||
                      square.y + square.side > frame.height;
  std::uint8_t fill[3] = {};
  if (leaves) mean_color(frame, fill);
  scratch.line.resize(2 * 3 * static_cast<std::size_t>(square.side));
  if (square.side == 2 * size) {
    std::vector<std::uint8_t>& line = scratch.line;
    for (int j = 0; j < size; ++j, out += count) {
      const std::size_t bytes = 3 * static_cast<std::size_t>(square.side);
      std::memcpy(line.data() + bytes, square_row(frame, square, 2 * j, fill, line), bytes);
      halve(line.data() + bytes, square_row(frame, square, 2 * j + 1, fill, line), size, plane, out);
    }
    return;
  }
  scratch.columns.resize(count);
  scratch.rows.resize(2 * 3 * count);
  for (int i = 0; i < size; ++i)
    scratch.columns[static_cast<std::size_t>(i)] = make_fixed_tap(i, square.side, size, true);
  int held[2] = {-1, -1};  // row in each slot: row y lives in slot y % 2
  const auto resampled = [&](int y) {
    std::int16_t* slot = scratch.rows.data() + static_cast<std::size_t>(y % 2) * 3 * count;
    if (held[y % 2] != y)
      resample_fixed(square_row(frame, square, y, fill, scratch.line), scratch.columns.data(), size, slot);
    held[y % 2] = y;
    return static_cast<const std::int16_t*>(slot);
  };
  for (int j = 0; j < size; ++j, out += count) {
    const FixedTap tap = make_fixed_tap(j, square.side, size, false);
    const std::int16_t *first = resampled(tap.first), *second = resampled(tap.second);
    for (std::size_t c = 0; c < 3; ++c)
      blend_fixed(first + c * count, second + c * count, tap, size, out + (2 - c) * plane);
  }
}

}  // namespace edgetrack
