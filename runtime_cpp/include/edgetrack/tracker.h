// Tracks one target: edgetrack.Tracker without Python.
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

// Parameters of the state machine; scores are 0..1. edgetrack/policy.py documents each, and takes the
// defaults from here.
struct Policy {
  double detect_threshold = 0.60;
  double text_detect_threshold = 0.60;
  double candidate_threshold = 0.10;
  double confirm_score_sum = 1.0;
  double neutral_score = 0.35;
  double track_threshold = 0.05;
  double update_threshold = 0.02;
  int max_uncertain_frames = 12;
  int doubtful_frames = 30;   // 0: never
  int reverify_interval = 6;  // 0: never
  int max_agreed_checks = 2;
  double switch_evidence = 1.5;
  double refit_iou = 0.6;
  int template_update_interval = 5;  // 0: never
  double template_update_threshold = 0.6;
  double template_blend = 0;  // 0: never
  int template_blend_interval = 10;
  int template_blend_delay = 30;
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

// The names of all parameters of a Policy.
EDGETRACK_API std::vector<std::string> policy_names();

// Sets the parameter `name`. Throws Error if it is unknown, if `value` is not finite, or if it counts
// frames and is not a whole number from 0 to 2^30.
EDGETRACK_API void set_policy(Policy& policy, const std::string& name, double value);

// The manifest's parameters of the network's input images.
struct Model {
  double template_factor, search_factor;  // side of the square region over sqrt(w * h) of the box
  float mean[3], std[3];                  // RGB, 0..255
  float fill[3];                          // BGR, 0..255, outside the frame
  bool ranks = false;                     // whether there are "detect" and "rank"
  double mask_factor = 0;                 // the same for "mask"; 0 without that graph
  bool pairs = false;                     // whether there are "template_x" and "search_x"
};

// The tokens of a text for the text encoder; both have the length defined by the bundle.
struct Tokens {
  std::vector<std::int64_t> ids;
  std::vector<float> mask;  // 1 for a token, 0 for padding
};

struct Query;

// A sentence: as a whole, and parsed.
struct Text {
  struct Part {
    Tokens phrase, noun;  // "red car" and its head noun, "car"
  };
  Tokens whole;
  std::vector<Part> parts;             // the plain phrases in it, the target's first; at least one
  std::shared_ptr<const Query> query;  // the relations between them
};

// The time of one call in seconds, by stage; the rest is the tracker's own.
struct Timing {
  double crop_s = 0, network_s = 0, total_s = 0;
};

// A detector that finds the target of a text, instead of the model's own networks. It runs in a background
// thread.
struct Grounder {
  struct Found {
    Box box;                     // in pixels of the frame
    std::vector<double> scores;  // for each phrase, the probability that the box is right, 0..1
  };

  // Returns boxes, in any order, in a frame in host memory, which is valid until this returns. The first
  // phrase is the target's; the others are those of landmarks and of excluded objects.
  std::function<std::vector<Found>(const Frame& frame, const std::vector<std::string>& phrases)> find;
  // In frames at 30 FPS, for any frame rate; both are at least 1:
  int latency = 15;   // from the frame that it sees to the one in which its result is applied
  int interval = 60;  // between two verifications of a followed target
  // Whether the tracker waits for a result that takes longer than `latency`. A video then always gives the
  // same tracks; otherwise no frame is delayed, and the result is applied when it is ready.
  bool waits = true;
};

class Aside;
struct Outside;

// Not thread-safe; trackers share only the engine.
class EDGETRACK_API Tracker {
 public:
  Tracker(std::shared_ptr<Engine> engine, const Model& model, const Policy& policy);
  ~Tracker();
  Tracker(const Tracker&) = delete;
  Tracker& operator=(const Tracker&) = delete;

