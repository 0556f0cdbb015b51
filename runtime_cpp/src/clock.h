// The time that passes between the frames of a tracker, counted in frames of a video at 30 a second: what the
// policy's numbers of frames mean.
#pragma once

#include <cstdint>
#include <optional>

namespace edgetrack {

class Clock {
 public:
  static constexpr double kRate = 30;  // frames a second that the policy's numbers are meant for

  // Throws Error for a time that is not finite.
  static void check(std::optional<double> time_s);

  // The first frame, at a time that was checked.
  void start(std::optional<double> time_s);

  // The next frame. Without a time it comes as long after the last one as that did after the one before; so
  // it does where its time is not later than the last one, or more than a second later: that is a clock that
  // was set, or a gap. Steps within a tenth of a whole number of frames are that number, since time stamps
  // are rounded to milliseconds and cameras are not punctual.
  void step(std::optional<double> time_s);

  double now() const { return static_cast<double>(now_) / kParts; }       // frames since the first one
  double elapsed() const { return static_cast<double>(step_) / kParts; }  // frames since the last one
  bool passed(
      std::int64_t interval) const;  // whether a multiple of so many frames, if any, came with this one

 private:
  static constexpr std::int64_t kParts = 1000;  // of a frame: whole numbers, so that nothing adds up to 5.999

  std::int64_t now_ = 0, step_ = kParts;
  std::optional<double> last_s_;
};

}  // namespace edgetrack
