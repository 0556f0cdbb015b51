// An external detector (grounder), which finds the target of a text instead of the model's own networks.
#pragma once

#include <memory>

#include "aside.h"
#include "looker.h"

namespace edgetrack {

struct Outside {
  const Grounder how;
  Aside aside{true};  // its own thread, so that neither it nor the engine waits for the other

  explicit Outside(const Grounder& grounder);  // throws Error for invalid numbers
};

// Throws Error if there is an external detector and it cannot read the frame, which is in GPU memory.
void check_on_host(const Frame& frame, const Outside* outside);

// Makes a looker that queries the detector for each part of the sentence; positions and relations are
// resolved geometrically.
std::unique_ptr<Looker> outside_looker(std::shared_ptr<const Outside> outside, const Target& target);

}  // namespace edgetrack
