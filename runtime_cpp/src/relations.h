// Rates how well two boxes satisfy a relation, 0..1. Only ratios of lengths are used, so the size of the
// frame does not matter.
#pragma once

#include "edgetrack/types.h"
#include "phrase.h"

namespace edgetrack {

// Returns 0 below `low`, 1 above `high`, and a smooth transition between.
double ramp(double value, double low, double high);

// Whether two boxes are one object found twice: nearly the same place and size.
bool same_object(const Box& a, const Box& b);

// Returns the distance between the centers.
double center_distance(const Box& a, const Box& b);

// Supports all kinds except `between`, and closest_to and farthest_from, which compare candidates.
double relation_factor(RelationKind kind, const Box& target, const Box& landmark);

double between_factor(const Box& target, const Box& first, const Box& second);

}  // namespace edgetrack
