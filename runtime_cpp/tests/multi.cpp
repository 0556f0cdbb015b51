// Several targets: bad input is named, a target that fails leaves the others alone, and no frame allocates.
#include <atomic>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "checks.h"
#include "dice_engine.h"
#include "edgetrack/multi_tracker.h"

extern std::atomic<long> allocations;  // in allocations.cpp

// Seven targets, of which as many as can be go through the network together: nothing is allocated either.
static void batched(const edgetrack::Model& model, const edgetrack::Policy& policy,
                    const edgetrack::Frame& frame) {
  const edgetrack::Text text = {{{1, 2, 3, 0, 0, 0}, {1, 1, 1, 0, 0, 0}}, {}, {}};
  const edgetrack::Box box = {100, 100, 40, 30};
  const auto engine = std::make_shared<edgetrack::DiceEngine>(7u);
  expect_error(edgetrack::Code::config, "a batch of 1 targets",
               [&] { edgetrack::MultiTracker(engine, model, policy, {4, 1}); });
  edgetrack::MultiTracker tracker(engine, model, policy, {2, 4});
  for (const char* name : {"a", "b", "c", "d", "e", "f", "g"})
    tracker.add(name, *name < 'e' ? nullptr : &text, &box);
  long before = 0;
  for (int i = 0; i < 6000; ++i) {
    if (i == 2000) before = allocations;
    for (const auto& result : tracker.update(frame))
      expect(result.track && result.track->index == i, "a track in each frame");
    expect(!tracker.batch_failure(), "no batch fails");
  }
  expect(engine->batches > 6000, "batches ran");
  expect(allocations == before, "no allocation after warm-up, with batches");
}

// The same dice for several callers at once: looks at the whole frame run in a thread of their own.
class SharedDice final : public edgetrack::Engine {
 public:
  edgetrack::GraphSpec graph(const std::string& role) override { return dice_.graph(role); }
  std::unique_ptr<edgetrack::Call> bind(const std::string& role, const std::vector<edgetrack::Tensor>& inputs,
                                        const std::vector<edgetrack::Tensor>& outputs) override {
    return dice_.bind(role, inputs, outputs);
  }
  bool concurrent() const override { return true; }

 private:
  edgetrack::DiceEngine dice_{7u};
};

// Looks beside a target that is followed; for the thread sanitizer, too.
static void looks_beside(const edgetrack::Model& model, const edgetrack::Policy& policy,
                         const edgetrack::Frame& frame) {
  const edgetrack::Text text = {{{1, 2, 3, 0, 0, 0}, {1, 1, 1, 0, 0, 0}}, {}, {}};
  const edgetrack::Box box = {100, 100, 40, 30};
  edgetrack::MultiTracker tracker(std::make_shared<SharedDice>(), model, policy);
  tracker.add("a", &text, &box);
  auto detector = tracker.detector(text, 0.1, 0.5, 8);
  std::size_t found = 0;
  for (int i = 0; i < 300; ++i) {
    detector->look(frame);
    expect(tracker.update(frame)[0].track.has_value(), "a track beside the look");
    if (i % 7 == 0) detector->set_text(text);
    found += detector->detections().size();
  }
  expect(found > 20, "looks beside the target find something");
  detector->look(frame);  // which is let go of while it is under way
}

