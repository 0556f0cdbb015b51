// The numbers of a Policy by their names.
#pragma once

#include "edgetrack/tracker.h"

namespace edgetrack {

struct PolicyField {
  const char* name;
  double Policy::* number;  // either this
  int Policy::* frames;     // or this
};

const std::vector<PolicyField>& policy_fields();

constexpr double kSamePlace = 0.3;  // IoU of two finds that count as one candidate

// Which of the candidates, best first, make a text ambiguous: elsewhere than the first, about as good, and
// good enough to be followed.
std::vector<std::size_t> rivals(const std::vector<Candidate>& candidates, const Policy& policy);

}  // namespace edgetrack
