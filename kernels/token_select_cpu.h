// token_select and token_restore on the CPU: for ONNX Runtime, and as the reference for the CUDA kernels.
#pragma once

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

#include "token_select.h"

namespace edgetrack {

inline void require_range(const char* name, std::int64_t value, std::int64_t low, std::int64_t high) {
  if (value >= low && value <= high) return;
  throw std::invalid_argument("token_select: " + std::string(name) + " is " + std::to_string(value) +
                              "; expected " + std::to_string(low) + " to " + std::to_string(high));
}

// Throws std::invalid_argument for shapes outside the limits, which are the same everywhere, so that a graph
// that runs here runs on a GPU.
inline void check(const TokenSelectShape& shape) {
  require_range("the batch", shape.batch, 1, 65535);
  require_range("the number of tokens", shape.tokens, 1, kMaxTokens);
  require_range("the width of a token", shape.width, 1, kMaxWidth);
  require_range("the width of a key", shape.key_width, 1, kMaxKeyWidth);
  require_range("the number of prototypes", shape.prototypes, 1, kMaxPrototypes);
  require_range("keep", shape.keep, 1, shape.tokens);
}

// GCC keeps the partial sums in registers only if the loop over them is unrolled.
#if defined(__GNUC__)
#define ET_UNROLL _Pragma("GCC unroll 32")
#else
#define ET_UNROLL
#endif

// Element i goes to partial sum i % 32, then the sums are added as a tree: the order of a warp.
inline float dot(const float* a, const float* b, int width) {
  float sums[kLanes] = {};
  int i = 0;
  for (; i + kLanes <= width; i += kLanes) {
    ET_UNROLL for (int lane = 0; lane < kLanes; ++lane) sums[lane] =
        accumulate(sums[lane], a[i + lane], b[i + lane]);
  }
  for (int lane = 0; i + lane < width; ++lane) sums[lane] = accumulate(sums[lane], a[i + lane], b[i + lane]);
  ET_UNROLL for (int half = kLanes / 2; half > 0; half /= 2) {
    ET_UNROLL for (int lane = 0; lane < half; ++lane) sums[lane] += sums[lane + half];
  }
  return sums[0];
}

inline const float* as_floats(const float* values, int, float*) { return values; }
template <class T>
const float* as_floats(const T* values, int width, float* row) {
  for (int i = 0; i < width; ++i) row[i] = to_float(values[i]);
  return row;
}

template <class T>
void score_tokens(const T* keys, const float* prototypes, const TokenSelectShape& shape, float* scores) {
  float penalties[kMaxPrototypes], row[kMaxKeyWidth];
  const std::size_t width = static_cast<std::size_t>(shape.key_width);
  for (int p = 0; p < shape.prototypes; ++p) {
    const float* prototype = prototypes + static_cast<std::size_t>(p) * width;
    penalties[p] = absence_penalty(dot(prototype, prototype, shape.key_width));
  }
  for (int n = 0; n < shape.tokens; ++n) {
    const float* key = as_floats(keys + static_cast<std::size_t>(n) * width, shape.key_width, row);
    const float squared = dot(key, key, shape.key_width);
    for (int p = 0; p < shape.prototypes; ++p) {
      const float product = dot(key, prototypes + static_cast<std::size_t>(p) * width, shape.key_width);
      const float score = similarity(product, squared, penalties[p]);
      scores[n] = p == 0 ? score : larger(scores[n], score);
    }
  }
}

inline void select_indices(const float* scores, int tokens, int keep, std::int32_t* indices) {
  std::uint32_t keys[kMaxTokens];
  for (int n = 0; n < tokens; ++n) keys[n] = order_key(scores[n]);
  const auto count_at_least = [&](std::uint32_t candidate) {
    int count = 0;
    for (int n = 0; n < tokens; ++n) count += keys[n] >= candidate;
    return count;
  };
  const std::uint32_t limit = threshold_key(keep, count_at_least);
  int ties = keep - (limit == 0xFFFFFFFFu ? 0 : count_at_least(limit + 1));
  for (int n = 0, k = 0; n < tokens; ++n) {
    if (keys[n] > limit || (keys[n] == limit && ties-- > 0)) indices[k++] = n;
  }
}

inline void gather_rows(const void* tokens, const std::int32_t* indices, int keep, std::size_t row_bytes,
                        void* selected) {
  for (int k = 0; k < keep; ++k) {
    std::memcpy(static_cast<char*>(selected) + static_cast<std::size_t>(k) * row_bytes,
                static_cast<const char*>(tokens) + static_cast<std::size_t>(indices[k]) * row_bytes,
                row_bytes);
  }
}

template <class T>
void token_select_of(const TokenSelectShape& shape, const TokenSelectBuffers& buffers) {
  const auto size = [](int a, int b) { return static_cast<std::size_t>(a) * static_cast<std::size_t>(b); };
  for (int b = 0; b < shape.batch; ++b) {
    const std::size_t image = static_cast<std::size_t>(b);
    const T* keys = static_cast<const T*>(buffers.keys) + image * size(shape.tokens, shape.key_width);
    const T* tokens = static_cast<const T*>(buffers.tokens) + image * size(shape.tokens, shape.width);
    T* selected = static_cast<T*>(buffers.selected) + image * size(shape.keep, shape.width);
    float* scores = buffers.scores + image * size(shape.tokens, 1);
    std::int32_t* indices = buffers.indices + image * size(shape.keep, 1);
    score_tokens(keys, buffers.prototypes + image * size(shape.prototypes, shape.key_width), shape, scores);
    select_indices(scores, shape.tokens, shape.keep, indices);
    gather_rows(tokens, indices, shape.keep, static_cast<std::size_t>(shape.width) * sizeof(T), selected);
    const float threshold = buffers.threshold[b];
    buffers.count[b] = static_cast<std::int32_t>(
        std::count_if(scores, scores + shape.tokens, [&](float score) { return score > threshold; }));
  }
}

// Throws std::invalid_argument if the shape is outside the contract.
inline void token_select(TokenType type, const TokenSelectShape& shape, const TokenSelectBuffers& buffers) {
  check(shape);
  if (type == TokenType::kFloat) return token_select_of<float>(shape, buffers);
  if (type == TokenType::kHalf) return token_select_of<Half>(shape, buffers);
  token_select_of<std::int8_t>(shape, buffers);
}

// `out` (B, N) rows: `selected` (B, K) rows at `indices` (B, K), the rows of `tokens` elsewhere.
// Throws std::invalid_argument if the indices are not ascending or not in 0..N-1.
inline void token_restore(const TokenRestoreShape& shape, const void* tokens, const void* selected,
                          const std::int32_t* indices, void* out) {
  const std::size_t row = static_cast<std::size_t>(shape.row_bytes);
  const std::size_t image_bytes = static_cast<std::size_t>(shape.tokens) * row;
  const std::size_t keep = static_cast<std::size_t>(shape.keep);
  for (std::size_t b = 0; b < static_cast<std::size_t>(shape.batch); ++b) {
    char* image = static_cast<char*>(out) + b * image_bytes;
    std::memcpy(image, static_cast<const char*>(tokens) + b * image_bytes, image_bytes);
    std::int32_t previous = -1;
    for (std::size_t k = b * keep; k < (b + 1) * keep; ++k) {
      if (indices[k] <= previous || indices[k] >= shape.tokens)
        throw std::invalid_argument("token_restore: index " + std::to_string(indices[k]) + " follows " +
                                    std::to_string(previous) + "; expected ascending indices from 0 to " +
                                    std::to_string(shape.tokens - 1) + ", as token_select returns them");
      previous = indices[k];
      std::memcpy(image + static_cast<std::size_t>(previous) * row,
                  static_cast<const char*>(selected) + k * row, row);
    }
  }
}

}  // namespace edgetrack
