// Several targets: bad input is named, a target that fails leaves the others alone, and no frame allocates.
#include <cstdio>
#include <cstring>
#include <vector>

#include "dice_engine.h"
#include "edgetrack/multi_tracker.h"

extern long allocations;  // in allocations.cpp

static int failures = 0;

static void expect(bool holds, const char* what) {
  if (holds) return;
  ++failures;
  std::printf("FAILED: %s\n", what);
}

template <typename Step>
static void expect_error(edgetrack::Code code, const char* words, const Step& step) {
  try {
    step();
    expect(false, words);
  } catch (const edgetrack::Error& error) {
    expect(error.code == code && std::strstr(error.what(), words), error.what());
  }
}

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

int main() {
  using edgetrack::Code;
  edgetrack::Policy policy;
  policy.max_uncertain_frames = 3, policy.reverify_interval = 4, policy.template_update_interval = 2;
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
  std::printf("%d failures\n", failures);
  return failures ? 1 : 0;
}
