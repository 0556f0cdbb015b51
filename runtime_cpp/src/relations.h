// How well two boxes stand in a relation, 0..1: ratios of lengths alone, so that the size of the frame is no
// matter.
#pragma once

#include "edgetrack/types.h"
#include "phrase.h"

namespace edgetrack {

// 0 below `low`, 1 above `high`, smooth between.
double ramp(double value, double low, double high);

// Whether two boxes are one object found twice: nearly the same place and size.
bool same_object(const Box& a, const Box& b);

// The distance of the centers.
double center_distance(const Box& a, const Box& b);

// All kinds but closest_to and farthest_from, which compare candidates, and between.
double relation_factor(RelationKind kind, const Box& target, const Box& landmark);

double between_factor(const Box& target, const Box& first, const Box& second);

}  // namespace edgetrack
