#include "edgetrack/multi_tracker.h"

#include <algorithm>
#include <functional>

#include "batch.h"
#include "contract.h"
#include "geometry.h"
#include "message.h"
#include "multi_target.h"

namespace edgetrack {

MultiTracker::MultiTracker(std::shared_ptr<Engine> engine, const Model& model, const Policy& policy,
                           const std::vector<std::size_t>& batches, bool exclusive)
    : engine_(checked(std::move(engine))),
      model_(model),
      policy_(policy),
      exclusive_(exclusive),
      aside_(std::make_shared<Aside>(engine_->concurrent())),
      sizes_(batches),
      batches_(batches.size()) {
  std::sort(sizes_.begin(), sizes_.end(), std::greater<>());
  if (!sizes_.empty() && sizes_.back() < 2)
    throw Error(Code::config, message("a batch of ", sizes_.back(), " targets; expected at least 2"));
}

MultiTracker::~MultiTracker() = default;

std::size_t MultiTracker::place(const std::string& name) const {
  std::size_t at = 0;
  while (at < results_.size() && results_[at].name != name) ++at;
  return at;
}

void MultiTracker::add(const std::string& name, const Text* text, const Box* box) {
  if (name.empty())
    throw Error(Code::config, "the name of a target is empty; give it one, such as 'red car'");
  if (place(name) < results_.size())
    throw Error(Code::config,
                message("a target '", name, "' already exists; give this one another name, or call ",
                        "remove('", name, "') first"));
  if (!text && !box)
    throw Error(Code::config, message("target '", name, "' has neither text nor box; give one of them: ",
                                      "add(text='red car') or add(box=(x, y, w, h))"));
  std::unique_ptr<Target> target(new Target{{engine_, model_, policy_, aside_}, {}, {}});
  if (text) target->text = *text;
  if (box) target->box = *box;
  target->tracker.set_static_check(static_check_);
  target->tracker.set_masks(masks_, logits_);
  target->tracker.set_on_ambiguous(on_ambiguous_);
  target->state().outside = outside_;
  results_.reserve(results_.size() + 1);  // so that the insertions below cannot fail
  waiting_.reserve(results_.size() + 1);
  rivals_.reserve(results_.size() + 1);
  for (const auto& other : targets_) other->state().taken.reserve(results_.size() + 1);
  target->state().taken.reserve(results_.size() + 1);
  rivals_.push_back(&target->rival);
  targets_.push_back(std::move(target));
  results_.push_back({name, {}, {}, {}, {}, {}});
}

// Returns the index of a target; throws Error if there is none of that name.
std::size_t MultiTracker::known(const std::string& name, const char* purpose) const {
  const std::size_t at = place(name);
  if (at < results_.size()) return at;
  std::string names;
  for (const Result& result : results_) names += (names.empty() ? "'" : ", '") + result.name + "'";
  throw Error(Code::config, message("there is no target '", name, "' to ", purpose, "; there is ",
                                    names.empty() ? "none" : names));
}

void MultiTracker::set_text(const std::string& name, const Text& text) {
  Target& target = *targets_[known(name, "describe")];
  if (target.started) {
    target.tracker.set_text(text);
    return;
  }
  target.state().check(text);
  target.text = text;
  target.box.reset();
}

Tracker& MultiTracker::begun(const std::string& name) {
  Target& target = *targets_[known(name, "place")];
  if (!target.started)
    throw Error(Code::not_started,
                message("target '", name, "' is still waiting for its first frame; call update(frame) ",
                        "first, or add() it with a box"));
  return target.tracker;
}

void MultiTracker::choose(const std::string& name, const Box& candidate) { begun(name).choose(candidate); }

void MultiTracker::correct(const std::string& name, const Box& box) { begun(name).correct(box); }

void MultiTracker::set_on_ambiguous(OnAmbiguous then) {
  on_ambiguous_ = then;
  for (const std::unique_ptr<Target>& target : targets_) target->tracker.set_on_ambiguous(then);
}

void MultiTracker::set_static_check(bool on) {
  static_check_ = on;
  for (const std::unique_ptr<Target>& target : targets_) target->tracker.set_static_check(on);
}

void MultiTracker::set_masks(bool on, bool logits) {
  for (const std::unique_ptr<Target>& target : targets_) target->tracker.set_masks(on, logits);
  masks_ = on, logits_ = logits;
}

void MultiTracker::note_gap() {
  for (const std::unique_ptr<Target>& target : targets_) target->tracker.note_gap();
}

void MultiTracker::remove(const std::string& name) {
  const std::size_t at = known(name, "remove");
  for (Rival* rival : rivals_) rival->forget(targets_[at]->rival);
  rivals_.erase(rivals_.begin() + static_cast<std::ptrdiff_t>(at));
  targets_.erase(targets_.begin() + static_cast<std::ptrdiff_t>(at));
  results_.erase(results_.begin() + static_cast<std::ptrdiff_t>(at));
}

const std::vector<MultiTracker::Result>& MultiTracker::update(const Frame& frame,
                                                              std::optional<double> deadline_ms,
                                                              std::optional<double> time_s) {
  Deadline deadline(deadline_ms);
  Clock::check(time_s);
  check_frame(frame);
  check_comparable(frame, static_check_);
  check_on_host(frame, outside_.get());
  if (targets_.empty())
    throw Error(Code::not_started, "update() without any target; call add(text='red car') first");
  targets_.front()->state().check_pair(frame);
  if (!goes_alone(frame)) load_batches();
  batch_failure_ = nullptr;
  waiting_.clear();
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    results_[i].track.reset();
    results_[i].failure = nullptr;
    attempt(i, [&] {
      if (exclusive_) targets_[i]->rival.look_around(rivals_);
      results_[i].track = targets_[i]->begin(frame, deadline, time_s);
      if (exclusive_ && results_[i].track && results_[i].track->index == 0) targets_[i]->rival.meet(rivals_);
      if (!results_[i].track) waiting_.push_back(i);
    });
  }
  search(frame);
  if (exclusive_) tell_apart();
  deadline.settle();
  blend(frame, deadline);
  if (masks_) outline(frame);
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    results_[i].timing = targets_[i]->tracker.timing();
    results_[i].candidates = targets_[i]->tracker.candidates();
    results_[i].mask = targets_[i]->tracker.mask();
  }
  return results_;
}

