// Corrects the size of the reported box by what the checks find.
#pragma once

#include <algorithm>
#include <cmath>

#include "geometry.h"

namespace edgetrack {

// A search compares with one template, so it knows where a target is better than how far it extends; a
// full-frame search has learned the extents of whole classes. The ratio of their sizes changes slowly, so the
// mean over the last checks also holds for the frames in between. The tracker follows its own box, and only
// reports the other: an error here cannot lose the target.
class SizeCorrection {
 public:
  void clear() { checks_ = 0; }

  // Adds a check that found `found` where `followed` was followed.
  void add(const Box& followed, const Box& found) {
    checks_ = std::min(checks_ + 1, kMemory);
    const double rate = 1.0 / checks_;
    if (checks_ == 1) width_ = height_ = 0;
    width_ += rate * (std::log(found.w / followed.w) - width_);
    height_ += rate * (std::log(found.h / followed.h) - height_);
  }

  // Returns the box to report for a followed one, in pixels of the frame. The center stays, unless the frame
  // cuts the box.
  Box of(const Box& followed, const Frame& frame) const {
    if (checks_ == 0) return followed;
    const double w = followed.w * std::exp(width_), h = followed.h * std::exp(height_);
    return clip({followed.x + (followed.w - w) / 2, followed.y + (followed.h - h) / 2, w, h}, frame);
  }

 private:
  static constexpr int kMemory = 5;  // checks that the mean is taken over; 10 give the same accuracy

  int checks_ = 0;
  double width_ = 0, height_ = 0;  // logarithm of the ratio
};

}  // namespace edgetrack
