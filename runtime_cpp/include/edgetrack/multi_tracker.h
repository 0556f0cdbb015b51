// Follows several targets in one video with one engine: one set of weights, a state for each target.
#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "edgetrack/api.h"
#include "edgetrack/phrase_detector.h"
#include "edgetrack/tracker.h"

namespace edgetrack {

class Aside;
struct Outside;
class Batch;
class Rival;

// Not for two threads at once. Targets that are followed go through the network together, as many as there is
// a graph for; else they take turns.
//
// They are different things, unless `exclusive` is false: one that another target is on is nobody else's.
// Where two come to one box, the one that fits it worse moves to the next best place; without such a place
// both are uncertain while it lasts, and one is lost after `max_uncertain_frames` frames. Targets whose own
// boxes overlap when they are added may share, until they part. Away from the others each has the track of a
// Tracker of its own.
class EDGETRACK_API MultiTracker {
 public:
  // What came of one target in one frame: a track, or why there is none.
  struct Result {
    std::string name;
    std::optional<Track> track;
    std::exception_ptr failure;         // an Error, or what the engine threw
    Timing timing;                      // of this target; what several cost together is shared equally
    std::vector<Candidate> candidates;  // as of Tracker::candidates()
    Mask mask;                          // as of Tracker::mask()
  };

  // `batches` are the numbers of targets that the engine has a graph for, such as 2 for "search2" (those of
  // Bundle::batches); without any the targets take turns. Throws Error for a number below 2.
  MultiTracker(std::shared_ptr<Engine> engine, const Model& model, const Policy& policy,
               const std::vector<std::size_t>& batches = {}, bool exclusive = true);
  ~MultiTracker();
  MultiTracker(const MultiTracker&) = delete;
  MultiTracker& operator=(const MultiTracker&) = delete;

  // Names a target, which starts with the next frame; `box` is in its pixels. Throws Error when the name is
  // empty or taken, or with neither text nor box; the targets then stay what they were.
  void add(const std::string& name, const Text* text, const Box* box);

  // Throws Error when there is no such target.
  void remove(const std::string& name);

  // Another sentence for a target, from the next frame on; as of Tracker::set_text(). One that waits for its
  // first frame is looked for by it alone. Throws Error for a bad sentence, and when there is no such target.
  void set_text(const std::string& name, const Text& text);

  // As those of Tracker, for one target. Throws Error when it still waits for its first frame.
  void choose(const std::string& name, const Box& candidate);
  void correct(const std::string& name, const Box& box);

  // As those of Tracker, for all targets.
  void set_static_check(bool on);
  // Where masks of two targets meet, each pixel is of the one that the network is surer of.
  void set_masks(bool on, bool logits = false);

  // As of Tracker, for every target with a text; they share its thread.
  void set_grounder(const Grounder& grounder);
  void set_on_ambiguous(OnAmbiguous then);

  // All targets in the next frame, in the order in which they were added; valid until the next call. A target
  // that fails keeps its state and is tried again with the next frame; the others go on. Nothing is allocated
  // once each graph has run for each target. Throws Error for a bad frame, without any target, and when a
  // graph for several cannot be loaded (which happens once so many are followed); the frame then counts for
  // none. The deadline is that of Tracker::update(), for all targets together: those that come first have the
  // network, and of the others those that are tracked coast.
  // The time is that of Tracker::update(), too.
  const std::vector<Result>& update(const Frame& frame, std::optional<double> deadline_ms = std::nullopt,
                                    std::optional<double> time_s = std::nullopt);

  // As of Tracker::note_gap(), for all targets.
  void note_gap();

  // Why several targets took turns in the last update() although there is a graph for them: the engine failed
  // to run it. Null when it did not.
  std::exception_ptr batch_failure() const { return batch_failure_; }

  std::vector<std::string> names() const;

  // Finds everything that a phrase names, on the thread on which the targets are looked for: not while
  // another thread is in a call of this tracker. It may outlive the tracker. Throws Error for a bad phrase.
  std::unique_ptr<PhraseDetector> detector(const Text& text, double least, double sure, std::size_t most);

  // As those of Tracker.
  void warm_up();
  void rest();

 private:
  struct Target;

  std::size_t place(const std::string& name) const;  // past the end without such a target
  std::size_t known(const std::string& name, const char* purpose) const;
  Tracker& begun(const std::string& name);
  void load_batches();
  template <typename Step>
  void attempt(std::size_t target, const Step& step);
  void search(const Frame& frame);
  bool search_together(const Frame& frame, Batch& batch, const std::size_t* targets);
  void tell_apart();
  void outline(const Frame& frame);

  const std::shared_ptr<Engine> engine_;
  const Model model_;
  const Policy policy_;
  const bool exclusive_;
  const std::shared_ptr<Aside> aside_;
  std::vector<std::unique_ptr<Target>> targets_;
  std::vector<Rival*> rivals_;                   // one a target, in the same order
  std::vector<Result> results_;                  // one a target, in the same order
  std::vector<std::size_t> waiting_;             // for "search" in this frame, in that order
  std::vector<std::size_t> sizes_;               // of the batches, in descending order
  std::vector<std::unique_ptr<Batch>> batches_;  // one a size, made when first needed
  std::exception_ptr batch_failure_;
  bool static_check_ = false, masks_ = false, logits_ = false;
  std::shared_ptr<Outside> outside_;  // with a grounder
  OnAmbiguous on_ambiguous_ = OnAmbiguous::best;
};

}  // namespace edgetrack
