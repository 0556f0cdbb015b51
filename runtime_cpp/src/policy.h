// The fields of a Policy by their names.
#pragma once

#include "edgetrack/tracker.h"

namespace edgetrack {

struct PolicyField {
  const char* name;
  double Policy::* number;  // either this
  int Policy::* frames;     // or this
};

const std::vector<PolicyField>& policy_fields();

constexpr double kSamePlace = 0.3;  // minimum IoU of two finds that count as one candidate

// Returns the indices of the candidates that make a text ambiguous: at another place than the first, about as
// good, and good enough to follow. `candidates` are sorted, best first.
std::vector<std::size_t> rivals(const std::vector<Candidate>& candidates, const Policy& policy);

}  // namespace edgetrack
