// A detector from outside, which finds what a text names in the place of the model's own networks.
#pragma once

#include <memory>

#include "aside.h"
#include "looker.h"

namespace edgetrack {

struct Outside {
  const Grounder how;
  Aside aside{true};  // it never waits for the engine, nor the engine for it

  explicit Outside(const Grounder& grounder);  // throws Error for bad numbers
};

// Throws Error for a frame that a detector from outside, if there is one, could not read.
void check_on_host(const Frame& frame, const Outside* outside);

// Asks for each part of the sentence; geometry decides what that says of places.
std::unique_ptr<Looker> outside_looker(std::shared_ptr<const Outside> outside, const Target& target);

}  // namespace edgetrack
