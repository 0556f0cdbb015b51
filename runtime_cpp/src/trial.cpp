// Applies the result of a look to the followed object: a candidate on trial until further looks confirm it,
// or a target that is reverified against the sentence.
#include <algorithm>
#include <cmath>
#include <utility>

#include "tracker_state.h"

namespace edgetrack {

namespace {

// Weight of one reverification as evidence. Looks at one object share their errors, so each adds much less
// than an independent one. Chosen on photographs of the training set that are moved slowly.
constexpr double kOneLook = 0.1;
constexpr int kMostAgreed = 8;  // limit of consecutive checks that count, whatever the bundle sets
constexpr double kSame = 0.6;   // minimum fraction of one box inside another for both to be the same object

// Returns the logarithm of the odds.
double log_odds(double probability) {
  const double bounded = std::clamp(probability, kFaint, 1 - kFaint);
  return std::log(bounded / (1 - bounded));
}

}  // namespace

// Follows a candidate between looks, so that its position is known when the next look ends: `seen` is its box
// in the last look, `at` its current box.
void Tracker::State::try_out(const Box& seen, const Box& at) {
  absent = status;
  if (!own_template) take_template(nullptr, seen);
  follow_from(here(at));
  tentative = true;
  status = Status::uncertain;
}

void Tracker::State::give_up() {
  locked = tentative = false;
  box.reset();
  evidence.clear();
  status = absent;
  latest = {std::nullopt, 0, status, index};
}

// Handles the end of a look while a candidate is followed.
void Tracker::State::end_trial() {
  const auto [score, found] = answered();
  if (score < policy.candidate_threshold || ambiguous()) {
    give_up();
    latest.score = score;
    return;
  }
  const bool same = iou(found, whole_look.then) >= kSamePlace;
  const double sum = add_evidence(found, score, same);
  belief = score;
  if (!is_sure(score, sum)) {
    if (same && iou(found, whole_look.then) >= policy.refit_iou) return;
    status = absent;
    return try_out(found, same ? moved(found) : found);
  }
  if (!own_template) take_template(nullptr, found);
  follow_from(here(same ? moved(found) : found));
  if (own_template) belief = 1.0;
}

// Clips a find to the current frame, which may be smaller than the searched one.
Box Tracker::State::here(const Box& found) const {
  const bool same_size = whole_look.width == width && whole_look.height == height;
  return same_size ? found : clip(found, {nullptr, width, height, 0});
}

// Moves a find of the look by as much as the followed object has moved since.
Box Tracker::State::moved(const Box& found) const {
  const Box& then = whole_look.then;
  const double dx = box->x + box->w / 2 - (then.x + then.w / 2);
  const double dy = box->y + box->h / 2 - (then.y + then.h / 2);
  return {found.x + dx, found.y + dy, found.w, found.h};
}

// A target that checks have agreed with is checked less often, and the tracker waits longer for the result,
// because a check costs several times as much as following.
std::int64_t Tracker::State::patient(int frames) const { return std::int64_t{frames} << agreed; }

// Handles the end of a reverification.
void Tracker::State::end_check(const Frame* current) {
  if (const std::optional<Box> better = checked(current)) follow_from(here(*better));
}

// Updates the belief by a check that gave the followed object this score. The first check after the target
// has left, or may have, decides alone, as for a find; further ones add up by Bayes' rule. The belief stays
// between bounds, so that a change is noticed soon.
void Tracker::State::weigh(double score) {
  const bool differs = evidence.count(whole_look.then, shot());
  if (left && whole_look.begun > *left) {
    left.reset();
    belief = std::clamp(score, kFaint, 1 - kFaint);
  } else if (differs) {
    const double odds = log_odds(belief) + kOneLook * (log_odds(score) - log_odds(policy.neutral_score));
    belief = std::clamp(1 / (1 + std::exp(-odds)), kFaint, 1 - kFaint);
  }
}

// Returns what to follow instead, according to the sentence: a different box of the same object, moved along
// with it, or an object that fits better. Evidence against the followed object accumulates over the checks,
// as the logarithm of how much better the other one fits.
std::optional<Box> Tracker::State::checked(const Frame* current) {
  const auto [score, found] = answered();
  const Box& then = whole_look.then;
  const double here = whole_look.by->score_of(then, whole_look.extent());
  if (chosen) return std::nullopt;
  weigh(here);
  const int agreed_before = std::exchange(agreed, 0);
  if (score < policy.candidate_threshold || contested) return std::nullopt;
  if (std::max(holds(found, then), holds(then, found)) >= kSame) {
    against = 0;
    const bool came_into_view = cut && is_sure(score, 0) && !at_edge(found, whole_look.extent());
    if (iou(found, then) >= policy.refit_iou && !came_into_view) {
      agreed = std::min({agreed_before + 1, policy.max_agreed_checks, kMostAgreed});
      if (is_sure(score, 0)) identity.start(*box);
      if (score >= policy.neutral_score && !at_edge(found, whole_look.extent()))
        size_correction.add(then, found);
      return std::nullopt;
    }
    // The part of a leaving target that is still in view must not become the template of the whole.
    if (at_edge(found, whole_look.extent()) && !cut) return std::nullopt;
    take_template(current, found);
    return moved(found);
  }
  against = std::max(0.0, against + std::log(score / std::max(here, kFaint)));
  if (against < policy.switch_evidence) return std::nullopt;
  take_template(current, found);
  belief = score;
  return found;
}

}  // namespace edgetrack
