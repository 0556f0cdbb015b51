// Blends four bytes into four floats: the inner step of crop_resize. Compilers do not use these widening
// instructions by themselves (GCC 12's code takes twice as long), and every CPU of either architecture has
// them.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

namespace edgetrack {

#if defined(__SSE2__)

inline __m128 widen4(const std::uint8_t* bytes) {
  std::int32_t packed;
  std::memcpy(&packed, bytes, sizeof packed);
  const __m128i zero = _mm_setzero_si128();
  return _mm_cvtepi32_ps(_mm_unpacklo_epi16(_mm_unpacklo_epi8(_mm_cvtsi32_si128(packed), zero), zero));
}

// out[0..3] = a + weight * (b - a)
inline void lerp4(const std::uint8_t* a, const std::uint8_t* b, float weight, float* out) {
  const __m128 from = widen4(a);
  const __m128 change = _mm_mul_ps(_mm_set1_ps(weight), _mm_sub_ps(widen4(b), from));
  _mm_storeu_ps(out, _mm_add_ps(from, change));
}

#elif defined(__ARM_NEON)

inline float32x4_t widen4(const std::uint8_t* bytes) {
  std::uint32_t packed;
  std::memcpy(&packed, bytes, sizeof packed);
  const uint16x8_t words = vmovl_u8(vcreate_u8(packed));
  return vcvtq_f32_u32(vmovl_u16(vget_low_u16(words)));
}

inline void lerp4(const std::uint8_t* a, const std::uint8_t* b, float weight, float* out) {
  const float32x4_t from = widen4(a);
  vst1q_f32(out, vmlaq_n_f32(from, vsubq_f32(widen4(b), from), weight));
}

#else

inline void lerp4(const std::uint8_t* a, const std::uint8_t* b, float weight, float* out) {
  for (int c = 0; c < 4; ++c) out[c] = static_cast<float>(a[c]) + weight * static_cast<float>(b[c] - a[c]);
}

#endif

}  // namespace edgetrack
