// What a look says of what is followed: a candidate on trial until others confirm it, or a target that the
// sentence checks.
#include <algorithm>
#include <cmath>
#include <utility>

#include "tracker_state.h"

namespace edgetrack {

namespace {

constexpr double kBelief = 0.3;  // rate at which a check by the sentence changes the belief
constexpr int kMostAgreed = 8;   // checks in a row that count, whatever a bundle says
constexpr double kSame = 0.6;    // share of one box in another from which both are of one thing

}  // namespace

// Follows a candidate between the looks, to know where it is when the next one has come to its answer: `seen`
// by the last one, and now `at`.
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

// Another look has come to its answer while a candidate is followed.
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

// In the frame of now, which may be smaller than the one that the look saw.
Box Tracker::State::here(const Box& found) const {
  const bool same_size = whole_look.width == width && whole_look.height == height;
  return same_size ? found : clip(found, {nullptr, width, height, 0});
}

// A find of the look as far on as what is followed has come since.
Box Tracker::State::moved(const Box& found) const {
  const Box& then = whole_look.then;
  const double dx = box->x + box->w / 2 - (then.x + then.w / 2);
  const double dy = box->y + box->h / 2 - (then.y + then.h / 2);
  return {found.x + dx, found.y + dy, found.w, found.h};
}

// What the checks have agreed with so far is checked less often, and the answer is in less of a hurry: a
// check costs several times what following does.
std::int64_t Tracker::State::patient(int frames) const { return std::int64_t{frames} << agreed; }

// A check of what is followed has come to its answer.
void Tracker::State::end_check(const Frame* current) {
  if (const std::optional<Box> better = checked(current)) follow_from(here(*better));
}

// What to follow instead, by the sentence alone: another extent of the same thing, moved as that has moved
// since, or what it fits better. Evidence against what is followed adds up over the checks, as the logarithm
// of how much better the other fits.
std::optional<Box> Tracker::State::checked(const Frame* current) {
  const auto [score, found] = answered();
  const Box& then = whole_look.then;
  const double here = whole_look.by->score_of(then, whole_look.extent());
  belief += kBelief * (here - belief);
  if (chosen) return std::nullopt;
  const int agreed_before = std::exchange(agreed, 0);
  if (score < policy.candidate_threshold || contested) return std::nullopt;
  if (std::max(holds(found, then), holds(then, found)) >= kSame) {
    against = 0;
    if (iou(found, then) >= policy.refit_iou) {
      agreed = std::min({agreed_before + 1, policy.max_agreed_checks, kMostAgreed});
      return std::nullopt;
    }
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
