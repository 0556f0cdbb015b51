// The whole frame as "ground" takes it: cropped once a frame, for all trackers that share it.
#pragma once

#include "edgetrack/engine.h"

namespace edgetrack {

struct WholeFrame {
  Tensor image;          // (1, 3, S, S); allocated by the first detector that looks at it
  bool current = false;  // it shows the frame at hand
};

}  // namespace edgetrack
