// Restores the contrast of images in smoke, fog or darkness.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "crop.h"

namespace edgetrack {

// Compares color with that of the frame of the template: around the target, or everywhere. If it has lost
// most of its contrast, noise is smoothed and the values are stretched, so that mean and contrast are as they
// were; other images stay as they are. Only pixels inside the frame count and change.
class Contrast {
 public:
  // Adopts the contrast of a template, the crop of `region` as a network input (1, 3, side, side).
  void learn(const Tensor& image, const Frame& frame, const Region& region, const Colors& colors);

  // The same for the whole frame, of which `image` may have any resolution.
  void learn_everywhere(const Tensor& image, const Frame& frame, const Region& region, const Colors& colors);

  // Forgets the template; nothing is restored until the next one.
  void clear() { template_.reset(), whole_.reset(); }

  // Restores a search image, the crop of `region` at the resolution of the template. Returns whether it was
  // changed.
  bool restore(const Tensor& image, const Frame& frame, const Region& region, const Colors& colors);

  // The same for the whole frame.
  bool restore_everywhere(const Tensor& image, const Frame& frame, const Region& region,
                          const Colors& colors);

 private:
  static constexpr int kRadius = 10;  // maximum radius of the filter
  struct Measured {
    std::array<float, 3> mean;  // by channel
    float spread;               // standard deviation of the brightness of blocks, in gray levels
  };
  struct Area {
    int left, top, right, bottom;  // pixels of the crop
  };
  // The pixels of an image that are in the frame, and those whose contrast counts, in blocks of `block`.
  struct Part {
    Area area, counted;
    int block;
  };

  static Area inside(const Frame& frame, const Region& region, int side);
  static Part whole(const Tensor& image, const Frame& frame, const Region& region);
  static std::optional<Measured> measure(const Tensor& image, const Area& area, int block,
                                         const Colors& colors);
  bool restore(const Tensor& image, const Part& part, const Region& region,
               const std::optional<Measured>& before, const Colors& colors);
  static double noise(const Tensor& image, const Area& area, int step);
  void set_filter(double sigma);
  void smooth(float* plane, int side, const Area& area);

  std::optional<Measured> template_, whole_;
  int side_ = 0;    // of the template
  int radius_ = 0;  // of the filter, in pixels
  std::array<float, 2 * kRadius + 1> weights_{};
  std::vector<float> line_, plane_;  // buffers for smoothing
};

}  // namespace edgetrack