void MultiTracker::load_batches() {
  const auto followed = static_cast<std::size_t>(
      std::count_if(targets_.begin(), targets_.end(), [](const auto& target) { return target->followed(); }));
  if (followed < 2) return;
  const auto one =
      std::find_if(targets_.begin(), targets_.end(), [](const auto& target) { return target->followed(); });
  Tracker::State& state = (*one)->state();
  for (std::size_t i = 0; i < sizes_.size(); ++i)
    if (!batches_[i] && sizes_[i] <= followed)
      batches_[i] = std::make_unique<Batch>(*engine_, state.searcher(Senses::color), state.target, sizes_[i]);
}

// An exception in `step` is the failure of that target only.
template <typename Step>
void MultiTracker::attempt(std::size_t target, const Step& step) {
  try {
    step();
  } catch (const std::exception&) {
    results_[target].failure = std::current_exception();
  }
}

// Searches all waiting targets in as few runs as the graphs allow: 7 targets are 4, 2 and 1.
void MultiTracker::search(const Frame& frame) {
  for (std::size_t first = 0; first < waiting_.size();) {
    const std::size_t left = waiting_.size() - first;
    std::size_t at = goes_alone(frame) ? sizes_.size() : 0;
    while (at < sizes_.size() && (sizes_[at] > left || !batches_[at])) ++at;
    const std::size_t* targets = waiting_.data() + first;
    const std::size_t count = at < sizes_.size() ? sizes_[at] : 1;
    first += count;
    if (count > 1 && search_together(frame, *batches_[at], targets)) continue;
    for (std::size_t i = 0; i < count; ++i)
      attempt(targets[i], [&] {
        Tracker::State& state = targets_[targets[i]]->state();
        const Stopwatch watch(state.work.timing.total_s);
        results_[targets[i]].track = state.search_alone(frame);
      });
  }
}

