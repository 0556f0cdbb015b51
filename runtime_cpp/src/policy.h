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

}  // namespace edgetrack
