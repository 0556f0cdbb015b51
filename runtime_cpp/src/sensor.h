// A second sensor beside color: what the graphs of pairs take, and which of two pictures shows anything.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "contract.h"
#include "work.h"

namespace edgetrack {

// Whether color and the second sensor give pictures.
using Present = std::array<bool, 2>;

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

// The inputs of "template_x" and "search_x" that color's graphs lack.
struct PairInputs {
  Tensor x;        // as "image"
  Tensor present;  // (1, 2): color, the second sensor

  PairInputs() = default;
  explicit PairInputs(const GraphSpec& graph)
      : x(Tensor::zeros(named(graph.inputs, "x"))), present(Tensor::zeros(named(graph.inputs, "present"))) {}

  // Crops both pictures of a frame, color's into `image`. A picture of one value in the region shows nothing,
  // and is absent like one that is not live; both are never absent.
  void fill(const Tensor& image, const Frame& frame, const Region& region, const Colors& colors, Present live,
            Work& work) const;

  // Which of the sensors they hold pictures of.
  Present shown() const { return {present.floats()[0] > 0, present.floats()[1] > 0}; }
};

// The share of the second sensor in what was found: the mean of a map (cells * cells) of shares over the
// cells that a box covers, weighted by the share of each cell that is covered.
double share_within(const float* shares, const float* covered, std::size_t cells);

}  // namespace edgetrack
