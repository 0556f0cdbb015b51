#include "resolve.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <tuple>

#include "geometry.h"
#include "relations.h"

namespace edgetrack {

namespace {

using Values = std::vector<double>;

// None of these is tuned on data: they say how graded an answer stays.
constexpr double kInstanceShare = 0.4;  // of the best score: half an instance
constexpr double kStep = 0.2;           // the factor of each rank away from the one that is asked
constexpr double kAside = 0.5;          // the same for a side without a number: milder
constexpr double kWrongSide = 0.05;     // what is left of a candidate on the wrong side of the frame
constexpr double kNoLandmark = 0.25;    // what is left of a target without a landmark

// IoU with a better one from which what is as sure is no more instance. The best of a few on annotated
// photographs of the training data, of objects that overlap and of objects that do not.
constexpr double kOverlap = 0.8;

struct View {
  const std::vector<Box>& boxes;
  double width, height;
};

// How surely a candidate is a better one with less or more around it, or beside its place, or a group of
// better ones. The less sure it is, the less it takes to overlap: real neighbors that overlap are about as
// sure. What is about as sure as the other is another thing, such as a child before its mother, and so is
// what is much smaller.
double is_shadow(const View& view, const Values& scores, std::size_t k) {
  const Box& box = view.boxes[k];
  double alike = 0, first = 0, second = 0;  // the two best of those that it holds
  for (std::size_t j = 0; j < scores.size(); ++j) {
    if (scores[j] <= scores[k]) continue;
    const Box& other = view.boxes[j];
    const double weaker = ramp(-scores[k] / scores[j], -0.9, -0.7);
    const double within = ramp(holds(other, box), 0.7, 0.9), around = ramp(holds(box, other), 0.7, 0.9);
    const double sizes =
        std::min(box.w * box.h, other.w * other.h) / std::max(box.w * box.h, other.w * other.h);
    const double shifted = ramp(iou(box, other) - kOverlap * scores[k] / scores[j], -0.2, 0);
    alike = std::max({alike, weaker * std::max(within, around) * ramp(sizes, 0.3, 0.5), shifted});
    const double held = weaker * around;
    second = std::max(second, std::min(first, held));
    first = std::max(first, held);
  }
  return std::max(alike, second);
}

// How much each candidate counts as one more instance, 0..1.
Values instances(const View& view, const Values& scores) {
  Values weight(scores.size(), 0);
  const double best = scores.empty() ? 0 : *std::max_element(scores.begin(), scores.end());
  if (best <= 0) return weight;
  for (std::size_t k = 0; k < scores.size(); ++k)
    weight[k] = ramp(scores[k] / best, kInstanceShare - 0.15, kInstanceShare + 0.15) *
                (1 - is_shadow(view, scores, k));
  return weight;
}

// Of each candidate, the best-scored one that is the same object (itself, mostly). Equal scores: the larger
// box, then the one higher up, so that the order of the candidates is no matter.
std::vector<std::size_t> heads(const View& view, const Values& scores) {
  std::vector<std::size_t> order(scores.size()), head(scores.size());
  for (std::size_t k = 0; k < order.size(); ++k) order[k] = head[k] = k;
  const auto key = [&](std::size_t k) {
    const Box& box = view.boxes[k];
    return std::make_tuple(-scores[k], -box.w * box.h, box.y, std::abs(box.x + box.w / 2 - view.width / 2));
  };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return key(a) < key(b); });
  for (std::size_t i = 0; i < order.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      const std::size_t better = order[j];
      if (head[better] != better || !same_object(view.boxes[order[i]], view.boxes[better])) continue;
      head[order[i]] = better;
      break;
    }
  return head;
}

// What candidates are ordered by, the first the smallest; differences of less than 1 are half a tie.
double key(const View& view, Order order, const Box& box) {
  constexpr double kPlace = 0.02,
                   kRatio = 0.05;  // a tie: of the frame's extent, and of the logarithm of a size
  const double x = (box.x + box.w / 2) / view.width, y = (box.y + box.h / 2) / view.height;
  const double area = box.w * box.h / (view.width * view.height);
  const double nearness = (box.y + box.h) / view.height / 2 + std::sqrt(area) / 2;
  switch (order) {
    case Order::left:
      return x / kPlace;
    case Order::right:
      return -x / kPlace;
    case Order::top:
      return y / kPlace;
    case Order::bottom:
      return -y / kPlace;
    case Order::middle:
      return std::hypot(x - 0.5, y - 0.5) / kPlace;
    case Order::corner:
      return -std::min(std::abs(x - 0.5), std::abs(y - 0.5)) / kPlace;
    case Order::near:
      return -nearness / kPlace;
    case Order::far:
      return nearness / kPlace;
    case Order::largest:
      return -std::log(box.w * box.h) / kRatio;
    case Order::smallest:
      return std::log(box.w * box.h) / kRatio;
    case Order::tallest:
      return -std::log(box.h) / kRatio;
    case Order::shortest:
      return std::log(box.h) / kRatio;
    case Order::widest:
      return -std::log(box.w) / kRatio;
    case Order::narrowest:
      return std::log(box.w) / kRatio;
  }
  return 0;
}

