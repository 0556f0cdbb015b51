// Measures the time between a tracker's frames in units of 1/30 s. The policy's frame counts are in this
// unit, so that they do not depend on the frame rate of the video.
#pragma once

#include <cstdint>
#include <optional>

namespace edgetrack {

class Clock {
 public:
  static constexpr double kRate = 30;  // frames per second that the policy's frame counts assume

  // Throws Error if the time is not finite.
  static void check(std::optional<double> time_s);

  // Starts with the first frame. `time_s` must have passed check().
  void start(std::optional<double> time_s);

  // Advances to the next frame. Without a time, the previous step is repeated. It is also repeated if the
  // time is not later than that of the last frame, or more than a second later: the clock was set, or there
  // was a gap. A step within a tenth of a whole number of frames is rounded to that number, because
  // timestamps are rounded to milliseconds and cameras have jitter.
  void step(std::optional<double> time_s);

  double now() const { return static_cast<double>(now_) / kParts; }       // frames since the first one
  double elapsed() const { return static_cast<double>(step_) / kParts; }  // frames since the last one
  bool passed(std::int64_t interval) const;  // whether this step reached a multiple of `interval` frames

 private:
  static constexpr std::int64_t kParts = 1000;  // per frame: integers, so that sums do not become 5.999

  std::int64_t now_ = 0, step_ = kParts;
  std::optional<double> last_s_;
};

}  // namespace edgetrack
