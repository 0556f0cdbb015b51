#include "tracker_state.h"

#include <algorithm>
#include <cmath>

#include "decode.h"

namespace edgetrack {

namespace {

constexpr double kSamePlace = 0.3;  // IoU of two finds in a row that count as one candidate
constexpr float kDrift = 0.3f;      // of the prompts, at each renewal
constexpr double kBelief = 0.3;     // rate at which a check by the sentence changes the belief
constexpr double kWidest = 1;       // growth of the search region, as a share
constexpr double kLeast = 0.02;     // quality that bounds the evidence of one check

bool due(std::int64_t index, double every) {
  const auto frames = static_cast<std::int64_t>(every);
  return frames > 0 && index % frames == 0;
}

}  // namespace

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

// A frame of another size than the last one may end before the box does.
void Tracker::State::take_size(const Frame& frame) {
  if (box && (frame.width != width || frame.height != height)) box = clip(*box, frame);
  width = frame.width, height = frame.height;
}

// `cropped`: the detector's picture shows the region already.
Maps Tracker::State::run(Detector& detector, const Frame& frame, const Region& region, bool cropped) {
  const double before_s = work.timing.crop_s + work.timing.network_s;
  work.look(*detector.call, detector.image, frame, region, colours, cropped);
  detector.cost.add(work.timing.crop_s + work.timing.network_s - before_s);
  return detector.answer.maps();
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
  const Maps maps = run(*detector, frame, region, whole->current);
  whole->current = true;
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

// Wider for a target that is fast, and for one that was not surely seen of late.
Region Tracker::State::search_region() const {
  const double speed = pace.speed() / std::sqrt(box->w * box->h);
  const double growth = policy.widen * streak / policy.patience + policy.haste * speed;
  return region_around(*box, model.search_factor * (1 + std::min(growth, kWidest)));
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

std::optional<Track> Tracker::State::begin(const Frame& frame, const Deadline& deadline) {
  ++index;
  take_size(frame);
  const std::optional<Track> track = locked ? before_search(frame, deadline) : look(frame);
  if (track) latest = *track;
  return track;
}

std::optional<Track> Tracker::State::before_search(const Frame& frame, const Deadline& deadline) {
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
  around = search_region();
  return std::nullopt;
}

Track Tracker::State::search_alone(const Frame& frame) {
  Detector& searching = searcher();
  run(searching, frame, around);
  return finish(frame, searching.answer);
}

Track Tracker::State::finish(const Frame& frame, const Answer& answer) {
  const Maps maps = answer.maps();
  const Prior prior = {window.data(), policy.window, box->w / around.w, box->h / around.w, policy.penalty};
  const Prediction prediction = decode(maps, &prior);
  const double score = confidence(prediction);
  if (score >= policy.drop)
    box = clip(smoothed(from_region(around, prediction.share), *box, policy.inertia), frame);
  pace.see(frame, around, score >= policy.drop ? &*box : nullptr, index);
  if (score >= policy.sure && due(index, policy.refresh)) refresh(answer);
  return latest = judged(score);
}

// The user's box is followed by its picture alone; the sentence finds it again. A find of ours may be wrong:
// there the sentence has a say in every frame.
Detector& Tracker::State::searcher() {
  std::unique_ptr<Detector>& detector = own_template ? search_by_picture : search;
  if (!detector) detector = std::make_unique<Detector>(*engine, "search", sought());
  if (window.empty()) {
    window = hann_window(detector->answer.maps().cells);
    share.resize(window.size());
  }
  return *detector;
}

const Knowledge& Tracker::State::sought() const {
  return own_template ? target.picture() : target.everything();
}

void Tracker::State::refresh(const Answer& answer) {
  const Maps maps = answer.maps();
  target_share(*box, around, maps.cells, share.data());
  target.refresh(answer.embedding.floats(), maps.score, share.data(), maps.cells, kDrift);
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

}  // namespace edgetrack
