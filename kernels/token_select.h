// Selects the search tokens that resemble the target: the arithmetic that the CPU and the GPU share.
//
//   keys (N, E)          prototypes (P, E), unit length, or zeros where absent
//     |                     |
//     +---- cosine ---------+   score[n] = max over p of  k.p / max(|k|, 1e-12)  -  4 * (1 - min(|p|^2, 1))
//                |
//        the `keep` best scores -> indices, ascending -> selected = tokens[indices]
//
// Ties go to the lower index, NaN comes last. A key whose squared length is not a finite float32 scores NaN.
// Sums over E always have the same order (32 partial sums, then a tree) and no fused multiply-add, so the CPU
// version in token_select_cpu.h and the kernel in token_select.cu give identical bits. kernels/README.md is
// the contract.
#pragma once

#include <cfloat>
#include <cmath>
#include <cstdint>
#include <cstring>

#ifdef __CUDACC__
#include <cuda_fp16.h>
#ifndef ET_HD
#define ET_HD __host__ __device__
#endif
#elif !defined(ET_HD)
#define ET_HD
#endif

namespace edgetrack {

constexpr int kMaxTokens = 1024, kMaxWidth = 65536, kMaxKeyWidth = 768, kMaxPrototypes = 32;
constexpr int kLanes = 32;  // partial sums of one dot product: a warp

enum class TokenType : std::int32_t { kFloat = 0, kHalf = 1, kInt8 = 2 };

struct TokenSelectShape {
  std::int32_t batch, tokens, width, key_width, prototypes, keep;  // B, N, D, E, P, K
};

// C-contiguous; `tokens`, `keys` and `selected` hold elements of one TokenType. `keys` may be `tokens`.
struct TokenSelectBuffers {
  const void* tokens;       // (B, N, D)
  const void* keys;         // (B, N, E)
  const float* prototypes;  // (B, P, E)
  const float* threshold;   // (B)
  void* selected;           // (B, K, D)
  std::int32_t* indices;    // (B, K), ascending
  std::int32_t* count;      // (B): scores above the threshold
  float* scores;            // (B, N)
};

struct TokenRestoreShape {
  std::int32_t batch, tokens, keep, row_bytes;  // B, N, K, bytes of one token
};

struct Half {
  std::uint16_t bits;
};

ET_HD inline float to_float(float value) { return value; }
ET_HD inline float to_float(std::int8_t value) { return static_cast<float>(value); }
ET_HD inline float to_float(Half value) {
#ifdef __CUDA_ARCH__
  return __half2float(__ushort_as_half(value.bits));
#else
  const std::uint32_t exponent = (value.bits >> 10) & 31u, mantissa = value.bits & 1023u;
  const std::uint32_t sign = static_cast<std::uint32_t>(value.bits & 0x8000u) << 16;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(mantissa) * 5.9604644775390625e-8f;  // 2^-24
    return sign != 0 ? -magnitude : magnitude;
  }
  const std::uint32_t widened = exponent == 31 ? 255u : exponent + 112u;
  const std::uint32_t bits = sign | (widened << 23) | (mantissa << 13);
  float out;
  std::memcpy(&out, &bits, sizeof out);
  return out;
#endif
}

// sum + a * b, rounded twice: nvcc must not fuse it (host compilers get -ffp-contract=off).
ET_HD inline float accumulate(float sum, float a, float b) {
#ifdef __CUDA_ARCH__
  return __fadd_rn(sum, __fmul_rn(a, b));
#else
  return sum + a * b;
#endif
}

// Returns what is subtracted from every score of a prototype: 0 for one of unit length, 4 for an absent one.
ET_HD inline float absence_penalty(float squared_length) {
  const float present = squared_length > 1.0f ? 1.0f : squared_length;  // keeps NaN
  return 4.0f * (1.0f - present);
}

ET_HD inline float similarity(float dot, float squared_length, float penalty) {
  if (!(squared_length <= FLT_MAX)) return NAN;
#ifdef __CUDA_ARCH__
  const float length = __fsqrt_rn(squared_length);
  return __fsub_rn(__fdiv_rn(dot, length > 1e-12f ? length : 1e-12f), penalty);
#else
  const float length = std::sqrt(squared_length);
  return dot / (length > 1e-12f ? length : 1e-12f) - penalty;
#endif
}

// Returns the larger one; NaN if either is NaN.
ET_HD inline float larger(float a, float b) { return b > a || b != b ? b : a; }

// Returns an integer with the same order as the score; NaN is 0, below -inf, and -0 is +0.
ET_HD inline std::uint32_t order_key(float score) {
  if (score != score) return 0;
  const float value = score + 0.0f;
  std::uint32_t bits;
#ifdef __CUDA_ARCH__
  bits = __float_as_uint(value);
#else
  std::memcpy(&bits, &value, sizeof bits);
#endif
  return (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
}

// Returns the keep-th largest order key, found bit by bit from the top. `count_at_least(k)` returns how many
// keys are >= k.
template <class CountAtLeast>
ET_HD std::uint32_t threshold_key(int keep, CountAtLeast count_at_least) {
  std::uint32_t found = 0;
  for (int bit = 31; bit >= 0; --bit) {
    const std::uint32_t candidate = found | (1u << bit);
    if (count_at_least(candidate) >= keep) found = candidate;
  }
  return found;
}

// Returns the position of `token` in the ascending `indices` (K), or -1.
ET_HD inline int find_token(const std::int32_t* indices, int keep, int token) {
  int low = 0, high = keep;
  while (low < high) {
    const int middle = low + (high - low) / 2;
    if (indices[middle] < token) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low < keep && indices[low] == token ? low : -1;
}

}  // namespace edgetrack
