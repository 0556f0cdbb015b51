// Keeps several targets of one video apart: two targets never claim the same object.
#pragma once

#include <vector>

#include "tracker_state.h"

namespace edgetrack {

// One target as seen by the other targets. When two targets end up on the same box, the one whose motion
// before they met predicts that box better has the stronger claim to it.
class Rival {
 public:
  using State = Tracker::State;

  explicit Rival(State& state) : state_(state) {}

  bool changed = false;  // its track in this frame was changed from what its network gave

  void look_around(const std::vector<Rival*>& all);  // call before its frame: notes where the others are
  void meet(const std::vector<Rival*>& all);         // after the user placed it: it may share its place
  void forget(const Rival& gone);

 private:
  friend void settle(const std::vector<Rival*>& all);

  bool followed() const { return state_.started && state_.locked && !state_.tentative; }
  bool shares(const Rival& other) const;
  double distance(const Box& box) const;  // from the predicted center, in box sides
  bool plausible(std::size_t peak) const;
  void go_on(double overlap);  // moves on to the next frame
  bool part(Rival& other, const std::vector<Rival*>& all);
  bool is_free(const Box& box, const Rival& other, const std::vector<Rival*>& all) const;
  void doubt(Rival& other);

  State& state_;
  Box claim_{};                        // the box that its motion predicts
  double vx_ = 0, vy_ = 0;             // pixels per frame
  double overlap_ = 0;                 // the largest IoU with another in this frame
  int touching_ = 0;                   // consecutive frames in which it touched another
  int together_ = 0;                   // consecutive frames on the same box as another
  std::vector<const Rival*> sharing_;  // those that the user placed on the same object
};

// Call at the end of a frame: separates targets that are on the same object, or makes them uncertain.
void settle(const std::vector<Rival*>& all);

}  // namespace edgetrack
