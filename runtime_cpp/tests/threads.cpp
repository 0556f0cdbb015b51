// Threads with trackers of their own on one engine: the tracks of one thread alone, and, under the thread
// sanitizer
// (-DEDGETRACK_SANITIZE=thread), no access that races. Usage: threads [BUNDLE], on ONNX Runtime with a
// bundle.
#include <atomic>
#include <cstdio>
#include <thread>
#include <vector>

#include "dice_engine.h"
#include "edgetrack/bundle.h"
#include "edgetrack/multi_tracker.h"
#include "edgetrack/ort.h"

namespace {

using namespace edgetrack;

constexpr int kThreads = 3;

struct Setup {
  std::shared_ptr<Engine> engine;
  Model model;
  Policy policy;
  Text text;
  int frames;
};

Setup dice() {
  Setup setup = {std::make_shared<DiceEngine>(7u),
                 {2.0, 4.0, {127, 127, 127}, {127, 127, 127}, {127, 127, 127}},
                 {},
                 {{{1, 2, 3, 0, 0, 0}, {1, 1, 1, 0, 0, 0}}, {}, {}},
                 400};
  setup.policy.max_uncertain_frames = 3, setup.policy.reverify_interval = 4,
  setup.policy.template_update_interval = 2;
  setup.policy.template_blend = 0.3, setup.policy.template_blend_interval = 3;
  setup.policy.template_blend_delay = 1;
  return setup;
}

Setup shipped(const char* folder) {
  const Bundle bundle = Bundle::open(folder);
  OrtOptions options;
  options.threads = 0;  // the default: where there are two cores, ONNX Runtime's own pool takes part
  return {open_ort(bundle, options), bundle.model, bundle.policy, bundle.tokenizer().encode("red car"), 12};
}

struct Values {
  double score, x, y, w, h;
  Status status;

  explicit Values(const Track& track) : score(track.score), status(track.status) {
    const Box box = track.box.value_or(Box{});
    x = box.x, y = box.y, w = box.w, h = box.h;
  }
  bool operator==(const Values& other) const {
    return score == other.score && x == other.x && y == other.y && w == other.w && h == other.h &&
           status == other.status;
  }
};

// What a tracker of one target, and one of two, say of the same frames: a gray picture with a red box that
// moves.
std::vector<Values> follow(const Setup& setup) {
  const int width = 320, height = 240;
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(width * height * 3), 90);
  const Frame frame = {pixels.data(), width, height, 3 * width};
  const Box box = {100, 100, 40, 30};
  Tracker one(setup.engine, setup.model, setup.policy);
  MultiTracker many(setup.engine, setup.model, setup.policy);
  many.add("text", &setup.text, nullptr);
  many.add("box", nullptr, &box);
  std::vector<Values> seen;
  for (int i = 0; i < setup.frames; ++i) {
    for (int y = 100; y < 130; ++y)
      pixels[static_cast<std::size_t>((y * width + 100 + i % 40) * 3 + 2)] = 255;
    seen.emplace_back(i ? one.update(frame) : one.start(frame, &setup.text, nullptr));
    for (const MultiTracker::Result& result : many.update(frame)) {
      if (result.failure) std::rethrow_exception(result.failure);
      seen.emplace_back(*result.track);
    }
  }
  return seen;
}

}  // namespace

int main(int count, char** words) try {
  const Setup setup = count > 1 ? shipped(words[1]) : dice();
  std::vector<std::vector<Values>> seen(kThreads);
  std::atomic<bool> failed{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&, i] {
      try {
        seen[static_cast<std::size_t>(i)] = follow(setup);
      } catch (const std::exception& error) {
        std::printf("thread %d: %s\n", i, error.what());
        failed = true;
      }
    });
  for (std::thread& thread : threads) thread.join();
  const std::vector<Values> alone = follow(setup);
  for (const std::vector<Values>& one : seen)
    if (failed || !(one == alone)) return std::printf("a thread has other tracks than one alone\n"), 1;
  std::printf("the same %zu tracks in %d threads\n", alone.size(), kThreads);
  return 0;
} catch (const edgetrack::Error& error) {
  return std::fprintf(stderr, "error: %s\n", error.what()), static_cast<int>(error.code);
}
