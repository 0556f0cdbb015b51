// Tracks several targets in one video with one engine: one set of weights, one state per target.
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

class Deadline;
class Aside;
struct Outside;
class Batch;
class Rival;

// Not thread-safe. Targets that are being followed run through the network in batches of the sizes for
// which there is a graph; otherwise they run one by one.
//
// Unless `exclusive` is false, targets are different objects, and an object belongs to one target only. If
// two targets come to the same box, the one that fits it worse moves to its next best position. Without
// such a position, both are uncertain, and one is lost after `max_uncertain_frames` frames. Targets whose
// given boxes overlap may share a position until they part. A target that overlaps no other gets the same
// track as from its own Tracker.
class EDGETRACK_API MultiTracker {
 public:
  // The result for one target in one frame: a track, or an error.
  struct Result {
    std::string name;
    std::optional<Track> track;
    std::exception_ptr failure;         // an Error, or the engine's exception
    Timing timing;                      // of this target; shared time is divided equally
    std::vector<Candidate> candidates;  // as of Tracker::candidates()
    Mask mask;                          // as of Tracker::mask()
  };

  // `batches` are the batch sizes for which the engine has a graph, such as 2 for "search2" (see
  // Bundle::batches); without any, targets run one by one. Throws Error for a number below 2.
  MultiTracker(std::shared_ptr<Engine> engine, const Model& model, const Policy& policy,
               const std::vector<std::size_t>& batches = {}, bool exclusive = true);
  ~MultiTracker();
  MultiTracker(const MultiTracker&) = delete;
  MultiTracker& operator=(const MultiTracker&) = delete;

  // Adds a target, which starts with the next frame; `box` is in pixels of that frame. Throws Error if the
  // name is empty or taken, or without text and box; the targets are then unchanged.
  void add(const std::string& name, const Text* text, const Box* box);

  // Throws Error if there is no such target.
  void remove(const std::string& name);

  // Changes the text of a target from the next frame on, like Tracker::set_text(). A target that waits for
  // its first frame loses its box. Throws Error for a bad text, and if there is no such target.
  void set_text(const std::string& name, const Text& text);

  // Like those of Tracker, for one target. Throws Error if it still waits for its first frame.
  void choose(const std::string& name, const Box& candidate);
  void correct(const std::string& name, const Box& box);

  // Like those of Tracker, for all targets.
  void set_static_check(bool on);
  // If the masks of two targets overlap, each pixel goes to the target with the higher logit.
  void set_masks(bool on, bool logits = false);

  // Like that of Tracker, for every target with a text; they share its thread.
  void set_grounder(const Grounder& grounder);
  void set_on_ambiguous(OnAmbiguous then);

  // Returns the results of all targets in the next frame, in the order in which they were added; valid
  // until the next call. A target that fails keeps its state and is retried in the next frame; the others
  // continue. Nothing is allocated after each graph has run once for each target. Throws Error for a bad
  // frame, without any target, and if a batched graph cannot be loaded (which happens when it is first
  // needed); the frame then counts for no target. The deadline is that of Tracker::update(), for all
  // targets together: the first targets get inference, and of the others the tracked ones coast. The time
  // is also that of Tracker::update().
  const std::vector<Result>& update(const Frame& frame, std::optional<double> deadline_ms = std::nullopt,
                                    std::optional<double> time_s = std::nullopt);

  // Like Tracker::note_gap(), for all targets.
  void note_gap();

  // The engine's error because of which targets ran one by one in the last update() although there is a
  // graph for them, or null.
  std::exception_ptr batch_failure() const { return batch_failure_; }

  std::vector<std::string> names() const;

  // Creates a detector of all objects that a phrase names, which shares the search thread of the targets:
  // do not use it while another thread is in a call of this tracker. It may outlive the tracker. Throws
  // Error for a bad phrase.
  std::unique_ptr<PhraseDetector> detector(const Text& text, double least, double sure, std::size_t most);

  // Like those of Tracker.
  void warm_up();
  void rest();

 private:
  struct Target;

  std::size_t place(const std::string& name) const;  // past the end if there is no such target
  std::size_t known(const std::string& name, const char* purpose) const;
  Tracker& begun(const std::string& name);
  void load_batches();
  template <typename Step>
  void attempt(std::size_t target, const Step& step);
  void search(const Frame& frame);
  bool search_together(const Frame& frame, Batch& batch, const std::size_t* targets);
  void tell_apart();
  void blend(const Frame& frame, const Deadline& deadline);
  void outline(const Frame& frame);

  const std::shared_ptr<Engine> engine_;
  const Model model_;
  const Policy policy_;
  const bool exclusive_;
  const std::shared_ptr<Aside> aside_;
  std::vector<std::unique_ptr<Target>> targets_;
  std::vector<Rival*> rivals_;                   // one per target, in the same order
  std::vector<Result> results_;                  // one per target, in the same order
  std::vector<std::size_t> waiting_;             // for "search" in this frame, in that order
  std::vector<std::size_t> sizes_;               // of the batches, in descending order
  std::vector<std::unique_ptr<Batch>> batches_;  // one per size, created when first needed
  std::exception_ptr batch_failure_;
  bool static_check_ = false, masks_ = false, logits_ = false;
  std::shared_ptr<Outside> outside_;  // with a grounder
  OnAmbiguous on_ambiguous_ = OnAmbiguous::best;
};

}  // namespace edgetrack
