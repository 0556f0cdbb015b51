#include "crop.h"

namespace edgetrack {

Colours colours_of(const float mean[3], const float std[3], const float fill[3]) {
  Colours colours;
  for (int c = 0; c < 3; ++c) {
    colours.scale[c] = 1.0f / std[c];
    colours.shift[c] = -mean[c] / std[c];
    colours.fill_bgr[c] = fill[c];
  }
  return colours;
}

void crop(const Frame& frame, const Region& region, const Colours& colours, int rows, int cols, float* out,
          CropScratch& scratch) {
  crop_resize({frame.bgr, frame.row_bytes, frame.height, frame.width}, region, colours, rows, cols, out,
              scratch);
}

void crop(const Frame& frame, const Region& region, const Colours& colours, const Tensor& image,
          CropScratch& scratch) {
  const auto& shape = image.spec.shape;
  crop(frame, region, colours, static_cast<int>(shape[2]), static_cast<int>(shape[3]), image.floats(),
       scratch);
}

}  // namespace edgetrack
