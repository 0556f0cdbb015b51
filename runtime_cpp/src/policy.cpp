#include "edgetrack/tracker.h"

namespace edgetrack {

std::map<std::string, double*> fields(Policy& policy) {
  return {{"acquire", &policy.acquire}, {"candidate", &policy.candidate},
          {"confirm", &policy.confirm}, {"keep", &policy.keep},
          {"drop", &policy.drop},       {"patience", &policy.patience},
          {"verify", &policy.verify},   {"doubt", &policy.doubt},
          {"extent", &policy.extent},   {"refresh", &policy.refresh},
          {"sure", &policy.sure},       {"window", &policy.window},
          {"penalty", &policy.penalty}, {"inertia", &policy.inertia},
          {"widen", &policy.widen},     {"haste", &policy.haste},
          {"coast", &policy.coast},     {"reuse", &policy.reuse},
          {"rest", &policy.rest},       {"still", &policy.still},
          {"calm", &policy.calm},       {"seek", &policy.seek},
          {"lag", &policy.lag}};
}

}  // namespace edgetrack
