#include "edgetrack/tracker.h"

#include <algorithm>
#include <cmath>

#include "decode.h"
#include "detector.h"
#include "geometry.h"
#include "pace.h"
#include "target.h"
#include "whole_frame.h"

namespace edgetrack {

namespace {

constexpr double kSamePlace = 0.3;  // IoU of two finds in a row that count as one candidate
constexpr float kDrift = 0.3f;      // of the prompts, at each renewal
constexpr double kBelief = 0.3;     // rate at which a check by the sentence changes the belief
constexpr double kLeast = 0.02;     // quality that bounds the evidence of one check

bool due(std::int64_t index, double every) {
  const auto frames = static_cast<std::int64_t>(every);
  return frames > 0 && index % frames == 0;
}

}  // namespace

struct Tracker::State {
  std::shared_ptr<Engine> engine;
  const Model model;
  const Policy policy;
  const Colours colours;
  Target target;
  Pace pace;
  Work work;
  const bool alone;  // nobody else looks at `whole`
  const std::shared_ptr<WholeFrame> whole;
  std::unique_ptr<Detector> search, search_by_picture, ground, ground_by_words;  // made when first needed
  std::vector<float> window, share;

  bool started = false;
  std::optional<Box> box;  // last box while following, else the last candidate
  Status status = Status::searching;
  bool locked = false;  // following, as opposed to looking everywhere
  int streak = 0;       // uncertain frames in a row while following
  double evidence = 0;  // while looking: sum of the scores of the finds in a row at one place
  double against = 0;   // while following: how much better the sentence fits something else, a logarithm
  double belief = 1;    // that what is followed is what the sentence means, 0..1
  bool own_template = false;  // the template is the user's box, not a find of ours
  std::int64_t index = -1;
  int owed = 0;  // frames since a check by the sentence was due and has not been made
  Track latest{};

  State(std::shared_ptr<Engine> shared, const Model& pictures, const Policy& numbers,
        std::shared_ptr<WholeFrame> picture)
      : engine(std::move(shared)),
        model(pictures),
        policy(numbers),
        colours(colours_of(pictures.mean, pictures.std, pictures.fill)),
        target(engine, pictures),
        pace(numbers),
        alone(!picture),
        whole(picture ? std::move(picture) : std::make_shared<WholeFrame>()) {}

