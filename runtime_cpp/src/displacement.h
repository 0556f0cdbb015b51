// Where the second sensor's picture lies beside color's: cameras that are not aligned, or not in time.
#pragma once

#include <array>
#include <memory>

#include "work.h"

namespace edgetrack {

// Finds by how much the second sensor's picture of a target is shifted, by the edges that both show, whatever
// their sign. The target's surroundings in color, twice its size, are laid over the second sensor's at every
// shift by up to the target's size, and the correlations of the last frames are averaged. A shift holds until
// another one fits clearly better; pictures that have no edges in common leave it as it is.
class Displacement {
 public:
  void clear() { *this = {}; }

  // Takes a pair in which both sensors show something. `region` is about four times the target's size.
  void see(const Frame& color, const Frame& second, const Region& region, Work& work);

  // Where the second sensor shows what color shows in `region`.
  Region seen_from(const Region& region) const { return {region.x + x_, region.y + y_, region.w, region.h}; }

 private:
  static constexpr int kSide = 64;                      // cells of a region along a side
  static constexpr int kWindow = 32;                    // of them, those that are laid over the other picture
  static constexpr int kReach = (kSide - kWindow) / 2;  // cells of a shift
  static constexpr int kShifts = 2 * kReach + 1;
  using Edges = std::array<float, kSide * kSide>;
  using Map = std::array<float, kShifts * kShifts>;  // of all shifts, the one by (-kReach, -kReach) first

  struct Buffers {
    Edges color, second;
    std::array<float, 12 * kSide * kSide> picture;  // twice as fine, RGB
    Edges gray;
    std::array<float, (kSide + 1) * (kSide + 1)> sums;
    Map now, mean;  // correlations of this frame, and of the last ones
  };

  void find_edges(const Frame& frame, const Region& region, Edges& edges, Work& work);
  static void correlate(Buffers& with);
  void decide(const Map& mean, double cell);

  std::shared_ptr<Buffers> buffers_;  // with the first pair
  bool has_mean_ = false;
  double x_ = 0, y_ = 0;  // pixels of the frame
};

}  // namespace edgetrack