// All that a phrase names: bad input is named, what is found is within its bounds, and the detector may
// outlive the tracker that made it.
static void detects(const edgetrack::Model& model, const edgetrack::Policy& policy,
                    const edgetrack::Frame& frame) {
  using edgetrack::Code;
  const edgetrack::Text text = {{{1, 2, 3, 0, 0, 0}, {1, 1, 1, 0, 0, 0}}, {}, {}},
                        longer = {{{1, 2}, {1, 1}}, {}, {}};
  auto tracker =
      std::make_unique<edgetrack::MultiTracker>(std::make_shared<edgetrack::DiceEngine>(7u), model, policy);
  expect_error(Code::prompt, "2 ids", [&] { tracker->detector(longer, 0.1, 0.5, 3); });
  const auto detector = tracker->detector(text, 0.1, 0.5, 3);
  expect(detector->detections().empty(), "nothing is found before a look");
  expect_error(Code::frame, "frame is empty", [&] { detector->look({nullptr, 320, 240, 960}); });
  tracker.reset();
  std::size_t found = 0;
  for (int i = 0; i < 200; ++i) {
    detector->look(frame);
    if (i % 3 == 0) continue;  // forgotten
    expect(detector->wait(1.0), "a look comes to its end");
    const auto& all = detector->detections();
    expect(all.size() <= 3, "at most so many");
    found += all.size();
    for (std::size_t n = 0; n < all.size(); ++n) {
      expect(all[n].score >= 0.1 && all[n].score <= 1, "a score within its bounds");
      expect(all[n].appearance.empty() == (all[n].score < 0.5), "what is sure has an appearance");
      expect(n == 0 || all[n].score <= all[n - 1].score, "the best first");
    }
    if (i % 50 == 1) {
      expect_error(Code::prompt, "2 ids", [&] { detector->set_text(longer); });
      detector->set_text(text);
      expect(detector->detections().empty(), "what another phrase has found is forgotten");
    }
  }
  expect(found > 20, "something is found");
}

int main() {
  using edgetrack::Code;
  edgetrack::Policy policy;
  policy.max_uncertain_frames = 3, policy.reverify_interval = 4, policy.template_update_interval = 2;
  policy.template_blend = 0.3, policy.template_blend_interval = 3, policy.template_blend_delay = 1;
  const edgetrack::Model model = {2.0, 4.0, {127, 127, 127}, {127, 127, 127}, {127, 127, 127}};
  std::vector<std::uint8_t> pixels(320 * 240 * 3, 90);
  const edgetrack::Frame frame = {pixels.data(), 320, 240, 3 * 320}, bad = {nullptr, 320, 240, 960};
  const edgetrack::Text text = {{{1, 2, 3, 0, 0, 0}, {1, 1, 1, 0, 0, 0}}, {}, {}},
                        longer = {{{1, 2}, {1, 1}}, {}, {}};
  const edgetrack::Box box = {100, 100, 40, 30}, outside = {500, 100, 40, 30};
  edgetrack::MultiTracker tracker(std::make_shared<edgetrack::DiceEngine>(7u), model, policy);

  expect_error(Code::not_started, "without any target", [&] { tracker.update(frame); });
  expect_error(Code::config, "name of a target is empty", [&] { tracker.add("", &text, nullptr); });
  expect_error(Code::config, "'a' has neither", [&] { tracker.add("a", nullptr, nullptr); });
  expect_error(Code::config, "no target 'a' to remove; there is none", [&] { tracker.remove("a"); });
  tracker.add("a", &text, nullptr);
  expect_error(Code::config, "'a' already", [&] { tracker.add("a", &text, nullptr); });
  tracker.add("outside", nullptr, &outside);
  tracker.add("longer", &longer, nullptr);
  tracker.add("b", nullptr, &box);
  expect_error(Code::frame, "frame is empty", [&] { tracker.update(bad); });
  for (int i = 0; i < 3; ++i) {
    const auto& results = tracker.update(frame);
    expect(results.size() == 4 && results[0].track->index == i && results[3].track->index == i,
           "those go on");
    expect_error(Code::box, "outside the frame", [&] { std::rethrow_exception(results[1].failure); });
    expect_error(Code::prompt, "2 ids", [&] { std::rethrow_exception(results[2].failure); });
    expect(!results[0].failure && !results[1].track && !results[2].track, "a track or a failure");
  }
  tracker.remove("outside");
  tracker.remove("longer");
  expect(tracker.names() == std::vector<std::string>{"a", "b"}, "names");

  long before = 0;
  for (int i = 0; i < 6000; ++i) {
    if (i == 2000) before = allocations;
    tracker.update(frame);
  }
  expect(before > 100, "the counter counts");
  expect(allocations == before, "no allocation after warm-up");
  batched(model, policy, frame);
  detects(model, policy, frame);
  looks_beside(model, policy, frame);
  std::printf("%d failures\n", failures);
  return failures ? 1 : 0;
}
