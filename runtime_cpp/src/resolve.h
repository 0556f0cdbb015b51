// Geometry over candidates: which of them a whole sentence means.
#pragma once

#include <vector>

#include "edgetrack/types.h"
#include "phrase.h"

namespace edgetrack {

// The probability 0..1 of each candidate that it is what the whole sentence means. Boxes are in pixels of a
// frame of `width` x `height`; scores[p][k] is the probability 0..1 that candidate k is parts[p] (NaN counts
// as 0). Throws std::invalid_argument unless there is one row for each part and one column for each box, and
// the frame and the boxes are finite with positive extents.
std::vector<double> resolve(const Query& query, const std::vector<Box>& boxes, double width, double height,
                            const std::vector<std::vector<double>>& scores);

}  // namespace edgetrack
