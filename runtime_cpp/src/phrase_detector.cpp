#include "edgetrack/phrase_detector.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "aside.h"
#include "contract.h"
#include "geometry.h"
#include "look.h"
#include "looker.h"
#include "target.h"
#include "work.h"

namespace edgetrack {

namespace {

constexpr double kOneObject = 0.5;  // minimum IoU with a better box of the same object
constexpr double kPartOf = 0.8;     // minimum fraction of one box inside the other for the same object

}  // namespace

struct PhraseDetector::State {
  const std::shared_ptr<Engine> engine;
  const std::shared_ptr<Aside> aside;
  const Colors colors;
  const double least, sure;
  const std::size_t most;
  Target target;
  Work work, beside;  // of the calling thread, and of the background thread
  Tensor whole;
  std::unique_ptr<Looker> looker;
  Still still;
  Frame extent{nullptr, 0, 0, 0};
  Errand errand;
  std::vector<Find> finds;
  std::vector<Detection> found;

  State(std::shared_ptr<Engine> shared, const Model& model, std::shared_ptr<Aside> other, double lowest,
        double surely, std::size_t count)
      : engine(std::move(shared)),
        aside(std::move(other)),
        colors(colors_of(model.mean, model.std, model.fill)),
        least(lowest),
        sure(surely),
        most(count),
        target(engine, model) {
    target.prepare_portraits();
    looker = text_looker(*engine, model, target, &whole);
  }
  ~State() { abandon(); }

  void abandon() {
    aside->settle(errand);
    errand.failure = nullptr;
    found.clear();
  }

  // Returns the looker's finds, each object once: a box inside a better one is a part of it, a box around a
  // better one is a group or too large.
  void collect() {
    finds = looker->finds(extent);
    std::stable_sort(finds.begin(), finds.end(),
                     [](const Find& a, const Find& b) { return a.score > b.score; });
    for (const Find& find : finds) {
      if (find.score < least || found.size() == most) return;
      if (std::none_of(found.begin(), found.end(), [&](const Detection& better) {
            return iou(find.box, better.box) > kOneObject || holds(better.box, find.box) > kPartOf ||
                   holds(find.box, better.box) > kPartOf;
          }))
        found.push_back({find.box, find.score, {}});
    }
  }

  // `shown` holds the pixels; `scaled` converts a box to them.
  template <typename Scaled>
  void portray(const Frame& shown, const Scaled& scaled) {
    for (Detection& one : found)
      if (one.score >= sure) one.appearance = target.portrait(shown, scaled(one.box), beside);
  }
};

PhraseDetector::PhraseDetector(std::shared_ptr<Engine> engine, const Model& model,
                               std::shared_ptr<Aside> aside, const Text& text, double least, double sure,
                               std::size_t most)
    : state_(std::make_unique<State>(std::move(engine), model, std::move(aside), least, sure, most)) {
  set_text(text);
}

PhraseDetector::~PhraseDetector() = default;

void PhraseDetector::set_text(const Text& text) {
  state_->target.check(text);
  state_->abandon();
  state_->target.clear();
  state_->target.set_text(text, state_->work);
}

void PhraseDetector::look(const Frame& frame) {
  State& state = *state_;
  check_frame(frame);
  state.abandon();
  state.extent = {nullptr, frame.width, frame.height, 0};
  if (state.looker->take(frame, state.colors, state.work)) {
    state.collect();
    state.portray(frame, [](const Box& box) { return box; });
    return;
  }
  state.still.keep(frame);
  state.errand.step = [&state] {
    state.looker->run();
    state.collect();
    state.portray(state.still.frame(), [&state](const Box& box) { return state.still.scaled(box); });
  };
  state.aside->post(state.errand);
}

bool PhraseDetector::wait(double seconds) {
  state_->aside->wait(state_->errand, seconds);
  return state_->aside->is_done(state_->errand);
}

const std::vector<Detection>& PhraseDetector::detections() {
  State& state = *state_;
  state.aside->settle(state.errand);
  if (state.errand.failure) {
    state.found.clear();
    std::rethrow_exception(std::exchange(state.errand.failure, nullptr));
  }
  return state.found;
}

}  // namespace edgetrack
