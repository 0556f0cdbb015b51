#include "lookalikes.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "policy.h"

namespace edgetrack {

namespace {

constexpr double kBeside =
    0.2;  // fraction of the smaller box below which a place is not where it is expected
constexpr int kEstablished = 3;  // looks after which an object counts as a look-alike
constexpr int kForgotten = 5;    // looks without it after which it is forgotten
constexpr std::size_t kMostKnown = 16;
constexpr double kRefused = 90;  // frames at 30 FPS for which a lost target is not looked for at its place

// Returns the distance of the centers, in sides of `from`.
double sides_between(const Box& from, const Box& to) {
  const double dx = to.x + to.w / 2 - from.x - from.w / 2, dy = to.y + to.h / 2 - from.y - from.h / 2;
  return std::sqrt((dx * dx + dy * dy) / (from.w * from.h));
}

}  // namespace

Lookalikes::Lookalikes() {
  known_.reserve(kMostKnown);
  boxes_.reserve(2 * kMostKnown);
}

// The best places with distinct boxes, in the order of their ranks.
std::size_t Lookalikes::find_places(const Maps& maps, const Prior& prior, const Region& region,
                                    const Prediction& best) {
  std::array<Box, 5> before;
  std::size_t count = 0;
  for (std::optional<Prediction> next = best; next;) {
    before[count] = from_region(region, next->share);
    places_[count] = {*next, before[count]};
    if (++count == places_.size()) break;
    next = decode_beside(maps, &prior, region, before.data(), count);
  }
  return count;
}

const Lookalikes::Known* Lookalikes::known_at(const Box& box) const {
  const Known* best = nullptr;
  double most = kSamePlace;
  for (const Known& one : known_)
    if (const double same = iou(box, one.box); one.looks >= kEstablished && same >= most)
      best = &one, most = same;
  return best;
}

// Returns the index of the target's place; `count` if there is none.
//
// The best place belongs to a look-alike or to the target. Each hypothesis also explains the next best
// place, if an object may be there. The hypothesis with less motion is chosen; appearance, as the logarithm
// of the ratio of raw scores, counts against the first one.
std::size_t Lookalikes::chosen_of(std::size_t count, const Box& expected, double object) const {
  const Place& best = places_[0];
  const Known* rival = known_at(best.box);
  if (!rival || shared(best.box, expected) >= kBeside) return 0;
  std::size_t next = 1;
  while (next < count && known_at(places_[next].box)) ++next;
  double as_rival = sides_between(rival->box, best.box), as_target = sides_between(expected, best.box);
  if (next < count && confidence(places_[next].prediction) >= object) {
    const Place& other = places_[next];
    as_rival += sides_between(expected, other.box) + std::log(best.prediction.peak / other.prediction.peak);
    as_target += sides_between(rival->box, other.box);
  }
  return as_rival < as_target ? next : 0;
}

Prediction Lookalikes::choose(const Maps& maps, const Prior& prior, const Region& region,
                              const Prediction& best, const Box& expected, const Limits& limits) {
  const std::size_t count = find_places(maps, prior, region, best);
  const std::size_t chosen = chosen_of(count, expected, limits.object);
  Prediction target = chosen < count ? places_[chosen].prediction : best;
  if (chosen == count) target.quality = 0;
  for (std::size_t i = 0; i < count; ++i)
    if (i != chosen && confidence(places_[i].prediction) >= limits.object) note(places_[i].box, true);
  end_look();
  // What touches the target may be a part of it.
  const Box& here = chosen < count && confidence(target) >= limits.moves ? places_[chosen].box : expected;
  known_.erase(std::remove_if(known_.begin(), known_.end(),
                              [&](const Known& one) { return shared(one.box, here) > kBeside; }),
               known_.end());
  return target;
}

void Lookalikes::see(const std::vector<Find>& finds, const Limits& limits, double lost_for) {
  if (lost_for > kRefused) return known_.clear();
  for (const Find& find : finds)
    if (find.score >= limits.object) note(find.box, false);
  end_look();
}

const std::vector<Box>& Lookalikes::beside(const std::vector<Box>& boxes) {
  boxes_.assign(boxes.begin(), boxes.end());
  for (const Known& one : known_)
    if (one.looks >= kEstablished) boxes_.push_back(one.box);
  return boxes_;
}

// An object was seen at `box`; `learn` one that is not known yet.
void Lookalikes::note(const Box& box, bool learn) {
  Known* best = nullptr;
  double most = kSamePlace;
  for (Known& one : known_)
    if (const double same = iou(box, one.box); !one.seen && same >= most) best = &one, most = same;
  if (best)
    *best = {box, best->looks + 1, 0, true};
  else if (learn && known_.size() < kMostKnown)
    known_.push_back({box, 1, 0, true});
}

void Lookalikes::end_look() {
  for (Known& one : known_)
    if (!std::exchange(one.seen, false)) ++one.missed;
  known_.erase(
      std::remove_if(known_.begin(), known_.end(), [](const Known& one) { return one.missed > kForgotten; }),
      known_.end());
}

}  // namespace edgetrack
