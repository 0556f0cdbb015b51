// Whether the followed object may be another one than the target.
#pragma once

#include <algorithm>

#include "geometry.h"

namespace edgetrack {

// A target that vanishes and is found elsewhere may be a look-alike: a covered runner vanishes, and the
// search finds the one beside him with a high score. The network knows classes and colors, but not
// individuals, so the object is in doubt for a while. A target that returns where it vanished is not, nor is
// one that moves fast but stays in view.
class Identity {
 public:
  // Below this score, the target has vanished. Chosen, as the numbers below, by the means over development
  // videos in which the target is covered.
  static constexpr double kVanished = 0.3;

  // Begins with an object that certainly is the target.
  void start(const Box& at) { last_ = at, vanished_ = leaves_ = false, doubt_ = 0; }

  // Adds the score and box of a search, `elapsed` clock frames after the last one. Doubt lasts for `frames`;
  // if it is 0, there is none.
  void see(double score, const Box& box, const Frame& frame, double elapsed, int frames) {
    doubt_ = std::max(doubt_ - elapsed, 0.0);
    leaves_ = at_edge(box, frame);
    if (score < kVanished) {
      vanished_ = frames > 0;
    } else if (score >= kSure) {
      if (vanished_ && iou(last_, box) < kElsewhere) doubt_ = frames;
      vanished_ = false;
      last_ = box;
    }
  }

  // What is found after the target has left may be anything, even at the same place.
  bool has_left() const { return vanished_ && leaves_; }

  // A target at an edge of the frame has a low score because it leaves, not because something else is seen.
  bool is_doubtful() const { return doubt_ > 0 || (vanished_ && !leaves_); }

 private:
  static constexpr double kSure = 0.5;       // score
  static constexpr double kElsewhere = 0.1;  // IoU with the last sure box

  Box last_{};  // the last sure box
  bool vanished_ = false, leaves_ = false;
  double doubt_ = 0;  // remaining clock frames
};

}  // namespace edgetrack
