// What one tracker reuses from frame to frame: the buffers for cropping, and the time measurements by stage.
#pragma once

#include <chrono>

#include "crop.h"
#include "device_call.h"
#include "edgetrack/tracker.h"

namespace edgetrack {

// Adds the time until it goes out of scope to a sum, in seconds.
class Stopwatch {
 public:
  explicit Stopwatch(double& sum_s) : sum_s_(sum_s) {}
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;
  ~Stopwatch() { sum_s_ += std::chrono::duration<double>(Clock::now() - begun_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  double& sum_s_;
  const Clock::time_point begun_ = Clock::now();
};

struct Work {
  CropScratch scratch;
  Timing timing;

  void crop_into(const Tensor& image, const Frame& frame, const Region& region, const Colors& colors) {
    const Stopwatch watch(timing.crop_s);
    crop(frame, region, colors, image, scratch);
  }

  void run(Call& call) {
    const Stopwatch watch(timing.network_s);
    call.run();
  }

  // Runs a network on a region of the frame, which is cropped into the input `image` unless it is there
  // already (`cropped`). A frame in GPU memory is cropped by the engine in the same step, which counts as
  // network time.
  void look(Call& call, const Tensor& image, const Frame& frame, const Region& region, const Colors& colors,
            bool cropped = false) {
    if (frame.place == Place::gpu) {
      auto* device_call = dynamic_cast<DeviceCall*>(&call);
      if (!device_call)
        throw Error(
            Code::frame,
            "the frame is in GPU memory, but this engine works on the CPU; pass a copy in host memory");
      const Stopwatch watch(timing.network_s);
      return device_call->crop_and_run(frame, region, colors);
    }
    if (!cropped) crop_into(image, frame, region, colors);
    run(call);
  }
};

}  // namespace edgetrack
