// Decides by geometry which of the candidates a whole sentence means.
#pragma once

#include <vector>

#include "edgetrack/types.h"
#include "phrase.h"

namespace edgetrack {

// Returns for each candidate the probability, 0..1, that the whole sentence means it. Boxes are in pixels of
// a frame of `width` x `height`; scores[p][k] is the probability, 0..1, that candidate k is parts[p] (NaN
// counts as 0). Throws std::invalid_argument unless there is one row per part and one column per box, and the
// frame and the boxes are finite with positive sides.
std::vector<double> resolve(const Query& query, const std::vector<Box>& boxes, double width, double height,
                            const std::vector<std::vector<double>>& scores);

}  // namespace edgetrack
