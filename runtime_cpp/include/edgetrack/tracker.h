// Follows one target: what edgetrack.Tracker does, without Python.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "edgetrack/api.h"
#include "edgetrack/engine.h"
#include "edgetrack/types.h"

namespace edgetrack {

// Numbers of the state machine; scores are 0..1. edgetrack/policy.py explains each, and has its defaults from
// here.
struct Policy {
  double detect_threshold = 0.60;
  double text_detect_threshold = 0.60;
  double candidate_threshold = 0.10;
  double confirm_score_sum = 1.0;
  double neutral_score = 0.35;
  double track_threshold = 0.05;
  double update_threshold = 0.02;
  int max_uncertain_frames = 12;
  int reverify_interval = 6;  // 0: never
  int max_agreed_checks = 2;
  double switch_evidence = 1.5;
  double refit_iou = 0.6;
  int template_update_interval = 5;  // 0: never
  double template_update_threshold = 0.6;
  double window_influence = 0.40;
  double penalty_k = 0.08;
  double size_momentum = 0.35;
  double uncertainty_expansion = 1.0;
  double velocity_expansion = 0.25;
  int max_coasted_frames = 3;
  int max_reused_frames = 5;
  int static_min_runs = 3;
  double static_iou = 0.9;
  double static_max_diff = 4.0;
  int search_latency = 3;
  int reverify_latency = 3;
  double ambiguous_share = 0.5;
};

// The names of all numbers of a Policy.
EDGETRACK_API std::vector<std::string> policy_names();

// Sets the number called `name`. Throws Error when there is none of that name, when `value` is not finite,
// or when it counts frames and is not a whole number from 0 to 2^30.
EDGETRACK_API void set_policy(Policy& policy, const std::string& name, double value);

// What the manifest says of the network's pictures.
struct Model {
  double template_factor, search_factor;  // side of the square region over sqrt(w * h) of the box
  float mean[3], std[3];                  // RGB, 0..255
  float fill[3];                          // BGR, 0..255, outside the frame
  bool ranks = false;                     // whether there are "detect" and "rank"
  double mask_factor = 0;                 // as the others, of "mask"; 0 without that graph
  bool pairs = false;                     // whether there are "template_x" and "search_x"
};

// Words as the text encoder takes them; both of the length that the bundle says.
struct Tokens {
  std::vector<std::int64_t> ids;
  std::vector<float> mask;  // 1 for a token, 0 for padding
};

struct Query;

// A sentence: as a whole, and taken apart.
struct Text {
  struct Part {
    Tokens phrase, noun;  // "red car" and its head noun, "car"
  };
  Tokens whole;
  std::vector<Part> parts;             // the plain phrases in it, the target's first; at least one
  std::shared_ptr<const Query> query;  // how they belong together
};

// Where the time of one call went, in seconds; what is neither crop nor network is the tracker's own.
struct Timing {
  double crop_s = 0, network_s = 0, total_s = 0;
};

// A detector that finds what a text names, in the place of the model's own networks. It runs in a thread of
// its own, beside the tracker.
struct Grounder {
  struct Found {
    Box box;                     // in pixels of the frame
    std::vector<double> scores;  // of each phrase, the probability that the box is right, 0..1
  };

  // What it finds in a frame in host memory, which is valid until it returns; in any order. The first phrase
  // is the target's, others are of its landmarks and of what it is not.
  std::function<std::vector<Found>(const Frame& frame, const std::vector<std::string>& phrases)> find;
  // By the clock of the tracker, in frames of a video at 30 a second, both at least 1:
  int latency = 15;   // from the frame that it sees to the one in which its answer counts
  int interval = 60;  // between two checks of what is followed
  // Whether the tracker waits for an answer that is later than that. The same video then has the same tracks;
  // otherwise no frame is held up, and the answer counts when it is there.
  bool waits = true;
};

class Aside;
struct Outside;

// Not for two threads at once; trackers share nothing but the engine.
class EDGETRACK_API Tracker {
 public:
  Tracker(std::shared_ptr<Engine> engine, const Model& model, const Policy& policy);
  ~Tracker();
  Tracker(const Tracker&) = delete;
  Tracker& operator=(const Tracker&) = delete;

