// The state that a tracker keeps about its target from frame to frame, and the steps that change it.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "clock.h"
#include "detector.h"
#include "displacement.h"
#include "edgetrack/tracker.h"
#include "geometry.h"
#include "identity.h"
#include "look.h"
#include "looker.h"
#include "mask.h"
#include "outside.h"
#include "pace.h"
#include "policy.h"
#include "sensor.h"
#include "size_correction.h"
#include "target.h"

namespace edgetrack {

constexpr double kFaint = 0.02;  // lower bound of score and quality, which limits the evidence of one look
constexpr double kAlike = 0.5;   // fraction of the best place's raw score that another place needs

// One of several places in a region where the target may be.
struct Peak {
  Box box;
  double raw, score;  // score of the cell; probability that the box is right
};

// The result of a search by one detector.
struct Searched {
  Detector& by;
  Prediction best;
};

// Whether a frame cannot be batched: a GPU crops for one graph at a time, and graphs for pairs take one
// target.
inline bool goes_alone(const Frame& frame) { return frame.place == Place::gpu || frame.x; }

// The state machine. A find scores by itself, a search in proportion to the belief; thresholds are the
// policy's; anything not listed does not change.
//
// clang-format off
// state            what happens                                            next        effect
// any              the user points at the target                           tracking    follow it; it becomes the template
// searching, lost  a find scores (text_)detect_threshold or more           tracking    follow it; it becomes the template
//                  evidence at one place reaches confirm_score_sum         tracking    the same
//                  a find scores candidate_threshold or more               uncertain   follow it for a trial
//                  no find, a weaker one, or one of several alike          the same    the evidence is forgotten
// uncertain        the trial's next find confirms it, as above             tracking    follow it; it becomes the template
//   (a trial)      it is found at another place                            uncertain   a trial of that one
//                  it is not found, or lost for max_uncertain_frames       as before   the evidence is forgotten
//                  the source has paused                                   as before   the same
// tracking         the search scores track_threshold or more               tracking    at times, update the template
//                  the target vanishes (identity.h)                        uncertain   search on, without learning
//                  by the checks, the text means another object            uncertain   the same
//                  it scores less                                          uncertain   search a larger region
//                  it leaves the frame, by text                            tracking    the next check decides alone
//                  a check by the text: other extent, same object          tracking    take that box; the new template
//                  the same, of a target that has come into view   tracking    the new template
//                  the same extent, all in view                    tracking    the reported box takes that size
//                  checks add up to switch_evidence against it             tracking    follow what fits better
//                  the deadline is short, or nothing moves                 tracking    the box coasts, or is reused
//                  the source has paused: a sure find elsewhere            tracking    follow it; it becomes the template
// uncertain        the search scores track_threshold or more, and the
//                  object is not in doubt, or for doubtful_frames only     tracking
//                  it does not for max_uncertain_frames                    lost        search the whole frame
// clang-format on
struct Tracker::State {
  std::shared_ptr<Engine> engine;
  const Model model;
  const Policy policy;
  const Colors colors;
  Target target;
  Clock clock;
  Pace pace;
  Work work;
  const std::shared_ptr<Aside> aside;
  std::shared_ptr<Outside> outside;  // if there is a grounder
  Tensor whole;  // the whole frame as input of "ground", allocated by the first detector that uses it
  Look whole_look;
  std::array<std::unique_ptr<Detector>, 3> search, search_by_picture;  // by Senses; created on first use
  std::unique_ptr<Looker> look_by_picture, look_by_words;              // created on first use
  std::vector<Candidate> candidates;  // from the look that ended in this frame
  std::vector<float> window, share;
  std::unique_ptr<Masker> masker;  // if masks are enabled
  Box masked{};                    // the box that the mask belongs to

  bool started = false;
  std::optional<Box> box;  // last box while following, otherwise the last candidate
  SizeCorrection size_correction;
  Status status = Status::searching;
  Status absent = Status::searching;  // status before the candidate: searching or lost
  bool locked = false;                // following, as opposed to searching the whole frame
  bool tentative = false;  // following a candidate, which stays uncertain until more looks confirm it
  double streak = 0;       // consecutive uncertain clock frames while following
  Evidence evidence;       // while searching: from consecutive finds at one place; always: the last look
  double against = 0;      // while following: log ratio of how much better the sentence fits another object
  Identity identity;       // while following: whether it may be another object
  double belief = 1;       // probability that the sentence means the followed object, 0..1
  std::optional<std::int64_t> left;  // last frame in which it left, or may have, until it is checked again
  int agreed = 0;                    // consecutive checks that agreed with the followed object, up to a limit
  bool cut = false;  // the template may show only a part of the target, because it was found at an edge
  bool own_template = false;  // the template comes from the user's box, not from a find
  OnAmbiguous on_ambiguous = OnAmbiguous::best;
  struct Pointed {
    Box box;
    bool may_have_moved;  // it is a candidate's box, a few frames old
  };
  std::optional<Pointed> pointed;  // the user pointed at the target since the last frame
  bool chosen = false;  // the user pointed at the followed object, so the text does not override it
  std::int64_t index = -1;
  bool paused = false;           // the next frame comes after a gap
  bool in_view = false;          // in this frame, the target was certainly seen, and all of it
  bool faded = false;            // the contrast of this frame's search image was restored
  bool dim = false;              // the contrast of color was restored when it was last searched in a pair
  std::int64_t certain = 0;      // frames since the last search that was not sure of the target
  std::int64_t since_blend = 0;  // frames since the template was last updated
  Cost blend_cost;
  FrozenSensors sensors;
  Displacement displacement;  // of the second sensor's image
  ColorFirst color_first;
  bool is_pair = false;                // the frame has a second sensor
  bool has_color = true;               // the frame has color
  std::optional<double> x_share;       // in the network's last input
  Present modalities = {true, false};  // in the network's last input
  Region around{};                     // region for "search" in this frame
  int owed = 0;                        // frames since a reverification became due without being made
  Track latest{};
  int width = 0, height = 0;  // of the last frame