// How many instances come before each candidate; those about level with it count by half.
Values ahead(const Values& keys, const Values& weight) {
  Values count(keys.size(), 0);
  for (std::size_t k = 0; k < keys.size(); ++k)
    for (std::size_t j = 0; j < keys.size(); ++j)
      if (j != k) count[k] += weight[j] * ramp(keys[k] - keys[j], -1, 1);
  return count;
}

// How well a candidate fits a side by itself, before others are looked at.
double on_side(const View& view, Order order, const Box& box) {
  const double x = (box.x + box.w / 2) / view.width, y = (box.y + box.h / 2) / view.height;
  double wrong = 0;
  if (order == Order::left) wrong = ramp(x, 0.5, 0.8);
  if (order == Order::right) wrong = ramp(1 - x, 0.5, 0.8);
  if (order == Order::top) wrong = ramp(y, 0.5, 0.8);
  if (order == Order::bottom) wrong = ramp(1 - y, 0.5, 0.8);
  if (order == Order::middle) wrong = ramp(std::hypot(x - 0.5, y - 0.5), 0.2, 0.5);
  if (order == Order::corner) wrong = ramp(0.5 - std::min(std::abs(x - 0.5), std::abs(y - 0.5)), 0.25, 0.5);
  return 1 - (1 - kWrongSide) * wrong;
}

void apply(const View& view, const Selector& selector, Values& scores) {
  const std::vector<std::size_t> head = heads(view, scores);
  Values weight = instances(view, scores), keys;
  for (std::size_t k = 0; k < scores.size(); ++k) {
    if (head[k] != k) weight[k] = 0;
    keys.push_back(key(view, selector.order, view.boxes[k]));
  }
  const Values before = ahead(keys, weight);
  Values factor(scores.size());
  for (std::size_t k = 0; k < scores.size(); ++k) {
    if (selector.rank > 0) {
      factor[k] = std::pow(kStep, std::abs(before[k] - (selector.rank - 1)));
      continue;
    }
    factor[k] = on_side(view, selector.order, view.boxes[k]) * std::pow(kAside, before[k]);
  }
  for (std::size_t k = 0; k < scores.size(); ++k) scores[k] *= factor[head[k]];
}

// The rank of each candidate by its distance from one landmark, as a factor.
Values by_distance(const View& view, const Relation& relation, const Values& target, std::size_t landmark) {
  const std::vector<std::size_t> head = heads(view, target);
  Values weight = instances(view, target), keys;
  const double tie = 0.02 * std::hypot(view.width, view.height);
  for (std::size_t k = 0; k < target.size(); ++k) {
    if (head[k] != k || same_object(view.boxes[k], view.boxes[landmark])) weight[k] = 0;
    const double far = center_distance(view.boxes[k], view.boxes[landmark]) / tie;
    keys.push_back(relation.kind == RelationKind::closest_to ? far : -far);
  }
  Values factor = ahead(keys, weight);
  for (double& value : factor) value = std::pow(kStep, value);
  return factor;
}

// The best landmark's evidence for each target: geometry times the root of the landmark's score.
Values evidence(const View& view, const Relation& relation, const Values& target, const Values& landmark) {
  const bool ranked =
      relation.kind == RelationKind::closest_to || relation.kind == RelationKind::farthest_from;
  Values best(target.size(), 0);
  for (std::size_t l = 0; l < landmark.size(); ++l) {
    if (landmark[l] <= 0) continue;
    const Values ranks = ranked ? by_distance(view, relation, target, l) : Values();
    for (std::size_t k = 0; k < target.size(); ++k) {
      if (k == l || same_object(view.boxes[k], view.boxes[l])) continue;
      const double fit = ranked ? ranks[k] : relation_factor(relation.kind, view.boxes[k], view.boxes[l]);
      best[k] = std::max(best[k], fit * std::sqrt(landmark[l]));
    }
  }
  return best;
}

