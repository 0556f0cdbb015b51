// Cropping on the CPU. Only crop.cpp compiles the crop kernel.
#pragma once

#include "crop_resize.h"
#include "edgetrack/engine.h"
#include "edgetrack/tracker.h"

namespace edgetrack {

Colors colors_of(const float mean[3], const float std[3], const float fill[3]);

// The frame's pixels as the kernels take them; nothing is copied.
inline BgrFrame pixels_of(const Frame& frame) {
  return {frame.bgr, frame.row_bytes, frame.height, frame.width};
}

// `out` is (3, rows, cols), RGB; see kernels/crop_resize.h.
void crop(const Frame& frame, const Region& region, const Colors& colors, int rows, int cols, float* out,
          CropScratch& scratch);

// Crops into a network input, (1, 3, rows, cols).
void crop(const Frame& frame, const Region& region, const Colors& colors, const Tensor& image,
          CropScratch& scratch);

}  // namespace edgetrack