  // About the other targets in the video, if any.
  std::vector<Box> taken;  // their boxes
  bool crowded = false;    // one of them is near, so other peaks are recorded
  bool contested = false;  // one of them overlaps this target, so prompts and template are not updated
  std::array<Peak, 4> peaks{};
  std::size_t peak_count = 0;

  State(std::shared_ptr<Engine> shared, const Model& pictures, const Policy& numbers,
        std::shared_ptr<Aside> other)
      : engine(std::move(shared)),
        model(pictures),
        policy(numbers),
        colors(colors_of(pictures.mean, pictures.std, pictures.fill)),
        target(engine, pictures),
        pace(numbers, clock),
        aside(other ? std::move(other) : std::make_shared<Aside>(engine->concurrent())) {}
  ~State() { abandon(); }

  void check(const Text& text);  // throws Error if the text cannot be searched for
  void clear();
  void check_pair(const Frame& frame) const;
  void take(const Frame& frame);
  void forget_find();
  void note_displacement(const Frame& frame, const Region& region);
  void learn(const Frame& frame, const Box& at);  // makes `at` the template
  void wait_to_blend(const Box& at);              // after the template was made
  Maps run(Detector& detector, const Frame& frame, const Region& region);
  // Restores the contrast as well, and returns whether that changed the image.
  bool crop_into(const Tensor& image, const Frame& frame, const Region& region);
  void follow_from(const Box& at);
  Region search_region() const;

  // Full-frame search (everywhere.cpp). A look begins in one frame; its result is used in a later one.
  struct Found {
    double score;
    Box box;
  };
  Found answered();
  double add_evidence(const Box& found, double score, bool same);
  Shot shot() const;
  bool is_sure(double score, double sum) const;
  bool looks_by_picture() const;
  bool looks_outside() const { return outside && !looks_by_picture(); }
  Looker& looker();
  std::int64_t patient(int frames) const;
  void begin_look(const Frame& frame);
  void restore_contrast(const Looker& looker, const Frame& frame);
  bool has_landed();  // whether the result of the running look is due
  void end_look();    // waits for the running look
  void abandon();     // discards the running look
  void wait_a_share(double at_most_s);
  Track look_now(const Frame& frame);
  Track seek(const Frame& frame, const Deadline& deadline);
  Track arrive(const Frame* current);
  void look_first(const Frame& frame);
  void weigh(double score);
  std::optional<Box> checked(const Frame* current);
  void end_check(const Frame* current);
  void end_trial();
  void try_out(const Box& seen, const Box& at);
  void give_up();
  Box here(const Box& found) const;
  Box moved(const Box& found) const;
  void take_template(const Frame* current, const Box& found);
  bool ambiguous() const;
  void point_at(const Box& at, bool may_have_moved);
  Track follow_pointed(const Frame& frame);
  Box candidate_at(const Frame& frame, const Box& at);
  void warm_up();

  // A frame is processed in two halves. These return the track, or nothing if "search" must run on `around`
  // first.
  std::optional<Track> begin(const Frame& frame, const Deadline& deadline, std::optional<double> time_s);
  std::optional<Track> step(const Frame& frame, const Deadline& deadline);
  std::optional<Track> before_search(const Frame& frame, const Deadline& deadline);
  Track finish(const Frame& frame, const Answer& answer, const Prediction& best);  // result of "search"
  Track finish(const Frame& frame, const Answer& answer) { return finish(frame, answer, best(answer)); }
  Track search_alone(const Frame& frame);                // runs "search" between the two halves
  void outline(const Frame& frame, const Track& track);  // afterwards, computes the mask of the track
  const Knowledge& sought() const;                       // input of the search

  Track reported(double score, Basis basis = Basis::network) const;  // of the followed box
  Track skip(const Frame& frame, Basis basis);
  bool has_time_to_check(double left_s);
  bool is_doubtful() const { return identity.is_doubtful() || belief < policy.neutral_score; }
  Track judged(double score);
  Track lose(double score);
  void note_peaks(const Maps& maps, const Prior& prior, const Frame& frame);
  void move_to(const Peak& peak);  // replaces the place that finish() chose
  void be_unsure();                // becomes uncertain about the followed object
  Detector& searcher(Senses senses);
  Senses besides_color() const;
  void show(Senses senses);
  bool looks_in_second(const Frame& frame) const;
  bool can_look(const Frame& frame) const { return frame.color || looks_in_second(frame); }
  Searched search_by(Senses senses, const Frame& frame);
  Searched search_pair(const Frame& frame);
  void learn_second(const Frame& frame);
  Prior prior() const;
  Prediction best(const Answer& answer) const;  // the best box of a search
  double seconds_of_a_look();
  double seconds_of_a_search();
  // Updates the prompts, and notes whether the template may be updated from this frame.
  void remember(const Frame& frame, const Answer& answer, double score);
  bool may_blend(double left_s) const;
  void blend(const Frame& frame);  // updates the template, after the frame's search
};

}  // namespace edgetrack
