// A second sensor beside color: what the graphs of pairs take, and which of two pictures shows anything.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "contract.h"
#include "work.h"

namespace edgetrack {

// Whether color and the second sensor give pictures.
using Present = std::array<bool, 2>;

// Its picture as a frame of its own.
inline Frame second_of(const Frame& frame) { return {frame.x, frame.width, frame.height, frame.x_row_bytes}; }

// Finds the sensor that repeats itself: a camera that hangs gives the same bytes again, and a live one never
// does for long.
class FrozenSensors {
 public:
  void clear() { *this = {}; }

  // Takes the next frame. Without a pair it forgets.
  void see(const Frame& frame);

  // A picture that has stood still while the other one changed is not there.
  Present live(const Frame& frame) const;

 private:
  std::array<std::uint64_t, 2> last_{};
  std::array<int, 2> same_{};  // frames in a row with the bytes of the one before
};

// When color is searched alone before both sensors are: in each frame while that suffices, and ever more
// rarely, down to every eighth frame of a pair, while it does not.
class ColorFirst {
 public:
  bool due() const { return left_ == 0; }
  bool doubted() const { return wait_ > 0; }  // it did not suffice the last time
  void skip() { --left_; }
  void note(bool sufficed) { left_ = wait_ = sufficed ? 0 : std::min(2 * wait_ + 1, kRarest - 1); }

 private:
  static constexpr int kRarest = 8;
  int wait_ = 0, left_ = 0;  // frames
};

// The inputs of "template_x" and "search_x" that color's graphs lack.
struct PairInputs {
  Tensor x;        // as "image"
  Tensor present;  // (1, 2): color, the second sensor

  PairInputs() = default;
  explicit PairInputs(const GraphSpec& graph)
      : x(Tensor::zeros(named(graph.inputs, "x"))), present(Tensor::zeros(named(graph.inputs, "present"))) {}

  // Crops a region of the color picture into `image`, and `second_region` of the other. A picture of one
  // value there shows nothing, and is absent like one that is not live; both are never absent.
  void fill(const Tensor& image, const Frame& frame, const Region& region, const Region& second_region,
            const Colors& colors, Present live, Work& work) const;

  // Which of the sensors they hold pictures of.
  Present shown() const { return {present.floats()[0] > 0, present.floats()[1] > 0}; }
};

// The share of the second sensor in what was found: the mean of a map (cells * cells) of shares over the
// cells that a box covers, weighted by the share of each cell that is covered.
double share_within(const float* shares, const float* covered, std::size_t cells);

}  // namespace edgetrack