  // Names the target, by a text, a box or both (null for the one that is not given), and finds it in the
  // first frame; the box is in its pixels, with its center inside. With neither text nor box, or with bad
  // ones, it throws Error and the target from before stays; when the engine fails there is none afterwards.
  //
  // `time_s` is the time of the frame in seconds, on any clock; see update().
  //
  // A frame may bring the picture of a second sensor where the model has graphs for pairs. Without color it
  // takes a box: texts, and looks at the whole frame, are of color.
  //
  // `mask` has a byte for each pixel of the frame, nonzero on the target, in the place of the one that the
  // network would find; set_masks() must be on. Without a box the target's is the extent of the mask.
  Track start(const Frame& frame, const Text* text, const Box* box,
              std::optional<double> time_s = std::nullopt, const std::uint8_t* mask = nullptr);

  // Finds the target in the next frame. Nothing is allocated once each graph has run. Throws Error; a bad
  // frame or deadline does not count as a frame.
  //
  // With a deadline, in milliseconds from the call: a box that is tracked coasts, at its velocity of late,
  // while the network would take longer (the median of its last runs here). After `max_coasted_frames` such
  // frames in a row the network runs whatever the deadline says, as it always does while the target is
  // uncertain or looked for.
  //
  // With times, on the clock of start(), what the Policy counts in frames are thirtieths of a second: how
  // long an uncertain target is waited for, coasts, and is not verified. Without, each frame counts as one. A
  // time that is not later than the last one, or more than a second later, says nothing: the clock was set,
  // and the frame counts as the one before it did. Throws Error for a time that is not finite.
  Track update(const Frame& frame, std::optional<double> deadline_ms = std::nullopt,
               std::optional<double> time_s = std::nullopt);

  // The source has paused: in the next frame the whole frame is looked at first, and a sure find there is
  // followed instead of searching around the last place alone.
  void note_gap();

  // From now on, whether a box that has not moved stands, for up to `max_reused_frames` frames in a row, as
  // long as its surroundings hardly change from what the network last saw. Off at first. Frames in GPU memory
  // are refused while it is on: they are compared on the CPU.
  void set_static_check(bool on);

  // From now on, whether each box comes with a mask, see mask(), and the mask with its logits. Off at first,
  // and then at no cost. Throws Error when the model has no graph for it.
  void set_masks(bool on, bool logits = false);

  // From now on, what the text names is found by this. What a user's box names is followed and, without a
  // text, found again by the model. Frames in GPU memory are refused then. Throws Error for bad numbers, and
  // once there is a target.
  void set_grounder(const Grounder& grounder);

  // What is done where the text is ambiguous: where another candidate, in another place, has
  // `ambiguous_share` of the best one's score, and enough to be followed. With `wait` the target is then
  // searching, or lost, and candidates() tells what it may be. OnAmbiguous::best at first.
  void set_on_ambiguous(OnAmbiguous then);

  // The target is what is in a box: with the next frame it is followed from there, whatever it was before. It
  // stays what was chosen until it is lost; then it is found by the text, which is not forgotten. The box of
  // choose() is of a candidate, which may have moved on since: the next frame is looked at as a whole, and
  // the candidate at that place is taken. The box of correct() is where it is in the next frame. Throws Error
  // before start(), and for a box whose center is outside of the last frame.
  void choose(const Box& candidate);
  void correct(const Box& box);

  // Loads every graph and runs it once, so that no later call does: neither the first text nor the first
  // loss. The target stays what it is. Throws Error.
  void warm_up();

  // Waits until nothing runs beside the caller; before a fork(), say. Throws nothing.
  void rest();

  // Another sentence, from the next frame on. Throws Error for a bad one; the target then stays what it was.
  void set_text(const Text& text);

  // Forgets the target, as if start() had never been called; the graphs stay loaded.
  void reset();

  // Of the last start(), update() or set_text().
  const Timing& timing() const;

  // The target's pixels in the last frame; empty without a box, without set_masks(), and where no pixel of
  // the box is the target's. Of a box that has coasted it is the last one, moved along with the box.
  const Mask& mask() const;

  // What the look at the whole frame that came to its answer in the last start() or update() has found, the
  // best first, in pixels of that frame; empty when none did. What it found may be some frames old.
  const std::vector<Candidate>& candidates() const;

 private:
  friend class MultiTracker;
  friend class Rival;
  Tracker(std::shared_ptr<Engine> engine, const Model& model, const Policy& policy,
          std::shared_ptr<Aside> shared);

  struct EDGETRACK_INSIDE State;
  std::unique_ptr<State> state_;
};

}  // namespace edgetrack
