// One output pixel of the fused crop, from a BGR or an NV12 frame: the work of a CUDA thread, also on the
// CPU.
//
// crop_resize.h computes the same for BGR row by row, which suits a CPU better;
// tests/kernels/test_crop_kernels.py compares both with edgetrack.crop.crop_reference.
#pragma once

#include "crop_resize.h"

namespace edgetrack {

// 8-bit YUV 4:2:0 as delivered by cameras: a plane of Y (H, W), then one of interleaved U, V (H / 2, W / 2).
// Limited range, ITU-R BT.601 (Kr 0.299, Kb 0.114); a chroma sample serves its four pixels, as in OpenCV.
struct Nv12Frame {
  const std::uint8_t *luma, *chroma;
  std::ptrdiff_t luma_row_bytes, chroma_row_bytes;
  std::int32_t height, width;

  ET_HD static float clamp(float value) { return value < 0.0f ? 0.0f : value > 255.0f ? 255.0f : value; }

  ET_HD void load(int x, int y, float* bgr) const {
    const std::uint8_t* uv = chroma + (y / 2) * chroma_row_bytes + 2 * (static_cast<std::ptrdiff_t>(x) / 2);
    const float light = 1.1643836f * (static_cast<float>(luma[y * luma_row_bytes + x]) - 16.0f);
    const float u = static_cast<float>(uv[0]) - 128.0f, v = static_cast<float>(uv[1]) - 128.0f;
    bgr[0] = clamp(light + 2.0172321f * u);
    bgr[1] = clamp(light - 0.3917623f * u - 0.8129676f * v);
    bgr[2] = clamp(light + 1.5960268f * v);
  }
};

template <class Frame>
ET_HD void blend_row(const Frame& frame, const Tap& column, int y, const float* fill_bgr, float* bgr) {
  float first[3], second[3];
  frame.load(column.first, y, first);
  frame.load(column.second, y, second);
  for (int c = 0; c < 3; ++c) {
    bgr[c] = column.first_weight * first[c] + column.second_weight * second[c] +
             column.fill_weight() * fill_bgr[c];
  }
}

template <class Frame>
ET_HD void crop_pixel(const Frame& frame, const Tap& column, const Tap& row, const Colors& colors,
                      float* rgb) {
  float upper[3], lower[3];
  blend_row(frame, column, row.first, colors.fill_bgr, upper);
  blend_row(frame, column, row.second, colors.fill_bgr, lower);
  for (int c = 0; c < 3; ++c) {
    const float value = row.first_weight * upper[2 - c] + row.second_weight * lower[2 - c] +
                        row.fill_weight() * colors.fill_bgr[2 - c];
    rgb[c] = value * colors.scale[c] + colors.shift[c];
  }
}

// `out` (3, rows, cols) f32 RGB, C-contiguous.
template <class Frame>
void crop_pixels(const Frame& frame, const Region& region, const Colors& colors, int rows, int cols,
                 float* out) {
  const std::size_t plane = static_cast<std::size_t>(rows) * static_cast<std::size_t>(cols);
  for (int j = 0; j < rows; ++j) {
    const Tap row = make_tap(region.y, region.h / rows, j, frame.height);
    for (int i = 0; i < cols; ++i, ++out) {
      float rgb[3];
      crop_pixel(frame, make_tap(region.x, region.w / cols, i, frame.width), row, colors, rgb);
      for (std::size_t c = 0; c < 3; ++c) out[c * plane] = rgb[c];
    }
  }
}

}  // namespace edgetrack
