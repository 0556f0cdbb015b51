// A call that also accepts frames in GPU memory. Its arguments are types of the kernels, whose headers are
// not installed, so engines written by users work on host memory.
#pragma once

#include "crop_resize.h"
#include "edgetrack/engine.h"
#include "edgetrack/types.h"

namespace edgetrack {

class DeviceCall : public Call {
 public:
  // Like run(), but makes the input "image" from a frame in GPU memory, without copying it to the host:
  // cropped, resized and normalized as described in kernels/crop_resize.h. When it returns, the frame is no
  // longer in use. Throws Error on failure.
  virtual void crop_and_run(const Frame& frame, const Region& region, const Colors& colors) = 0;
};

}  // namespace edgetrack