// As evidence(), over pairs of landmarks; only the best-scored of each are paired, which bounds the work.
Values between(const View& view, const Values& first, const Values& second) {
  constexpr std::size_t kPaired = 32;
  const auto best_of = [&](const Values& scores) {
    std::vector<std::size_t> order(scores.size());
    for (std::size_t k = 0; k < order.size(); ++k) order[k] = k;
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
    // Equal scores stay together, so that the order of the candidates is no matter.
    std::size_t end = std::min(kPaired, order.size());
    while (end > 0 && end < order.size() && scores[order[end]] == scores[order[end - 1]]) ++end;
    order.resize(end);
    return order;
  };
  Values best(first.size(), 0);
  for (const std::size_t a : best_of(first))
    for (const std::size_t b : best_of(second)) {
      const double score = std::sqrt(first[a] * second[b]);
      if (score <= 0 || same_object(view.boxes[a], view.boxes[b])) continue;
      for (std::size_t k = 0; k < first.size(); ++k) {
        if (same_object(view.boxes[k], view.boxes[a]) || same_object(view.boxes[k], view.boxes[b])) continue;
        best[k] = std::max(best[k], score * between_factor(view.boxes[k], view.boxes[a], view.boxes[b]));
      }
    }
  return best;
}

// What is as much the negated description as it is the target, is out.
void deny(Values& scores, const Values& negated) {
  const double most = *std::max_element(negated.begin(), negated.end());
  for (std::size_t k = 0; k < scores.size(); ++k)
    if (most > 0) scores[k] *= 1 - std::min(1.0, negated[k] / std::max(scores[k], most));
}

void check(const Query& query, const View& view, const std::vector<Values>& scores) {
  if (!(view.width > 0 && view.height > 0 && std::isfinite(view.width) && std::isfinite(view.height)))
    throw std::invalid_argument("the frame's width and height are " + std::to_string(view.width) + " and " +
                                std::to_string(view.height) + "; expected positive numbers");
  for (const Box& box : view.boxes)
    if (!(std::isfinite(box.x) && std::isfinite(box.y) && std::isfinite(box.w * box.h) && box.w > 0 &&
          box.h > 0))
      throw std::invalid_argument("a box is (" + std::to_string(box.x) + ", " + std::to_string(box.y) + ", " +
                                  std::to_string(box.w) + ", " + std::to_string(box.h) +
                                  "); expected finite numbers, width and height above 0");
  if (scores.size() != query.parts.size())
    throw std::invalid_argument("there are scores of " + std::to_string(scores.size()) + " parts; expected " +
                                std::to_string(query.parts.size()));
  for (const Values& row : scores)
    if (row.size() != view.boxes.size())
      throw std::invalid_argument("there are " + std::to_string(row.size()) + " scores for " +
                                  std::to_string(view.boxes.size()) + " boxes; expected one for each");
}

}  // namespace

std::vector<double> resolve(const Query& query, const std::vector<Box>& boxes, double width, double height,
                            const std::vector<std::vector<double>>& scores) {
  const View view{boxes, width, height};
  check(query, view, scores);
  if (query.parts.empty() || boxes.empty()) return {};
  std::vector<Values> of = scores;
  for (Values& row : of)
    for (double& score : row) score = score > 0 ? std::min(score, 1.0) : 0;  // NaN is not above 0
  for (std::size_t p = of.size(); p-- > 0;) {  // what a part hangs on comes after it
    const int part = static_cast<int>(p);
    const Values own = of[p];  // relations are each judged among the candidates that the words alone name
    for (const Relation& relation : query.relations) {
      if (relation.target != part) continue;
      const Values& landmark = of[static_cast<std::size_t>(relation.landmark)];
      const Values fit = relation.kind == RelationKind::between
                             ? between(view, landmark, of[static_cast<std::size_t>(relation.second)])
                             : evidence(view, relation, own, landmark);
      for (std::size_t k = 0; k < fit.size(); ++k) of[p][k] *= kNoLandmark + (1 - kNoLandmark) * fit[k];
    }
    for (const Negation& negation : query.negations)
      if (negation.target == part) deny(of[p], of[static_cast<std::size_t>(negation.negated)]);
    for (const bool place : {true, false})  // "the largest car on the left": first who is there
      for (const Selector& selector : query.selectors)
        if (selector.part == part && (selector.rank == 0) == place) apply(view, selector, of[p]);
  }
  return of[0];
}

}  // namespace edgetrack
