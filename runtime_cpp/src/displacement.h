// Estimates the offset between the second sensor's image and color, for cameras that are not aligned or not
// synchronized.
#pragma once

#include <array>
#include <memory>

#include "work.h"

namespace edgetrack {

// Estimates how far the second sensor's image of a target is shifted, from the edges that both images show,
// regardless of their sign. The color image around the target, twice its size, is correlated with the second
// sensor's at every shift of up to the target's size, and the correlations of the last frames are averaged. A
// shift is kept until another one fits clearly better; images without common edges leave it unchanged.
class Displacement {
 public:
  void clear() { *this = {}; }

  // Adds a pair in which both sensors show something. `region` is about four times the target's size.
  void see(const Frame& color, const Frame& second, const Region& region, Work& work);

  // Returns the region in which the second sensor shows what color shows in `region`.
  Region seen_from(const Region& region) const { return {region.x + x_, region.y + y_, region.w, region.h}; }

  // Returns the place in the color image of what the second sensor shows in `box`.
  Box in_color(const Box& box) const { return {box.x - x_, box.y - y_, box.w, box.h}; }

 private:
  static constexpr int kSide = 64;                      // cells along a side of a region
  static constexpr int kWindow = 32;                    // cells along a side of the window that is correlated
  static constexpr int kReach = (kSide - kWindow) / 2;  // largest shift, in cells
  static constexpr int kShifts = 2 * kReach + 1;
  using Edges = std::array<float, kSide * kSide>;
  using Map = std::array<float, kShifts * kShifts>;  // one value per shift, beginning with (-kReach, -kReach)

  struct Buffers {
    Edges color, second;
    std::array<float, 12 * kSide * kSide> picture;  // at twice the resolution, RGB
    Edges gray;
    std::array<float, (kSide + 1) * (kSide + 1)> sums;
    Map now, mean;  // correlations of this frame, and of the last ones
  };

  void find_edges(const Frame& frame, const Region& region, Edges& edges, Work& work);
  static void correlate(Buffers& with);
  void decide(const Map& mean, double cell);

  std::shared_ptr<Buffers> buffers_;  // allocated with the first pair
  bool has_mean_ = false;
  double x_ = 0, y_ = 0;  // pixels of the frame
};

}  // namespace edgetrack
