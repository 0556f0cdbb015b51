// Remembers objects that look like the target, so that none of them is followed in its place when it is
// hidden (Mayer et al., "Learning Target Candidate Association to Keep Track of What Not to Track", ICCV
// 2021).
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <vector>

#include "decode.h"
#include "looker.h"

namespace edgetrack {

// A look-alike is a place at which the network has seen the target in several looks while the target was
// elsewhere. If the best place of a frame is that of a look-alike, and the target is expected somewhere
// else, the next best place is taken.
class Lookalikes {
 public:
  // Scores from which a place may be an object, and from which it moves the target's box.
  struct Limits {
    double object, moves;
  };

  Lookalikes();
  void clear() { known_.clear(); }

  // Chooses the target's place in a search region, and notes the others.
  //
  // `best` is the network's best place, `expected` where the target's motion puts it, in pixels of the frame.
  // If every place is that of a look-alike, the quality of the result is 0.
  Prediction choose(const Maps& maps, const Prior& prior, const Region& region, const Prediction& best,
                    const Box& expected, const Limits& limits);

  // Follows the look-alikes in a full-frame search for a target that has been lost for some frames. After a
  // few seconds they are forgotten, because one of them may be the target.
  void see(const std::vector<Find>& finds, const Limits& limits, double lost_for);

  // Returns `boxes` and those of the look-alikes.
  const std::vector<Box>& beside(const std::vector<Box>& boxes);

 private:
  struct Known {
    Box box;
    int looks;   // looks in which it was seen
    int missed;  // looks since then
    bool seen;   // in this look
  };
  struct Place {
    Prediction prediction;
    Box box;
  };

  std::size_t find_places(const Maps& maps, const Prior& prior, const Region& region, const Prediction& best);
  const Known* known_at(const Box& box) const;
  std::size_t chosen_of(std::size_t count, const Box& expected, double object) const;
  void note(const Box& box, bool learn);
  void end_look();

  std::vector<Known> known_;  // memory for these and the boxes is reserved, so that no frame allocates
  std::vector<Box> boxes_;
  std::array<Place, 5> places_{};
};

}  // namespace edgetrack