// Returns false if the engine fails; each target may still succeed alone.
bool MultiTracker::search_together(const Frame& frame, Batch& batch, const std::size_t* targets) {
  double network_s = 0;
  std::exception_ptr failure;
  try {
    for (std::size_t i = 0; i < batch.size(); ++i) {
      Tracker::State& state = targets_[targets[i]]->state();
      const Stopwatch watch(state.work.timing.total_s);
      state.crop_into(batch.image(i), frame, state.around);
      batch.tell(i, state.target, state.sought());
    }
    const Stopwatch watch(network_s);
    batch.run();
  } catch (const std::exception&) {
    batch_failure_ = failure = std::current_exception();
  }
  const double share_s = network_s / static_cast<double>(batch.size());
  for (std::size_t i = 0; i < batch.size(); ++i) {
    Tracker::State& state = targets_[targets[i]]->state();
    state.work.timing.network_s += share_s;
    state.work.timing.total_s += share_s;
    if (failure) continue;
    state.searcher(Senses::color).cost.add(share_s);
    const Stopwatch watch(state.work.timing.total_s);
    attempt(targets[i], [&] { results_[targets[i]].track = state.finish(frame, batch.answer(i)); });
  }
  return !failure;
}

// Separates targets that are on the same object, and updates their tracks of this frame.
void MultiTracker::tell_apart() {
  settle(rivals_);
  for (std::size_t i = 0; i < targets_.size(); ++i)
    if (results_[i].track && targets_[i]->rival.changed) results_[i].track = targets_[i]->state().latest;
}

void MultiTracker::blend(const Frame& frame, const Deadline& deadline) {
  for (std::size_t i = 0; i < targets_.size(); ++i)
    attempt(i, [&] {
      Tracker::State& state = targets_[i]->state();
      if (results_[i].failure || !state.may_blend(deadline.left_s())) return;
      const Stopwatch watch(state.work.timing.total_s);
      state.blend(frame);
    });
}

void MultiTracker::outline(const Frame& frame) {
  for (std::size_t i = 0; i < targets_.size(); ++i)
    attempt(i, [&] {
      Tracker::State& state = targets_[i]->state();
      const Stopwatch watch(state.work.timing.total_s);
      if (!results_[i].track) return state.masker->clear();
      if (results_[i].track->index > 0) state.outline(frame, *results_[i].track);  // start() did the first
    });
  for (std::size_t i = 0; i < targets_.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) part(*targets_[i]->state().masker, *targets_[j]->state().masker);
}

void MultiTracker::warm_up() {
  Tracker tracker(engine_, model_, policy_, aside_);
  tracker.set_masks(masks_);
  Tracker::State& state = *tracker.state_;
  state.outside = outside_;
  state.warm_up();
  for (std::size_t i = 0; i < sizes_.size(); ++i) {
    if (!batches_[i])
      batches_[i] = std::make_unique<Batch>(*engine_, state.searcher(Senses::color), state.target, sizes_[i]);
    for (int run = 0; run < 2; ++run) batches_[i]->run();
  }
}

std::unique_ptr<PhraseDetector> MultiTracker::detector(const Text& text, double least, double sure,
                                                       std::size_t most) {
  return std::unique_ptr<PhraseDetector>(
      new PhraseDetector(engine_, model_, aside_, text, least, sure, most));
}

std::vector<std::string> MultiTracker::names() const {
  std::vector<std::string> names;
  for (const Result& result : results_) names.push_back(result.name);
  return names;
}

}  // namespace edgetrack