  void clear();
  Maps run(Detector& detector, const Frame& frame, const Region& region);
  Track look(const Frame& frame);
  Maps everywhere(const Frame& frame, Box& found, double& score);
  std::optional<Box> checked(const Frame& frame);
  void follow_from(const Box& at);
  Track follow(const Frame& frame, const Deadline& deadline);
  Track skip(const Frame& frame, Basis basis);
  bool has_time_to_check(const Detector& searching, double left_s) const;
  Track judged(double score);
  Detector& searcher();
  void refresh(const Detector& searching, const Region& region);
};

void Tracker::State::clear() {
  target.clear();
  box.reset();
  status = Status::searching;
  started = locked = own_template = false;
  streak = 0;
  evidence = against = 0;
  belief = 1;
  index = -1;
}

Maps Tracker::State::run(Detector& detector, const Frame& frame, const Region& region) {
  const double before_s = work.timing.crop_s + work.timing.network_s;
  work.crop_into(detector.image, frame, region, colours);
  work.run(*detector.call);
  detector.cost.add(work.timing.crop_s + work.timing.network_s - before_s);
  return detector.maps();
}

void Tracker::State::follow_from(const Box& at) {
  box = at;
  locked = true;
  streak = 0;
  against = 0;
  owed = 0;
  status = Status::tracking;
  pace.start(at, index);
}

// Looks at the whole frame: by the user's own box where there is one; a find of ours may be wrong, so it
// never guides the next one.
Maps Tracker::State::everywhere(const Frame& frame, Box& found, double& score) {
  std::unique_ptr<Detector>& detector = own_template ? ground : ground_by_words;
  if (!detector)
    detector = std::make_unique<Detector>(*engine, "ground",
                                          own_template ? target.everything() : target.words(), &whole->image);
  const Region region = letterbox(frame);
  if (!whole->current) work.crop_into(whole->image, frame, region, colours);
  whole->current = true;
  work.run(*detector->call);
  const Maps maps = detector->maps();
  const Prediction prediction = decode(maps, nullptr);
  found = clip(from_region(region, prediction.share), frame);
  score = confidence(prediction);
  return maps;
}

Track Tracker::State::look(const Frame& frame) {
  Box found;
  double score;
  everywhere(frame, found, score);
  if (score < policy.candidate) {
    evidence = 0;
    box.reset();
    return {std::nullopt, score, status, index};
  }
  evidence = (box && iou(*box, found) >= kSamePlace ? evidence : 0.0) + score;
  box = found;
  if (score < policy.acquire && evidence < policy.confirm) return {found, score, Status::uncertain, index};
  if (!own_template) target.set_template(frame, found, work);
  follow_from(found);
  belief = own_template ? 1.0 : score;
  return {found, score, Status::tracking, index};
}

// What to follow instead, by the sentence alone: another extent of the same thing, or what it fits better.
// Evidence against what is followed adds up over the checks, as the logarithm of how much better the other
// fits.
std::optional<Box> Tracker::State::checked(const Frame& frame) {
  Box found;
  double score;
  const Maps maps = everywhere(frame, found, score);
  const double here =
      static_cast<double>(quality_within(maps, *box, letterbox(frame))) * static_cast<double>(*maps.presence);
  belief += kBelief * (here - belief);
  if (score < policy.candidate) return std::nullopt;
  if (std::max(holds(found, *box), holds(*box, found)) >= 0.6) {  // the same thing
    against = 0;
    if (iou(found, *box) < policy.extent) return found;
    return std::nullopt;
  }
  against = std::max(0.0, against + std::log(score / std::max(here, kLeast)));
  if (against < policy.doubt) return std::nullopt;
  belief = score;
  return found;
}

// The box without the network, which runs again in one of the next frames.
Track Tracker::State::skip(const Frame& frame, Basis basis) {
  pace.skip();
  if (basis == Basis::coasted) box = clip(pace.ahead(*box, frame), frame);
  return {box, latest.score, status, index, basis};
}

// Whether a check by the sentence that is due is made now: when there is time for it, or it has waited
// enough.
bool Tracker::State::has_time_to_check(const Detector& searching, double left_s) const {
  const double check_s = ground_by_words ? ground_by_words->cost.seconds() : 0.0;
  return owed > policy.coast || searching.cost.seconds() + check_s <= left_s;
}

Track Tracker::State::follow(const Frame& frame, const Deadline& deadline) {
  Detector& searching = searcher();
  const bool check = !own_template && (owed > 0 || due(index, policy.verify));
  const double left_s = deadline.left_s();
  if (check) ++owed;
  if (status == Status::tracking)
    if (const auto basis = pace.without_network(frame, latest.basis, searching.cost.seconds() > left_s))
      return skip(frame, *basis);
  if (check && has_time_to_check(searching, left_s)) {
    owed = 0;
    if (const std::optional<Box> better = checked(frame)) {
      target.set_template(frame, *better, work);
      follow_from(*better);
    }
  }
  const Region region = region_around(*box, model.search_factor);
  const Maps maps = run(searching, frame, region);
  const Prior prior = {window.data(), policy.window, box->w / region.w, box->h / region.w, policy.penalty};
  const Prediction prediction = decode(maps, &prior);
  const double score = confidence(prediction);
  if (score >= policy.drop)
    box = clip(smoothed(from_region(region, prediction.share), *box, policy.inertia), frame);
  pace.see(frame, region, score >= policy.drop ? &*box : nullptr, index);
  if (score >= policy.sure && due(index, policy.refresh)) refresh(searching, region);
  return judged(score);
}

// The user's box is followed by its picture alone; the sentence finds it again. A find of ours may be wrong:
// there the sentence has a say in every frame.
Detector& Tracker::State::searcher() {
  std::unique_ptr<Detector>& detector = own_template ? search_by_picture : search;
  if (!detector)
    detector =
        std::make_unique<Detector>(*engine, "search", own_template ? target.picture() : target.everything());
  if (window.empty()) {
    window = hann_window(detector->maps().cells);
    share.resize(window.size());
  }
  return *detector;
}

void Tracker::State::refresh(const Detector& searching, const Region& region) {
  const Maps maps = searching.maps();
  target_share(*box, region, maps.cells, share.data());
  target.refresh(searching.embedding.floats(), maps.score, share.data(), maps.cells, kDrift);
}

Track Tracker::State::judged(double score) {
  const double shown = score * belief;
  if (score >= policy.keep) {
    streak = 0;
    status = Status::tracking;
    return {box, shown, status, index};
  }
  if (++streak < policy.patience) {
    status = Status::uncertain;
    return {box, shown, status, index};
  }
  locked = false;
  box.reset();
  evidence = 0;
  status = Status::lost;
  return {std::nullopt, shown, status, index};
}

Tracker::Tracker(std::shared_ptr<Engine> engine, const Model& model, const Policy& policy)
    : Tracker(std::move(engine), model, policy, nullptr) {}

Tracker::Tracker(std::shared_ptr<Engine> engine, const Model& model, const Policy& policy,
                 std::shared_ptr<WholeFrame> shared)
    : state_(std::make_unique<State>(std::move(engine), model, policy, std::move(shared))) {}

Tracker::~Tracker() = default;

const Timing& Tracker::timing() const { return state_->work.timing; }

Track Tracker::start(const Frame& frame, const Text* text, const Box* box) {
  State& state = *state_;
  state.work.timing = {};
  const Stopwatch watch(state.work.timing.total_s);
  check_frame(frame);
  if (!text && !box)
    throw Error(Code::config,
                "start() got neither text nor box; name the target: start(frame, text='red car')");
  if (box) check_inside(*box, frame);
  if (text) state.target.check(*text);
  if (state.alone) state.whole->current = false;
  state.clear();
  if (text) state.target.set_text(*text, state.work);
  state.index = 0;
  Track track = {box ? std::optional<Box>(*box) : std::nullopt, 1.0, Status::tracking, 0};
  if (box) {
    state.target.set_template(frame, *box, state.work);
    state.own_template = true;
    state.follow_from(*box);
  } else {
    track = state.look(frame);
  }
  state.started = true;
  return state.latest = track;
}

void Tracker::set_static_check(bool on) { state_->pace.static_check = on; }

Track Tracker::update(const Frame& frame, std::optional<double> deadline_ms) {
  const Deadline deadline(deadline_ms);
  State& state = *state_;
  state.work.timing = {};
  const Stopwatch watch(state.work.timing.total_s);
  check_frame(frame);
  if (!state.started)
    throw Error(Code::not_started,
                "update() before start(); call start(frame, text=...) or start(frame, box=...) first");
  if (state.alone) state.whole->current = false;
  ++state.index;
  return state.latest = state.locked ? state.follow(frame, deadline) : state.look(frame);
}

void Tracker::set_text(const Text& text) {
  State& state = *state_;
  state.work.timing = {};
  const Stopwatch watch(state.work.timing.total_s);
  if (!state.started)
    throw Error(Code::not_started, "set_text() before start(); call start(frame, text=...) first");
  state.target.check(text);
  state.target.set_text(text, state.work);
  state.locked = state.own_template = false;
  state.box.reset();
  state.evidence = 0;
  state.status = Status::searching;
}

}  // namespace edgetrack
