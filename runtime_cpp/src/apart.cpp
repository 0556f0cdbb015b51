#include "apart.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

namespace edgetrack {

namespace {

constexpr double kOne = 0.5;    // minimum IoU of two boxes that are on the same object
constexpr double kTouch = 0.1;  // IoU below which two objects are apart
constexpr double kNear = 3;     // distance in box sides, from its center, within which others may distract
constexpr int kLong = 30;  // frames of contact after which the motion from before is no longer meaningful

Box ahead(const Box& box, double vx, double vy) { return {box.x + vx, box.y + vy, box.w, box.h}; }

// Returns the distance of the centers, in sides of `from`.
double distance(const Box& from, const Box& to) {
  const double dx = to.x + to.w / 2 - from.x - from.w / 2, dy = to.y + to.h / 2 - from.y - from.h / 2;
  return std::sqrt((dx * dx + dy * dy) / (from.w * from.h));
}

}  // namespace

bool Rival::shares(const Rival& other) const {
  return std::find(sharing_.begin(), sharing_.end(), &other) != sharing_.end();
}

void Rival::forget(const Rival& gone) {
  sharing_.erase(std::remove(sharing_.begin(), sharing_.end(), &gone), sharing_.end());
}

void Rival::look_around(const std::vector<Rival*>& all) {
  State& own = state_;
  own.taken.clear();
  own.crowded = false;
  for (const Rival* other : all) {
    if (other == this || !other->followed() || shares(*other)) continue;
    own.taken.push_back(*other->state_.box);
    own.crowded = own.crowded || (followed() && edgetrack::distance(*own.box, *other->state_.box) < kNear);
  }
}

void Rival::meet(const std::vector<Rival*>& all) {
  if (!followed()) return;
  claim_ = *state_.box;
  vx_ = vy_ = 0;
  touching_ = together_ = 0;
  if (!state_.own_template) return;
  for (Rival* other : all)
    if (other != this && other->followed() && iou(*state_.box, *other->state_.box) >= kTouch) {
      sharing_.push_back(other);
      other->sharing_.push_back(this);
    }
}

double Rival::distance(const Box& box) const { return edgetrack::distance(claim_, box); }

// Whether an object may be at this peak at all.
bool Rival::plausible(std::size_t peak) const {
  const Peak &best = state_.peaks[0], &it = state_.peaks[peak];
  return peak == 0 || (it.score >= std::max(state_.policy.track_threshold, kAlike * best.score) &&
                       it.raw >= kAlike * best.raw);
}

bool Rival::is_free(const Box& box, const Rival& other, const std::vector<Rival*>& all) const {
  return std::none_of(all.begin(), all.end(), [&](const Rival* third) {
    return third != this && third != &other && third->followed() && !shares(*third) &&
           iou(box, *third->state_.box) >= kOne;
  });
}

// Gives each of two targets its own place: the pair of places that fits appearance and motion best. Returns
// false if there is none.
bool Rival::part(Rival& other, const std::vector<Rival*>& all) {
  double least = std::numeric_limits<double>::infinity();
  std::size_t mine = 0, theirs = 0;
  for (std::size_t i = 0; i < state_.peak_count; ++i)
    for (std::size_t j = 0; j < other.state_.peak_count; ++j) {
      const Peak &a = state_.peaks[i], &b = other.state_.peaks[j];
      if (!plausible(i) || !other.plausible(j) || iou(a.box, b.box) >= kOne) continue;
      if (!is_free(a.box, other, all) || !other.is_free(b.box, *this, all)) continue;
      const double looks =
          std::log(a.raw / state_.peaks[0].raw) + std::log(b.raw / other.state_.peaks[0].raw);
      const double cost = distance(a.box) + other.distance(b.box) - looks;
      if (cost < least) least = cost, mine = i, theirs = j;
    }
  if (!(least < std::numeric_limits<double>::infinity())) return false;
  if (mine) state_.move_to(state_.peaks[mine]), changed = true;
  if (theirs) other.state_.move_to(other.state_.peaks[theirs]), other.changed = true;
  return true;
}

// Both are on the same object, or one hides the other. If that lasts, the one that should be elsewhere is
// lost.
void Rival::doubt(Rival& other) {
  const auto patience = static_cast<int>(state_.policy.max_uncertain_frames);
  for (Rival* one : {this, &other}) {
    one->state_.be_unsure();
    one->changed = true;
    ++one->together_;
  }
  if (std::min(together_, other.together_) < patience) return;
  Rival& wrong = distance(*state_.box) > other.distance(*other.state_.box) ? *this : other;
  wrong.state_.lose(wrong.state_.latest.score);
  together_ = other.together_ = 0;
}

// `overlap` is the largest IoU with any other target.
void Rival::go_on(double overlap) {
  state_.contested = overlap >= kTouch;
  if (overlap < kOne) together_ = 0;
  touching_ = overlap >= kTouch ? touching_ + 1 : 0;
  if (touching_ > 0 && (together_ > 0 || touching_ <= kLong)) {
    claim_ = ahead(claim_, vx_, vy_);
    return;
  }
  claim_ = *state_.box;
  std::tie(vx_, vy_) = state_.pace.step();
}

void settle(const std::vector<Rival*>& all) {
  for (Rival* one : all) one->changed = false;
  const auto each = [&](const auto& step) {
    for (std::size_t i = 0; i < all.size(); ++i)
      for (std::size_t j = i + 1; j < all.size(); ++j)
        if (all[i]->followed() && all[j]->followed())
          step(*all[i], *all[j], iou(*all[i]->state_.box, *all[j]->state_.box));
  };
  each([&](Rival& a, Rival& b, double overlap) {
    if (overlap < kTouch) a.forget(b), b.forget(a);
    if (overlap >= kOne && !a.shares(b) && !a.part(b, all)) a.doubt(b);
  });
  for (Rival* one : all) one->overlap_ = 0;
  each([&](Rival& a, Rival& b, double overlap) {
    if (a.shares(b)) return;
    a.overlap_ = std::max(a.overlap_, overlap);
    b.overlap_ = std::max(b.overlap_, overlap);
  });
  for (Rival* one : all)
    if (one->followed()) one->go_on(one->overlap_);
}

}  // namespace edgetrack
