#include "tracker_state.h"

#include <algorithm>
#include <cmath>

#include "decode.h"

namespace edgetrack {

namespace {

constexpr double kWidest = 1;  // limit of the relative growth of the search region

}  // namespace

void Tracker::State::clear() {
  abandon();
  target.clear();
  box.reset();
  status = Status::searching;
  started = locked = tentative = own_template = chosen = false;
  pointed.reset();
  streak = 0;
  evidence.clear();
  against = 0;
  belief = 1;
  left.reset();
  index = -1;
  paused = false;
  sensors.clear();
  displacement.clear();
  color_first = {};
  dim = whole_look.in_second = false;
  candidates.clear();
  crowded = contested = false;
  if (masker) masker->forget();
}

// If the frame size has changed, the box may reach beyond the frame.
void Tracker::State::take(const Frame& frame) {
  if (box && (frame.width != width || frame.height != height)) box = clip(*box, frame);
  width = frame.width, height = frame.height;
  is_pair = frame.x != nullptr;
  has_color = frame.color;
  if (!is_pair) x_share.reset(), modalities = {true, false}, show(Senses::color);
  sensors.see(frame);
}

// The sentence has changed, so earlier finds do not count.
void Tracker::State::forget_find() {
  locked = tentative = own_template = chosen = false;
  pointed.reset();
  box.reset();
  evidence.clear();
  status = Status::searching;
  latest = {std::nullopt, 0, status, index};
  if (masker) masker->forget();
}

void Tracker::State::follow_from(const Box& at) {
  box = at;
  size_correction.clear();
  locked = true;
  tentative = false;
  streak = 0;
  against = 0;
  owed = agreed = 0;
  status = Status::tracking;
  certain = policy.template_blend_delay;
  pace.start(at);
  identity.start(at);
  left.reset();
  // What is found at an edge may have left since the frame that was searched.
  if (!own_template && at_edge(at, {nullptr, width, height, 0})) left = index;
  if (masker && !own_template) masker->forget();  // a box from the user stays the target
}

// The region grows for a fast target, and for one that has been uncertain lately.
Region Tracker::State::search_region() const {
  const double speed = pace.speed() / std::sqrt(box->w * box->h);
  const double growth =
      policy.uncertainty_expansion * streak / policy.max_uncertain_frames + policy.velocity_expansion * speed;
  return region_around(*box, model.search_factor * (1 + std::min(growth, kWidest)));
}

Track Tracker::State::reported(double score, Basis basis) const {
  return {size_correction.of(*box, {nullptr, width, height, 0}), score, status, index, basis};
}

// Returns a box without inference; the network runs again in one of the next frames.
Track Tracker::State::skip(const Frame& frame, Basis basis) {
  pace.skip();
  if (basis == Basis::coasted) box = clip(pace.ahead(*box, frame), frame);
  return reported(latest.score, basis);
}

// Whether a due reverification starts now: if there is time for it, or if it has waited long enough.
bool Tracker::State::has_time_to_check(double left_s) {
  const double check_s = look_by_words && !outside ? look_by_words->cost.seconds() : 0.0;
  return owed > policy.max_coasted_frames || seconds_of_a_search() + check_s <= left_s;
}

std::optional<Track> Tracker::State::begin(const Frame& frame, const Deadline& deadline,
                                           std::optional<double> time_s) {
  ++index;
  ++since_blend;
  certain = paused ? std::min<std::int64_t>(certain, 0) : certain + 1;
  in_view = faded = false;
  clock.step(time_s);
  candidates.clear();
  take(frame);
  peak_count = 0;
  const std::optional<Track> track = step(frame, deadline);
  paused = false;
  if (!track) return std::nullopt;
  latest = *track;
  latest.x_share = x_share;
  latest.modalities = modalities;
  return latest;
}

std::optional<Track> Tracker::State::step(const Frame& frame, const Deadline& deadline) {
  if (pointed) return follow_pointed(frame);
  if (paused) look_first(frame);
  if (locked) return before_search(frame, deadline);
  latest = seek(frame, deadline);
  const bool in_second = is_pair && whole_look.in_second;
  modalities = {frame.color && !in_second, in_second};
  if (is_pair) x_share = in_second;
  // A find from some frames ago has moved since; "search" finds its current place.
  const bool is_of_now = !locked || whole_look.begun == index;
  if (is_of_now || seconds_of_a_search() > deadline.left_s()) return latest;
  around = search_region();
  return std::nullopt;
}

std::optional<Track> Tracker::State::before_search(const Frame& frame, const Deadline& deadline) {
  if (whole_look.pending) {
    if (has_landed())
      tentative ? end_trial() : end_check(nullptr);
    else if (whole_look.aside->running_s(whole_look.errand) > 0)
      wait_a_share(deadline.left_s() - seconds_of_a_search());
  }
  if (!locked) return latest;
  if (tentative && !whole_look.pending && can_look(frame)) begin_look(frame);
  const bool check =
      !own_template && frame.color && !whole_look.pending &&
      (owed > 0 || clock.passed(outside ? outside->how.interval : patient(policy.reverify_interval)));
  const double left_s = deadline.left_s();
  if (check) ++owed;
  if (status == Status::tracking && !paused)
    if (const auto basis = pace.without_network(frame, latest.basis, seconds_of_a_look() > left_s))
      return skip(frame, *basis);
  if (check && has_time_to_check(left_s)) {
    owed = 0;
    begin_look(frame);
    if (has_landed()) end_check(&frame);
  }
  around = search_region();
  return std::nullopt;
}

// Estimates the time of a frame with inference.
double Tracker::State::seconds_of_a_look() {
  return seconds_of_a_search() + (masker ? masker->cost.seconds() : 0.0);
}

// The mask's memory is updated at the same threshold as the template.
void Tracker::State::outline(const Frame& frame, const Track& track) {
  if (!masker) return;
  if (!track.box) return masker->clear();
  if (track.basis == Basis::network && frame.color) {
    const bool sure = track.status == Status::tracking && track.score >= policy.template_update_threshold;
    const Box at = track.index > 0 ? masker->expected(masked, *track.box) : *track.box;
    masker->see(frame, at, colors, sure && !contested, work);
  } else {
    masker->shift(masked, *track.box, frame);
  }
  masked = *track.box;
}

Track Tracker::State::search_alone(const Frame& frame) {
  const Searched found = is_pair ? search_pair(frame) : search_by(Senses::color, frame);
  Track track = finish(frame, found.by.answer, found.best);
  const Senses senses = found.by.senses;
  modalities = senses == Senses::both ? found.by.pair.shown()
                                      : Present{senses == Senses::color, senses == Senses::second};
  if (is_pair && senses != Senses::both) {
    x_share = senses == Senses::second ? 1 : 0;
  } else if (is_pair && box) {
    target_share(*box, around, found.by.answer.maps().cells, share.data());
    x_share = share_within(found.by.share.floats(), share.data(), share.size());
  }
  track.x_share = x_share;
  track.modalities = modalities;
  if (senses != Senses::color) in_view = false;  // only the template of color is updated
  const bool sure = track.status == Status::tracking && track.score >= policy.template_update_threshold;
  if (is_pair && senses == Senses::color && sure) learn_second(frame);
  return latest = track;
}

Prior Tracker::State::prior() const {
  return {window.data(), policy.window_influence, box->w / around.w, box->h / around.w, policy.penalty_k};
}

Track Tracker::State::finish(const Frame& frame, const Answer& answer, const Prediction& best) {
  const double score = confidence(best);
  const Prior before = prior();  // from the last position
  if (score >= policy.update_threshold)
    box = clip(smoothed(from_region(around, best.share), *box, policy.size_momentum), frame);
  if (whole_look.pending && whole_look.begun == index) whole_look.then = *box;
  if (crowded) note_peaks(answer.maps(), before, frame);
  pace.see(frame, around, score >= policy.update_threshold ? &*box : nullptr);
  identity.see(score, *box, frame, clock.elapsed(), policy.doubtful_frames);
  if (identity.has_left() && !own_template && !chosen)
    left = index, belief = std::min(belief, policy.neutral_score);
  const bool checks = policy.reverify_interval > 0 && !chosen && !outside;
  if (checks && left && *left < index && !whole_look.pending) owed = std::max(owed, 1);
  remember(frame, answer, score);
  return latest = judged(score);
}

// A box from the user is followed by its template alone; the sentence is used to find it again. A find may be
// wrong, so for a find the sentence is used in every frame.
Detector& Tracker::State::searcher(Senses senses) {
  auto& detector = (own_template ? search_by_picture : search)[static_cast<std::size_t>(senses)];
  if (!detector) {
    const char* role = senses == Senses::both ? "search_x" : "search";
    detector = std::make_unique<Detector>(*engine, role, sought(), nullptr, senses);
  }
  if (window.empty()) {
    window = hann_window(detector->answer.maps().cells);
    share.resize(window.size());
  }
  return *detector;
}

const Knowledge& Tracker::State::sought() const {
  return own_template ? target.picture() : target.everything();
}

Track Tracker::State::judged(double score) {
  const double shown = score * belief;
  if (score < policy.template_update_threshold) agreed = 0;
  if (shown >= policy.track_threshold) {
    streak = 0;
    status = tentative || is_doubtful() ? Status::uncertain : Status::tracking;
    return reported(shown);
  }
  // The time since the last frame, but at most half of max_uncertain_frames, so that one uncertain look after
  // a pause does not lose the target.
  const double counted = std::min(clock.elapsed(), std::max(1.0, policy.max_uncertain_frames / 2.0));
  streak += counted;
  if (streak + counted / 2 < policy.max_uncertain_frames) {
    status = Status::uncertain;
    return reported(shown);
  }
  return lose(shown);
}

Track Tracker::State::lose(double score) {
  if (tentative) {
    give_up();
    return {std::nullopt, score, status, index};
  }
  locked = chosen = false;
  box.reset();
  evidence.clear();
  status = Status::lost;
  return latest = {std::nullopt, score, status, index};
}

// Records the best places with distinct boxes, in case another target claims the best one.
void Tracker::State::note_peaks(const Maps& maps, const Prior& prior, const Frame& frame) {
  std::array<Box, 4> before;
  for (peak_count = 0; peak_count < peaks.size();) {
    const auto next = decode_apart(maps, &prior, around, before.data(), peak_count);
    if (!next) return;
    before[peak_count] = from_region(around, next->share);
    peaks[peak_count++] = {
        clip(smoothed(from_region(around, next->share), *box, policy.size_momentum), frame), next->peak,
        confidence(*next)};
  }
}

void Tracker::State::move_to(const Peak& peak) {
  box = peak.box;
  in_view = false;
  pace.start(*box);
  latest = judged(peak.score);
}

void Tracker::State::be_unsure() {
  status = Status::uncertain;
  in_view = false;
  latest.status = status;
}

}  // namespace edgetrack
