// Follows several targets in one video with one engine: one set of weights, a state for each target.
#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "edgetrack/tracker.h"

namespace edgetrack {

// Not for two threads at once. The targets take turns; those that look at the whole frame share one picture
// of it.
class MultiTracker {
 public:
  // What came of one target in one frame: a track, or why there is none.
  struct Result {
    std::string name;
    std::optional<Track> track;
    std::exception_ptr failure;  // an Error, or what the engine threw
    Timing timing;               // of this target alone
  };

  MultiTracker(std::shared_ptr<Engine> engine, const Model& model, const Policy& policy);
  ~MultiTracker();
  MultiTracker(const MultiTracker&) = delete;
  MultiTracker& operator=(const MultiTracker&) = delete;

  // Names a target, which starts with the next frame; `box` is in its pixels. Throws Error when the name is
  // empty or taken, or with neither text nor box; the targets then stay what they were.
  void add(const std::string& name, const Text* text, const Box* box);

  // Throws Error when there is no such target.
  void remove(const std::string& name);

  // All targets in the next frame, in the order in which they were added; valid until the next call. A target
  // that fails keeps its state and is tried again with the next frame; the others go on. Nothing is allocated
  // once each graph has run for each target. Throws Error for a bad frame, which then counts for none, and
  // without any target.
  const std::vector<Result>& update(const Frame& frame);

  std::vector<std::string> names() const;

 private:
  struct Target;

  std::size_t place(const std::string& name) const;  // past the end without such a target

  const std::shared_ptr<Engine> engine_;
  const Model model_;
  const Policy policy_;
  const std::shared_ptr<WholeFrame> whole_;
  std::vector<std::unique_ptr<Target>> targets_;
  std::vector<Result> results_;  // one a target, in the same order
};

}  // namespace edgetrack
