// A call that also takes frames in GPU memory. Its arguments are types of the kernels, which are not
// installed: engines of users work on host memory.
#pragma once

#include "crop_resize.h"
#include "edgetrack/engine.h"
#include "edgetrack/types.h"

namespace edgetrack {

class DeviceCall : public Call {
 public:
  // As run(), with the input "image" made from a frame in GPU memory, where it lies: cropped, resized and
  // normalized as kernels/crop_resize.h says. When it returns, nothing reads the frame any more. Throws
  // Error.
  virtual void crop_and_run(const Frame& frame, const Region& region, const Colors& colors) = 0;
};

}  // namespace edgetrack
