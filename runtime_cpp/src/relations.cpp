#include "relations.h"

#include <algorithm>
#include <cmath>

#include "geometry.h"

namespace edgetrack {

namespace {

double center_x(const Box& box) { return box.x + box.w / 2; }
double center_y(const Box& box) { return box.y + box.h / 2; }

double size(const Box& a, const Box& b) { return (std::sqrt(a.w * a.h) + std::sqrt(b.w * b.h)) / 2; }

// Returns the distance between the edges of two boxes, 0 if they overlap.
double gap(const Box& a, const Box& b) {
  const double across = std::max({0.0, a.x - (b.x + b.w), b.x - (a.x + a.w)});
  const double along = std::max({0.0, a.y - (b.y + b.h), b.y - (a.y + a.h)});
  return std::hypot(across, along);
}

// Returns 1 for boxes that touch, 1/2 at a gap of `reach` sizes.
double nearness(const Box& a, const Box& b, double reach) {
  const double ratio = gap(a, b) / (reach * size(a, b));
  return 1 / (1 + ratio * ratio);
}

// `ahead` is the distance from target to landmark in the direction of the relation, `aside` the distance
// across, both in mean sizes.
double direction(double ahead, double aside) {
  const double excess = std::max(0.0, std::abs(aside) - 0.5);
  const double bend = ahead > 0 ? excess / (ahead + 0.5) : 0;
  return ramp(ahead, 0, 0.5) / ((1 + bend * bend) * (1 + 0.1 * std::max(0.0, ahead)));
}

}  // namespace

double ramp(double value, double low, double high) {
  const double t = std::clamp((value - low) / (high - low), 0.0, 1.0);
  return t * t * (3 - 2 * t);
}

bool same_object(const Box& a, const Box& b) {
  const double alike = std::min(a.w * a.h, b.w * b.h) / std::max(a.w * a.h, b.w * b.h);
  return iou(a, b) > 0.6 || (alike > 0.5 && std::max(holds(a, b), holds(b, a)) > 0.9);
}

double center_distance(const Box& a, const Box& b) {
  return std::hypot(center_x(a) - center_x(b), center_y(a) - center_y(b));
}

double relation_factor(RelationKind kind, const Box& target, const Box& landmark) {
  const double right = (center_x(landmark) - center_x(target)) / ((target.w + landmark.w) / 2);
  const double down = (center_y(landmark) - center_y(target)) / ((target.h + landmark.h) / 2);
  // For objects that stand on the ground, the one with the lower bottom edge is nearer to the camera.
  const double nearer = (target.y + target.h - landmark.y - landmark.h) / std::min(target.h, landmark.h);
  switch (kind) {
    case RelationKind::left_of:
      return direction(right, down);
    case RelationKind::right_of:
      return direction(-right, down);
    case RelationKind::above:
      return direction(down, right);
    case RelationKind::below:
      return direction(-down, right);
    case RelationKind::on:
      return nearness(target, landmark, 0.25) * ramp(down, -0.3, 0.2) * ramp(-std::abs(right), -1, -0.5);
    case RelationKind::in_front_of:
      return nearness(target, landmark, 1) * ramp(nearer, -0.3, 0.3);
    case RelationKind::behind:
      return nearness(target, landmark, 1) * ramp(-nearer, -0.3, 0.3);
    case RelationKind::inside:
      return ramp(holds(landmark, target), 0.2, 0.8);
    case RelationKind::touching:
      return nearness(target, landmark, 0.25);
    case RelationKind::next_to:
    case RelationKind::closest_to:
    case RelationKind::farthest_from:
    case RelationKind::between:
      break;
  }
  return nearness(target, landmark, 1);
}

double between_factor(const Box& target, const Box& first, const Box& second) {
  const double across = center_x(second) - center_x(first), along = center_y(second) - center_y(first);
  const double square = across * across + along * along;
  if (square <= 0) return 0;
  const double x = center_x(target) - center_x(first), y = center_y(target) - center_y(first);
  const double share = (x * across + y * along) / square;          // 0 at the first, 1 at the second
  const double aside = std::abs(x * along - y * across) / square;  // distance from their line / its length
  return ramp(0.5 - std::abs(share - 0.5), 0, 0.25) * ramp(-aside, -1, -0.25);
}

}  // namespace edgetrack
