// What one tracker works with from frame to frame: the crop's buffers, and a clock for where the time goes.
#pragma once

#include <chrono>

#include "crop.h"
#include "edgetrack/tracker.h"

namespace edgetrack {

struct Work {
  CropScratch scratch;
  Timing timing;

  void crop_into(const Tensor& image, const Frame& frame, const Region& region, const Colours& colours) {
    timed(timing.crop_s, [&] { crop(frame, region, colours, image, scratch); });
  }

  void run(Call& call) {
    timed(timing.network_s, [&] { call.run(); });
  }

  // Adds the seconds that `step` takes.
  template <typename Step>
  static auto timed(double& sum_s, const Step& step) {
    using Clock = std::chrono::steady_clock;
    struct Stop {
      double& sum_s;
      const Clock::time_point begun = Clock::now();
      ~Stop() { sum_s += std::chrono::duration<double>(Clock::now() - begun).count(); }
    } const stop{sum_s};
    return step();
  }
};

}  // namespace edgetrack
