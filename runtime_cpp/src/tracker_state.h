// What a tracker knows of its target from frame to frame, and the steps that change it.
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
#include "look.h"
#include "looker.h"
#include "mask.h"
#include "outside.h"
#include "pace.h"
#include "policy.h"
#include "sensor.h"
#include "target.h"

namespace edgetrack {

constexpr double kFaint = 0.02;  // score or quality that bounds the evidence of one look
constexpr double kAlike = 0.5;   // share of the best place's raw score that another one needs

// A place where the target may be, of several in one region.
struct Peak {
  Box box;
  double raw, score;  // of the cell; that the box is right
};

// What a search by one detector has found.
struct Searched {
  Detector& by;
  Prediction best;
};

// A GPU crops for one graph at a time, and pairs have graphs of one target alone.
inline bool goes_alone(const Frame& frame) { return frame.place == Place::gpu || frame.x; }

// The state machine. `score` is of the find, thresholds are the policy's; what is not listed stays.
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
// tracking         the search scores track_threshold or more               tracking
//                  it scores less                                          uncertain   search a larger region
//                  a check by the text: other extent, same object          tracking    take that box; the new template
//                  checks add up to switch_evidence against it             tracking    follow what fits better
//                  the deadline is short, or nothing moves                 tracking    the box coasts, or is reused
//                  the source has paused: a sure find elsewhere            tracking    follow it; it becomes the template
// uncertain        the search scores track_threshold or more               tracking
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
  std::shared_ptr<Outside> outside;  // with a grounder
  Tensor whole;  // the whole frame as "ground" takes it, allocated by the first detector that looks at it
  Look whole_look;
  std::unique_ptr<Detector> search, search_by_picture;            // made when first needed
  std::unique_ptr<Detector> pair_search, pair_search_by_picture;  // the same, of pairs
  std::unique_ptr<Looker> look_by_picture, look_by_words;         // the same
  std::vector<Candidate> candidates;                              // of the look that ended in this frame
  std::vector<float> window, share;
  std::unique_ptr<Masker> masker;  // with masks
  Box masked{};                    // the box that its mask is of

  bool started = false;
  std::optional<Box> box;  // last box while following, else the last candidate
  Status status = Status::searching;
  Status absent = Status::searching;  // status before the candidate: searching or lost
  bool locked = false;                // following, as opposed to looking everywhere
  bool tentative =
      false;           // what is followed is a candidate: it stays uncertain until more looks speak for it
  double streak = 0;   // uncertain frames of the clock in a row while following
  Evidence evidence;   // while looking: of the finds in a row at one place
  double against = 0;  // while following: how much better the sentence fits something else, a logarithm
  double belief = 1;   // that what is followed is what the sentence means, 0..1
  int agreed = 0;      // checks in a row that found what is followed, as far as they count
  bool own_template = false;  // the template is the user's box, not a find of ours
  OnAmbiguous on_ambiguous = OnAmbiguous::best;
  struct Pointed {
    Box box;
    bool may_have_moved;  // it is of a candidate, and some frames old
  };
  std::optional<Pointed> pointed;  // at the target by the user, since the last frame
  bool chosen = false;  // what is followed is what the user pointed at: the text has no say in that
  std::int64_t index = -1;
  bool paused = false;  // the next frame comes after a gap
  FrozenSensors sensors;
  Displacement displacement;  // of the second sensor's picture
  ColorFirst color_first;
  bool is_pair = false;                // the frame brings a second sensor
  bool has_color = true;               // and color
  std::optional<double> x_share;       // in what the network last saw
  Present modalities = {true, false};  // that the network last saw
  Region around{};                     // where "search" looks in this frame
  int owed = 0;                        // frames since a check by the sentence was due and has not been made
  Track latest{};
  int width = 0, height = 0;  // of the last frame

  // Of the other targets in the video, if there are any.
  std::vector<Box> taken;  // where they are
  bool crowded = false;    // one of them is near: other peaks are noted
  bool contested = false;  // one of them overlaps it: what is seen there renews nothing
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

  void check(const Text& text);  // throws Error for one that cannot be looked for
  void clear();
  void check_pair(const Frame& frame) const;
  void take(const Frame& frame);
  void forget_find();
  void note_displacement(const Frame& frame, const Region& region);
  void learn(const Frame& frame, const Box& at) {  // it becomes the template
    target.set_template(frame, at, work, sensors.live(frame), displacement);
  }
  Maps run(Detector& detector, const Frame& frame, const Region& region);
  void follow_from(const Box& at);
  Region search_region() const;

  // The whole frame (everywhere.cpp). A look begins in one frame; its answer counts in a later one.
  struct Found {
    double score;
    Box box;
  };
  Found answered();
  double add_evidence(const Box& found, double score, bool same);
  bool is_sure(double score, double sum) const;
  bool looks_by_picture() const;
  bool looks_outside() const { return outside && !looks_by_picture(); }
  Looker& looker();
  std::int64_t patient(int frames) const;
  void begin_look(const Frame& frame);
  bool has_landed();  // whether the answer of the look under way counts now
  void end_look();    // waits for it
  void abandon();     // forgets the one that is under way
  void wait_a_share(double at_most_s);
  Track look_now(const Frame& frame);
  Track seek(const Frame& frame, const Deadline& deadline);
  Track arrive(const Frame* current);
  void look_first(const Frame& frame);
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

  // A frame in two halves. The track, unless "search" is to look `around` first.
  std::optional<Track> begin(const Frame& frame, const Deadline& deadline, std::optional<double> time_s);
  std::optional<Track> step(const Frame& frame, const Deadline& deadline);
  std::optional<Track> before_search(const Frame& frame, const Deadline& deadline);
  Track finish(const Frame& frame, const Answer& answer, const Prediction& best);  // what it has found there
  Track finish(const Frame& frame, const Answer& answer) { return finish(frame, answer, best(answer)); }
  Track search_alone(const Frame& frame);                // its run between the two
  void outline(const Frame& frame, const Track& track);  // then the mask of what was found
  const Knowledge& sought() const;                       // what it looks for

  Track skip(const Frame& frame, Basis basis);
  bool has_time_to_check(double left_s);
  Track judged(double score);
  Track lose(double score);
  void note_peaks(const Maps& maps, const Prior& prior, const Frame& frame);
  void move_to(const Peak& peak);  // another place than the one that finish() took
  void be_unsure();                // whether what is followed is the target
  Detector& searcher(bool pair);
  Searched search_by(Detector& detector, const Frame& frame);
  Searched search_pair(const Frame& frame);
  Prior prior() const;
  Prediction best(const Answer& answer) const;  // of what a search has found
  double seconds_of_a_look();
  double seconds_of_a_search();
  void refresh(const Answer& answer);
};

}  // namespace edgetrack
