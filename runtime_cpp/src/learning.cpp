// What a tracker learns of its target: the template, and how the target looks while it is followed.
#include <algorithm>
#include <cmath>

#include "decode.h"
#include "tracker_state.h"

namespace edgetrack {

namespace {

constexpr std::int64_t kLonger = 9;  // a target that vanished must be certain for this many delays more
constexpr float kDrift = 0.3f;       // rate of the prompts at each update

// Prompts are updated from looks, so the interval counts looks instead of time.
bool due(std::int64_t index, int every) { return every > 0 && index % every == 0; }

}  // namespace

void Tracker::State::learn(const Frame& frame, const Box& at) {
  target.set_template(frame, at, work, sensors.live(frame), displacement);
  wait_to_blend(at);
}

// Targets that start together have their templates updated in different frames, so that no frame takes much
// longer than others; the place decides, so that a target is followed alone as it is among others.
void Tracker::State::wait_to_blend(const Box& at) {
  const int interval = policy.template_blend_interval;
  since_blend = interval > 0 ? static_cast<int>(std::fmod(std::abs(at.x + at.y), interval)) : 0;
}

void Tracker::State::remember(const Frame& frame, const Answer& answer, double score) {
  const bool sure = score >= policy.template_update_threshold && !contested && !is_doubtful();
  if (!sure) certain = std::min<std::int64_t>(certain, 0);
  if (score < Identity::kVanished) {
    target.unblend();
    certain = -kLonger * policy.template_blend_delay;
  }
  // What the target looks like in a faded image is not worth learning.
  in_view = sure && !tentative && !faded && !at_edge(*box, frame);
  if (!sure || !due(index, policy.template_update_interval)) return;
  const Maps maps = answer.maps();
  target_share(*box, around, maps.cells, share.data());
  target.refresh(answer.embedding.floats(), maps.score, share.data(), maps.cells, kDrift);
}

// The first template stays the larger part: a target that turns is still recognized, and one that returns as
// it was at first, too.
bool Tracker::State::may_blend(double left_s) const {
  return policy.template_blend > 0 && since_blend >= policy.template_blend_interval &&
         certain >= policy.template_blend_delay && in_view && !contested && blend_cost.seconds() <= left_s;
}

void Tracker::State::blend(const Frame& frame) {
  const double before_s = work.timing.crop_s + work.timing.network_s;
  target.blend(frame, *box, work, static_cast<float>(policy.template_blend));
  blend_cost.add(work.timing.crop_s + work.timing.network_s - before_s);
  since_blend = 0;
}

}  // namespace edgetrack
