// Support for a second sensor in addition to color: the inputs of the graphs for pairs, and which of the two
// images shows anything.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "contract.h"
#include "work.h"

namespace edgetrack {

// Whether color and the second sensor deliver images, in this order.
using Present = std::array<bool, 2>;

// The images that a search compares with the target: one of them by the networks for color, or both by the
// graphs for pairs.
enum class Senses { color, second, both };

// Returns the second sensor's image as a frame of its own.
inline Frame second_of(const Frame& frame) { return {frame.x, frame.width, frame.height, frame.x_row_bytes}; }

// Detects a frozen sensor: a camera that hangs repeats the same bytes, which a working one never does for
// long.
class FrozenSensors {
 public:
  void clear() { *this = {}; }

  // Adds the next frame. If it is not a pair, the state is reset.
  void see(const Frame& frame);

  // Returns which images are live: one that stayed the same while the other one changed counts as absent.
  Present live(const Frame& frame) const;

 private:
  std::array<std::uint64_t, 2> last_{};
  std::array<int, 2> same_{};  // consecutive frames with the same bytes as the previous one
};

// Returns which live images show anything in their region, rather than one constant value with the noise of a
// sensor; if neither does, both count as before.
Present showing(const Frame& frame, const Region& region, const Region& second_region, Present live);

// Whether parts of an image are lost within a region, as after errors in transmission: many of its cells have
// the same constant value, neither black nor white, and sharp edges, which a clear sky does not have.
bool has_gaps(const Frame& frame, const Region& region);

// Decides when color is searched before the second sensor: in every frame while that suffices, and while the
// second sensor suffices instead, less and less often, down to every eighth frame of a pair. A single frame
// in which it does not suffice changes nothing, because it is more often blurred than dark, unless the image
// itself is known to be bad.
class ColorFirst {
 public:
  bool due() const { return left_ == 0; }
  bool doubted() const { return failed_; }  // color did not suffice the last time
  void skip() { --left_; }
  void retry() { left_ = 0; }  // the second sensor does not suffice either

  // Notes whether color sufficed; returns whether its result is used.
  bool note(bool sufficed, bool is_bad = false) {
    const bool is_used = sufficed || !(failed_ || is_bad);
    failed_ = !sufficed;
    left_ = wait_ = is_used ? 0 : std::min(2 * wait_ + 1, kRarest - 1);
    return is_used;
  }

 private:
  static constexpr int kRarest = 8;
  int wait_ = 0, left_ = 0;  // frames
  bool failed_ = false;      // the last time
};

// The inputs of "template_x" and "search_x" that the graphs for color alone do not have.
struct PairInputs {
  Tensor x;        // same shape as "image"
  Tensor present;  // (1, 2): color, the second sensor

  PairInputs() = default;
  explicit PairInputs(const GraphSpec& graph)
      : x(Tensor::zeros(named(graph.inputs, "x"))), present(Tensor::zeros(named(graph.inputs, "present"))) {}

  // Crops a region of the color image into `image`, and `second_region` of the second sensor's into `x`. An
  // image that shows nothing counts as absent, like one that is not live; at most one of the two is absent.
  void fill(const Tensor& image, const Frame& frame, const Region& region, const Region& second_region,
            const Colors& colors, Present live, Work& work) const;

  // Returns which sensors the inputs have images of.
  Present shown() const { return {present.floats()[0] > 0, present.floats()[1] > 0}; }
};

// Returns the share of the second sensor in a result: the mean of a map (cells * cells) of shares over the
// cells that a box covers, weighted by the covered fraction of each cell.
double share_within(const float* shares, const float* covered, std::size_t cells);

}  // namespace edgetrack
