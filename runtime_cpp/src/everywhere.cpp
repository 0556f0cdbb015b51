// Full-frame search: finds the target while nothing is followed, and verifies the followed object against the
// sentence.
#include <algorithm>
#include <cmath>
#include <iterator>

#include "tracker_state.h"

namespace edgetrack {

namespace {

// Returns each candidate's lead over the best of the others at other places.
void set_margins(std::vector<Candidate>& candidates) {
  for (Candidate& one : candidates) {
    double best = 0;
    for (const Candidate& other : candidates)
      if (iou(one.box, other.box) < kSamePlace) best = std::max(best, other.score);
    one.margin = one.score - best;
  }
}

}  // namespace

// Uses the template only if it is the user's own box, and no grounder can look for the text instead. A find
// may be wrong, so it never guides the next search.
bool Tracker::State::looks_by_picture() const { return own_template && !(outside && target.spoken().query); }

Looker& Tracker::State::looker() {
  std::unique_ptr<Looker>& own = looks_by_picture() ? look_by_picture : look_by_words;
  if (!own)
    own = looks_by_picture() ? ground_looker(*engine, target.everything(), &whole)
          : outside          ? outside_looker(outside, target)
                             : text_looker(*engine, model, target, &whole);
  return *own;
}

// The result is used a fixed number of frames later, however early it is ready, so that a video has the same
// tracks on every machine. It is used immediately if the look cannot run in the background, because the
// engine serves one caller at a time or the frame is in GPU memory and is not kept; and also if it is ready
// long before the next frame, because with a slow camera it would be late by whole frames.
void Tracker::State::begin_look(const Frame& frame) {
  Looker& looker = this->looker();
  Look& look = whole_look;
  look.by = &looker;
  look.begun = index;
  look.width = frame.width, look.height = frame.height;
  look.on_gpu = frame.place == Place::gpu;
  look.lands = clock.now();
  look.aside = looks_outside() ? &outside->aside : aside.get();
  look.waits = !looks_outside() || outside->how.waits;
  look.latency = looks_outside() ? outside->how.latency
                 : locked        ? static_cast<double>(patient(policy.reverify_latency))
                                 : policy.search_latency;
  const bool beside = looks_outside() || (engine->concurrent() && !look.on_gpu);
  if (beside && (look.latency >= clock.elapsed() || !look.waits)) look.lands += look.latency;
  if (box) look.then = *box;
  look.in_second = looks_in_second(frame);
  if (looks_by_picture()) target.show(look.in_second ? Senses::second : Senses::color);
  const double before_s = work.timing.network_s;
  if (looker.take(look.in_second ? second_of(frame) : frame, colors, work)) {
    looker.cost.add(work.timing.network_s - before_s);
  } else {
    if (!own_template && look.lands > clock.now()) look.still.keep(frame);
    if (!looks_outside() && !look.in_second) restore_contrast(looker, frame);
    look.errand.step = [&looker] { looker.run(); };
    const Stopwatch watch(work.timing.network_s);
    look.aside->post(look.errand);
  }
  look.pending = true;
}

void Tracker::State::restore_contrast(const Looker& looker, const Frame& frame) {
  const Stopwatch watch(work.timing.crop_s);
  for (const Sight& sight : looker.sights())
    target.restore_everywhere(sight.image, frame, sight.region(frame));
}

bool Tracker::State::has_landed() {
  return clock.now() >= whole_look.lands &&
         (whole_look.waits || whole_look.aside->is_done(whole_look.errand));
}

void Tracker::State::end_look() {
  Look& look = whole_look;
  look.pending = false;
  if (!look.on_gpu) {
    const Stopwatch watch(work.timing.network_s);
    look.aside->settle(look.errand);
    if (look.errand.failure) std::rethrow_exception(std::exchange(look.errand.failure, nullptr));
    look.by->cost.add(look.errand.seconds);
  }
}

void Tracker::State::abandon() {
  if (whole_look.pending) whole_look.aside->settle(whole_look.errand);
  whole_look.pending = false;
  whole_look.errand.failure = nullptr;
}

// Spreads the remaining time of a look over the frames until its result is used, so that no single frame
// waits for all of it. If frames arrive more slowly than the look runs, none waits.
void Tracker::State::wait_a_share(double at_most_s) {
  const Look& look = whole_look;
  if (!look.waits) return;
  const double share_s = look.by->cost.seconds() / look.latency;
  const double due_s = share_s * (look.latency - (look.lands - clock.now()));
  const double lacking_s = due_s - look.aside->running_s(whole_look.errand);
  const double wait_s = std::min({lacking_s, share_s, at_most_s});
  if (!(wait_s > 0)) return;
  const Stopwatch watch(work.timing.network_s);
  look.aside->wait(whole_look.errand, wait_s);
}

// Ends the look. Returns the best place that does not belong to another target, in pixels of the searched
// frame. If there is none, the score is 0.
Tracker::State::Found Tracker::State::answered() {
  end_look();
  const Frame extent = whole_look.extent();
  const auto place = [&](const Box& seen) {
    return whole_look.in_second ? displacement.in_color(seen) : seen;
  };
  for (const Find& find : whole_look.by->finds(extent))
    candidates.push_back({place(find.box), find.score, 0});
  set_margins(candidates);
  const std::optional<Find> best = whole_look.by->apart(extent, taken);
  return best ? Found{best->score, place(best->box)} : Found{0.0, {}};
}

// Returns the evidence of consecutive finds at one place; `same` if this one is at the place of the last. The
// score of a sentence is a probability: an object that hardly fits does not fit better if it is seen more
// often. A find that is certain by itself counts 1, one with the neutral score 0.
double Tracker::State::add_evidence(const Box& found, double score, bool same) {
  const double decisive = std::max(policy.text_detect_threshold - policy.neutral_score, kFaint);
  const double worth = looks_by_picture() ? score : (score - policy.neutral_score) / decisive;
  return evidence.add(found, worth, same, shot());
}

Shot Tracker::State::shot() const {
  const std::vector<Sight>& sights = whole_look.by->sights();
  if (sights.empty()) return {{}, nullptr, 0, model.std, 0, whole_look.begun};
  const Tensor& image = sights.front().image;
  const Region region = sights.front().region(whole_look.extent());
  const float* seen = whole_look.on_gpu ? nullptr : image.floats();
  const auto side = static_cast<int>(image.spec.shape[3]);
  return {region, seen, side, model.std, policy.static_max_diff, whole_look.begun};
}

// Whether a find is the target: by its score, or by the accumulated evidence at its place.
bool Tracker::State::is_sure(double score, double sum) const {
  return score >= (looks_by_picture() ? policy.detect_threshold : policy.text_detect_threshold) ||
         sum >= policy.confirm_score_sum;
}

// Looks and waits for the result: for the first frame, when nothing is followed yet.
Track Tracker::State::look_now(const Frame& frame) {
  begin_look(frame);
  return arrive(&frame);
}

// A look is spread over as many frames as its latency; the frame that ends it does not begin the next one.
Track Tracker::State::seek(const Frame& frame, const Deadline& deadline) {
  const bool begins = !whole_look.pending;
  if (begins && !can_look(frame)) {
    latest.index = index, latest.basis = Basis::reused;
    return latest;
  }
  if (begins) begin_look(frame);
  if (has_landed()) return arrive(begins ? &frame : nullptr);
  wait_a_share(deadline.left_s());
  Track track = latest;
  track.index = index;
  track.basis = Basis::reused;
  return track;
}

// Handles the result of a look. `current` is the searched frame if it is still available, otherwise null.
Track Tracker::State::arrive(const Frame* current) {
  const auto [score, found] = answered();
  if (score < policy.candidate_threshold || ambiguous()) {
    evidence.clear();
    box.reset();
    return {std::nullopt, score, status, index};
  }
  const double sum = add_evidence(found, score, box && iou(*box, found) >= kSamePlace);
  if (!is_sure(score, sum)) {
    if (current)
      box = here(found);
    else
      try_out(found, found), belief = score;
    return {here(found), score, Status::uncertain, index};
  }
  if (!own_template) take_template(current, found);
  follow_from(here(found));
  belief = own_template ? 1.0 : score;
  return {here(found), score, Status::tracking, index};
}

void Tracker::State::take_template(const Frame* current, const Box& found) {
  cut = at_edge(found, whole_look.extent());
  if (current) return learn(*current, found);
  target.set_template(whole_look.still.frame(), whole_look.still.scaled(found), work);
  wait_to_blend(found);
}

// Whether the user must choose: among the candidates that belong to no other target, one at another place is
// about as good as the best.
bool Tracker::State::ambiguous() const {
  if (on_ambiguous == OnAmbiguous::best || looks_by_picture()) return false;
  std::vector<Candidate> free;
  std::copy_if(candidates.begin(), candidates.end(), std::back_inserter(free), [&](const Candidate& one) {
    return std::none_of(taken.begin(), taken.end(),
                        [&](const Box& other) { return iou(one.box, other) >= kSamePlace; });
  });
  return !rivals(free, policy).empty();
}

void Tracker::State::point_at(const Box& at, bool may_have_moved) {
  if (!started)
    throw Error(Code::not_started, "there is no target yet; call start(frame, text=..., box=...) first");
  check_inside(at, {nullptr, width, height, 0});
  pointed = {at, may_have_moved};
}

// The text stays: it continues to verify the followed object, and finds it again if it is lost.
Track Tracker::State::follow_pointed(const Frame& frame) {
  abandon();
  const auto [given, may_have_moved] = *std::exchange(pointed, std::nullopt);
  const Box at = clip(may_have_moved ? candidate_at(frame, given) : given, frame);
  learn(frame, at);
  evidence.clear();
  follow_from(at);
  chosen = true;
  belief = 1;
  return {at, 1.0, status, index};
}

// Returns the best find of a look at this frame at the candidate's place, or the candidate's old box if there
// is none.
Box Tracker::State::candidate_at(const Frame& frame, const Box& at) {
  if (!frame.color) return at;
  begin_look(frame);
  answered();
  Box best = at;
  double most = kSamePlace;
  for (const Candidate& one : candidates)
    if (const double same = iou(one.box, at); same >= most) best = one.box, most = same;
  return best;
}

// After a gap the target may be anywhere, so the whole frame is searched before the search region, and the
// tracker waits for the result. It continues at the last place unless a find elsewhere is certainly the
// target.
void Tracker::State::look_first(const Frame& frame) {
  abandon();
  if (tentative) give_up();
  if (!locked || !can_look(frame)) return;
  pace.start(*box);
  begin_look(frame);
  const auto [score, found] = answered();
  if (chosen || ambiguous() || !is_sure(score, 0) || iou(found, *box) >= kSamePlace) return;
  if (!own_template) take_template(&frame, found);
  follow_from(found);
  belief = own_template ? 1.0 : score;
}

// Runs each graph twice on its current inputs, which does not change the state; the second run measures its
// time.
void Tracker::State::warm_up() {
  work.timing = {};
  const Stopwatch watch(work.timing.total_s);
  if (whole_look.aside) whole_look.aside->settle(whole_look.errand);
  const auto twice = [](Cost& cost, const auto& run) {
    run();
    double seconds = 0;
    {
      const Stopwatch one(seconds);
      run();
    }
    cost.add(seconds);
  };
  const bool own = own_template;
  for (const bool by_picture : {!own, own}) {
    own_template = by_picture;
    for (const Senses senses : {Senses::color, Senses::both}) {  // the second sensor has color's graph
      if (senses == Senses::both && !model.pairs) continue;
      Detector& searching = searcher(senses);
      twice(searching.cost, [&] { work.run(*searching.call); });
    }
    Looker& looking = looker();
    twice(looking.cost, [&] {
      const Stopwatch network(work.timing.network_s);
      looking.run();
    });
  }
  target.warm_up(work);
  if (masker) twice(masker->cost, [&] { masker->warm_up(work); });
}

}  // namespace edgetrack
