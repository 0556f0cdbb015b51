// After warm-up no frame allocates, in any state of the tracker: every `new` of the process is counted.
#include <atomic>
#include <cstdio>
#include <set>
#include <vector>

#include "dice_engine.h"
#include "edgetrack/tracker.h"

extern std::atomic<long> allocations;  // in allocations.cpp

// Follows dice for a while; returns what it allocated after the first `warm` frames.
static long counted(edgetrack::Tracker& tracker, int warm, int frames, std::set<edgetrack::Status>& seen,
                    std::set<edgetrack::Basis>& bases) {
  static std::vector<std::uint8_t> pixels(320 * 240 * 3, 90);
  const edgetrack::Frame frame = {pixels.data(), 320, 240, 3 * 320};
  long before = allocations;
  for (int i = 0; i < frames; ++i) {
    if (i == warm) before = allocations;
    const edgetrack::Track track = i % 12 < 6 ? tracker.update(frame) : tracker.update(frame, 1e-6);
    if (i < warm) seen.insert(track.status), bases.insert(track.basis);
  }
  return allocations - before;
}

int main() {
  edgetrack::Policy policy;
  policy.max_uncertain_frames = 3, policy.reverify_interval = 4, policy.template_update_interval = 2;
  policy.template_blend = 0.3, policy.template_blend_interval = 3, policy.template_blend_delay = 1;
  policy.static_min_runs = 1, policy.static_iou = 0, policy.max_reused_frames = 1;  // dice never rest
  const edgetrack::Model model = {2.0, 4.0, {127, 127, 127}, {127, 127, 127}, {127, 127, 127}, false, 2.0};
  std::vector<std::uint8_t> pixels(320 * 240 * 3, 90);
  const edgetrack::Frame frame = {pixels.data(), 320, 240, 3 * 320};
  const edgetrack::Text text = {{{1, 2, 3, 0, 0, 0}, {1, 1, 1, 0, 0, 0}}, {}, {}};
  const edgetrack::Box box = {100, 100, 40, 30};
  for (const bool named : {true, false}) {
    edgetrack::Tracker tracker(std::make_shared<edgetrack::DiceEngine>(7u), model, policy);
    tracker.start(frame, named ? &text : nullptr, named ? nullptr : &box);
    tracker.set_static_check(true);
    tracker.set_masks(true, true);
    std::set<edgetrack::Status> seen;
    std::set<edgetrack::Basis> bases;
    if (const long some = counted(tracker, 2000, 6000, seen, bases)) {
      std::printf("%ld allocations in 4000 frames after warm-up; expected none\n", some);
      return 1;
    }
    if (!seen.count(edgetrack::Status::tracking) || !seen.count(edgetrack::Status::lost)) {
      std::printf("only %zu states came up; expected tracking and lost among them\n", seen.size());
      return 1;
    }
    if (bases.size() != 3) return std::printf("boxes rest on %zu things; expected 3\n", bases.size()), 1;
  }
  if (allocations < 100) return std::printf("the counter does not count\n"), 1;
  std::printf("no allocation in 8000 frames\n");
  return 0;
}