  // Sets the target by a text, a box or both (null for one that is not given), and finds it in the first
  // frame; the box is in pixels of that frame, with its center inside. Without both, or with invalid ones,
  // it throws Error and the previous target is kept; if the engine fails, there is no target afterwards.
  //
  // `time_s` is the time of the frame in seconds, on any clock; see update().
  //
  // A frame may include the image of a second sensor. Without color, a box is required: texts use color.
  //
  // `mask` has a byte for each pixel of the frame, nonzero on the target, and replaces the network's mask;
  // set_masks() must be on. Without a box, the smallest box around the mask is used.
  Track start(const Frame& frame, const Text* text, const Box* box,
              std::optional<double> time_s = std::nullopt, const std::uint8_t* mask = nullptr);

  // Finds the target in the next frame. Nothing is allocated after each graph has run once. Throws Error; a
  // bad frame or deadline does not count as a frame.
  //
  // With a deadline, in milliseconds from the call: if the network would take longer (by the median of its
  // last runs), the box of a tracked target coasts at its recent velocity. After `max_coasted_frames` such
  // frames in a row, the network runs regardless of the deadline, as it always does while the target is
  // uncertain or searched for.
  //
  // With times, on the clock of start(), frames in the Policy are thirtieths of a second: how long a target
  // may be uncertain, coast, and go without verification. Without times, each frame counts as one. If a
  // time is not later than the last one, or more than a second later, the clock was set, and the frame
  // counts as much as the previous one. Throws Error for a time that is not finite.
  Track update(const Frame& frame, std::optional<double> deadline_ms = std::nullopt,
               std::optional<double> time_s = std::nullopt);

  // Tells that the source has paused: in the next frame, the whole frame is searched first, and a confident
  // result is followed instead of searching only around the last position.
  void note_gap();

  // Enables or disables the static check: a box that has not moved is reused, for up to `max_reused_frames`
  // frames in a row, while its surroundings hardly change since the last inference. Off by default. While
  // it is on, frames in GPU memory are refused, because frames are compared on the CPU.
  void set_static_check(bool on);

  // Enables or disables masks, see mask(), and their logits. Off by default, at no cost. Throws Error if
  // the model has no graph for masks.
  void set_masks(bool on, bool logits = false);

  // Uses this detector to find the targets of texts. A target given by a box without text is found again by
  // the model. Frames in GPU memory are refused then. Throws Error for invalid parameters, and if there is
  // already a target.
  void set_grounder(const Grounder& grounder);

  // Sets the behavior for ambiguous texts: those with another candidate, at another position, that has
  // `ambiguous_share` of the best one's score, and enough to be followed. With `wait`, the target is then
  // searching, or lost, and candidates() returns the options. OnAmbiguous::best by default.
  void set_on_ambiguous(OnAmbiguous then);

  // Sets the target to the object in a box, which is followed from the next frame on. It remains the target
  // until it is lost; then it is found by the text, which is kept. The box of choose() is that of a
  // candidate, which may have moved since: the whole next frame is searched, and the candidate at that
  // position is selected. The box of correct() is in the next frame. Throws Error before start(), and for a
  // box whose center is outside of the last frame.
  void choose(const Box& candidate);
  void correct(const Box& box);

  // Loads every graph and runs it once, so that no later call has to, such as the first one with a text or
  // after a loss. The target is not affected. Throws Error.
  void warm_up();

  // Waits until no background work is left, for example before a fork(). Throws nothing.
  void rest();

  // Changes the text from the next frame on. Throws Error for a bad text; the target is then unchanged.
  void set_text(const Text& text);

  // Forgets the target, as if start() had never been called; the graphs stay loaded.
  void reset();

  // Of the last start(), update() or set_text().
  const Timing& timing() const;

  // The target's mask in the last frame; empty without a box, without set_masks(), and if no pixel of the
  // box belongs to the target. For a coasted box, it is the last mask, moved with the box.
  const Mask& mask() const;

  // The candidates of the full-frame search whose result was applied in the last start() or update(), best
  // first, in pixels of the searched frame; empty without one. They may be some frames old.
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
