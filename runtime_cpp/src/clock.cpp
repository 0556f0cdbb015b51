#include "clock.h"

#include <cmath>

#include "edgetrack/types.h"
#include "message.h"

namespace edgetrack {

namespace {

constexpr double kLongestStep = Clock::kRate;  // one second
constexpr double kShortestStep = 0.1;   // 300 frames per second; a shorter step: two timestamps of one moment
constexpr double kStepTolerance = 0.1;  // of a frame

}  // namespace

void Clock::check(std::optional<double> time_s) {
  if (time_s && !std::isfinite(*time_s))
    throw Error(Code::config, message("time_s is ", *time_s, "; expected a finite number of seconds"));
}

void Clock::start(std::optional<double> time_s) {
  now_ = 0, step_ = kParts;
  last_s_ = time_s;
}

void Clock::step(std::optional<double> time_s) {
  if (time_s && last_s_) {
    const double frames = (*time_s - *last_s_) * kRate;
    const double whole = std::round(frames);
    const double step = whole >= 1 && std::abs(frames - whole) < kStepTolerance ? whole : frames;
    if (step >= kShortestStep && step <= kLongestStep) step_ = std::llround(step * kParts);
  }
  last_s_ = time_s;
  now_ += step_;
}

bool Clock::passed(std::int64_t interval) const {
  const std::int64_t parts = interval * kParts;
  return interval > 0 && now_ / parts > (now_ - step_) / parts;
}

}  // namespace edgetrack
