// edgetrack_crop_bgr of kernels/cuda_kernels.h without a GPU, for tests/engines/test_gpu_frames.py: by the
// arithmetic of a CUDA thread, or with BY_ROWS by the crop of the CPU engines. Frames have addresses that no
// host memory has, so that whoever else reads one crashes; stream 77 is the fakes'.
#include "crop_pixel.h"

using namespace edgetrack;

extern "C" int edgetrack_crop_bgr(const BgrFrame* frame, const Region* region, const Colors* colors,
                                  std::int32_t rows, std::int32_t cols, std::int32_t half, void* out,
                                  void* stream) {
  constexpr std::uintptr_t kOnGpu = std::uintptr_t{1} << 62;
  const auto address = reinterpret_cast<std::uintptr_t>(frame->data);
  if (address < kOnGpu || half != 0 || stream != reinterpret_cast<void*>(77)) return 1;
  const auto* data = reinterpret_cast<const std::uint8_t*>(address - kOnGpu);
  float* floats = static_cast<float*>(out);
  const BgrFrame here{data, frame->row_bytes, frame->height, frame->width};
#ifdef BY_ROWS
  static CropScratch scratch;
  crop_resize(here, *region, *colors, rows, cols, floats, scratch);
#else
  crop_pixels(here, *region, *colors, rows, cols, floats);
#endif
  return 0;
}
