#include "crop.h"

namespace edgetrack {

Colors colors_of(const float mean[3], const float std[3], const float fill[3]) {
  Colors colors;
  for (int c = 0; c < 3; ++c) {
    colors.scale[c] = 1.0f / std[c];
    colors.shift[c] = -mean[c] / std[c];
    colors.fill_bgr[c] = fill[c];
  }
  return colors;
}

void crop(const Frame& frame, const Region& region, const Colors& colors, int rows, int cols, float* out,
          CropScratch& scratch) {
  crop_resize(pixels_of(frame), region, colors, rows, cols, out, scratch);
}

void crop(const Frame& frame, const Region& region, const Colors& colors, const Tensor& image,
          CropScratch& scratch) {
  const auto& shape = image.spec.shape;
  crop(frame, region, colors, static_cast<int>(shape[2]), static_cast<int>(shape[3]), image.floats(),
       scratch);
}

}  // namespace edgetrack
