// Targets of one video are different things: what one of them is on is nobody else's.
#pragma once

#include <vector>

#include "tracker_state.h"

namespace edgetrack {

// One target as the others see it. Where it comes to the box of another, its claim to that is how well the
// box lies where its motion from before they met leads.
class Rival {
 public:
  using State = Tracker::State;

  explicit Rival(State& state) : state_(state) {}

  bool changed = false;  // in this frame: its track is another one than its network gave

  void look_around(const std::vector<Rival*>& all);  // before its frame: where the others are
  void meet(const std::vector<Rival*>& all);  // it has begun where the user says: those there share the place
  void forget(const Rival& gone);

 private:
  friend void settle(const std::vector<Rival*>& all);

  bool followed() const { return state_.started && state_.locked && !state_.tentative; }
  bool shares(const Rival& other) const;
  double distance(const Box& box) const;  // of its center from where motion leads, in sides of the box
  bool plausible(std::size_t peak) const;
  void go_on(double overlap);  // to the next frame
  bool part(Rival& other, const std::vector<Rival*>& all);
  bool is_free(const Box& box, const Rival& other, const std::vector<Rival*>& all) const;
  void doubt(Rival& other);

  State& state_;
  Box claim_{};                        // where motion leads
  double vx_ = 0, vy_ = 0;             // pixels a frame
  double overlap_ = 0;                 // the largest IoU with another in this frame
  int touching_ = 0;                   // frames in a row that it has touched another
  int together_ = 0;                   // that it has been on one box with another
  std::vector<const Rival*> sharing_;  // with whom the user has it share a place
};

// At the end of a frame: no two of them are on one thing, or they are uncertain.
void settle(const std::vector<Rival*>& all);

}  // namespace edgetrack
