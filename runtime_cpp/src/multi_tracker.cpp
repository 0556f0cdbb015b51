#include "edgetrack/multi_tracker.h"

#include "geometry.h"
#include "message.h"
#include "whole_frame.h"

namespace edgetrack {

struct MultiTracker::Target {
  Tracker tracker;
  std::optional<Text> text;
  std::optional<Box> box;
  bool started = false;

  Track step(const Frame& frame) {
    if (started) return tracker.update(frame);
    const Track track = tracker.start(frame, text ? &*text : nullptr, box ? &*box : nullptr);
    started = true;
    return track;
  }
};

MultiTracker::MultiTracker(std::shared_ptr<Engine> engine, const Model& model, const Policy& policy)
    : engine_(std::move(engine)), model_(model), policy_(policy), whole_(std::make_shared<WholeFrame>()) {}

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
                message("there is a target '", name, "' already; give this one another name, or call ",
                        "remove('", name, "') first"));
  if (!text && !box)
    throw Error(Code::config, message("target '", name, "' has neither text nor box; say what it is: ",
                                      "add(text='red car') or add(box=(x, y, w, h))"));
  std::unique_ptr<Target> target(new Target{{engine_, model_, policy_, whole_}, {}, {}});
  if (text) target->text = *text;
  if (box) target->box = *box;
  results_.reserve(results_.size() + 1);  // so that nothing can fail between the two
  targets_.push_back(std::move(target));
  results_.push_back({name, {}, {}, {}});
}

void MultiTracker::remove(const std::string& name) {
  const std::size_t at = place(name);
  if (at == results_.size()) {
    std::string known;
    for (const Result& result : results_) known += (known.empty() ? "'" : ", '") + result.name + "'";
    throw Error(Code::config, message("there is no target '", name, "' to remove; there is ",
                                      known.empty() ? "none" : known));
  }
  targets_.erase(targets_.begin() + static_cast<std::ptrdiff_t>(at));
  results_.erase(results_.begin() + static_cast<std::ptrdiff_t>(at));
}

const std::vector<MultiTracker::Result>& MultiTracker::update(const Frame& frame) {
  check_frame(frame);
  if (targets_.empty())
    throw Error(Code::not_started, "update() without any target; call add(text='red car') first");
  whole_->current = false;
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    Result& result = results_[i];
    result.track.reset();
    result.failure = nullptr;
    try {
      result.track = targets_[i]->step(frame);
    } catch (const std::exception&) {
      result.failure = std::current_exception();
    }
    result.timing = targets_[i]->tracker.timing();
  }
  return results_;
}

std::vector<std::string> MultiTracker::names() const {
  std::vector<std::string> names;
  for (const Result& result : results_) names.push_back(result.name);
  return names;
}

}  // namespace edgetrack
