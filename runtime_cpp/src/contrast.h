// Restores the contrast of search images in smoke, fog or darkness.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "crop.h"

namespace edgetrack {

// Compares color around the target with the template. If it has lost most of its contrast, noise is smoothed
// and the values are stretched, so that mean and contrast are those of the template; other images stay as
// they are. Only pixels inside the frame count and change.
class Contrast {
 public:
  // Adopts the contrast of a template, the crop of `region` as a network input (1, 3, side, side).
  void learn(const Tensor& image, const Frame& frame, const Region& region, const Colors& colors);

  // Forgets the template; nothing is restored until the next one.
  void clear() { template_.reset(); }

  // Restores a search image, the crop of `region` at the resolution of the template. Returns whether it was
  // changed.
  bool restore(const Tensor& image, const Frame& frame, const Region& region, const Colors& colors);

 private:
  static constexpr int kRadius = 10;  // maximum radius of the filter
  struct Measured {
    std::array<float, 3> mean;  // by channel
    float spread;               // standard deviation of the brightness of blocks, in gray levels
  };
  struct Area {
    int left, top, right, bottom;  // pixels of the crop
  };

  static Area inside(const Frame& frame, const Region& region, int side);
  static std::optional<Measured> measure(const Tensor& image, const Area& area, const Colors& colors);
  static double noise(const Tensor& image, const Area& area, int step);
  void set_filter(double sigma);
  void smooth(float* plane, int side, const Area& area);

  std::optional<Measured> template_;
  int side_ = 0;    // of the template
  int radius_ = 0;  // of the filter, in pixels
  std::array<float, 2 * kRadius + 1> weights_{};
  std::vector<float> line_, plane_;  // buffers for smoothing
};

}  // namespace edgetrack
