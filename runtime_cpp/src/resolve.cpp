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

// These are not tuned on data; they set how gradual the result is.
constexpr double kAside = 0.5;        // weight of an instance further on a side, if no number is given
constexpr double kWrongSide = 0.05;   // factor for a candidate on the wrong side of the frame
constexpr double kNoLandmark = 0.25;  // factor for a target without a landmark

// Fraction of the best score that counts as half an instance. From 0.1 to 0.3, the scores of sentences about
// annotated training images fit about as well: where one instance has a low score, others were missed. Lower
// values make fewer answers wrong and sure.
constexpr double kInstanceShare = 0.15;

// Minimum IoU with a better candidate at which one with an equal score is not another instance. The best of a
// few values on annotated training images, with objects that overlap and objects that do not.
constexpr double kOverlap = 0.8;

struct View {
  const std::vector<Box>& boxes;
  double width, height;
};

// Returns how surely a candidate is a duplicate: a better candidate with a smaller, larger or shifted box, or
// a group of better candidates. The lower its score, the less overlap is needed, because real neighbors that
// overlap have similar scores. A candidate with about the same score is another object, such as a child in
// front of its mother, and so is a much smaller one.
double is_shadow(const View& view, const Values& scores, std::size_t k) {
  const Box& box = view.boxes[k];
  double alike = 0, first = 0, second = 0;  // the two best candidates inside it
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

// Returns the probability that each candidate is an additional instance.
Values instances(const View& view, const Values& scores) {
  Values weight(scores.size(), 0);
  const double best = scores.empty() ? 0 : *std::max_element(scores.begin(), scores.end());
  if (best <= 0) return weight;
  for (std::size_t k = 0; k < scores.size(); ++k)
    weight[k] = ramp(scores[k] / best, 0, 2 * kInstanceShare) * (1 - is_shadow(view, scores, k));
  return weight;
}

// Returns for each candidate the one with the best score that is the same object (mostly itself). For equal
// scores it is the larger box, then the higher one, so that the order of the candidates does not matter.
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

// Returns the keys by which candidates are sorted in ascending order; a difference of less than 1 is a
// partial tie.
double key(const View& view, Order order, const Box& box) {
  constexpr double kPlace = 0.02,
                   kRatio = 0.05;  // a tie, as a fraction of the frame's side and in the logarithm of a size
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

// Returns the probability that exactly `place` instances come before each candidate (a Poisson binomial
// distribution), so that an answer is as sure as the count that it depends on. Those in a tie with a
// candidate come before it in half of all cases.
Values at_place(const Values& keys, const Values& weight, std::size_t place) {
  place = std::min(place, keys.size());
  Values sure(keys.size()), count(place + 1);  // count[n]: probability of n instances
  for (std::size_t k = 0; k < keys.size(); ++k) {
    std::fill(count.begin(), count.end(), 0);
    count[0] = 1;
    for (std::size_t j = 0; j < keys.size(); ++j) {
      const double before = j == k ? 0 : weight[j] * ramp(keys[k] - keys[j], -1, 1);
      for (std::size_t n = place; n > 0; --n) count[n] += before * (count[n - 1] - count[n]);
      count[0] *= 1 - before;
    }
    sure[k] = count[place];
  }
  return sure;
}

// Returns how well a candidate fits a side on its own, regardless of the others.
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
  const bool counts = selector.rank > 0;
  Values weight = instances(view, scores), keys;
  for (std::size_t k = 0; k < scores.size(); ++k) {
    weight[k] *= head[k] != k ? 0 : counts ? 1 : kAside;
    keys.push_back(key(view, selector.order, view.boxes[k]));
  }
  Values factor = at_place(keys, weight, counts ? static_cast<std::size_t>(selector.rank - 1) : 0);
  if (!counts)
    for (std::size_t k = 0; k < scores.size(); ++k) factor[k] *= on_side(view, selector.order, view.boxes[k]);
  for (std::size_t k = 0; k < scores.size(); ++k) scores[k] *= factor[head[k]];
}

// Returns the probability that each candidate is the closest to one landmark, or the farthest from it.
Values by_distance(const View& view, const Relation& relation, const Values& target, std::size_t landmark) {
  const std::vector<std::size_t> head = heads(view, target);
  Values weight = instances(view, target), keys;
  const double tie = 0.02 * std::hypot(view.width, view.height);
  for (std::size_t k = 0; k < target.size(); ++k) {
    if (head[k] != k || same_object(view.boxes[k], view.boxes[landmark])) weight[k] = 0;
    const double far = center_distance(view.boxes[k], view.boxes[landmark]) / tie;
    keys.push_back(relation.kind == RelationKind::closest_to ? far : -far);
  }
  return at_place(keys, weight, 0);
}

// Returns the best landmark's evidence for each target: geometry times the square root of the landmark's
// score.
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

// Like evidence(), for pairs of landmarks. Only those with the best scores are paired, which limits the work.
Values between(const View& view, const Values& first, const Values& second) {
  constexpr std::size_t kPaired = 32;
  const auto best_of = [&](const Values& scores) {
    std::vector<std::size_t> order(scores.size());
    for (std::size_t k = 0; k < order.size(); ++k) order[k] = k;
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
    // Equal scores are kept or dropped together, so that the order of the candidates does not matter.
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

// Excludes candidates that fit the negated description as well as the target.
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
  for (std::size_t p = of.size(); p-- > 0;) {  // parts come before those that they depend on
    const int part = static_cast<int>(p);
    const Values own = of[p];  // each relation starts from the scores by the words alone
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
    for (const bool place : {true, false})  // "the largest car on the left": first select those on the left
      for (const Selector& selector : query.selectors)
        if (selector.part == part && (selector.rank == 0) == place) apply(view, selector, of[p]);
  }
  return of[0];
}

}  // namespace edgetrack
