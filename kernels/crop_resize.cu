// Crop, bilinear resize, color swap and normalization on the GPU, so that a frame is never copied back.
//
// A block computes a tile of 32 x 8 output pixels. Its first 40 threads compute the taps of the tile's
// columns and rows (in double precision, which is slow on edge GPUs), then each thread blends one pixel and
// writes it to three planes.
#include <cuda_fp16.h>

#include "cuda_kernels.h"

namespace edgetrack {
namespace {

constexpr int kTileCols = 32, kTileRows = 8;

__device__ void store(float* out, float value) { *out = value; }
__device__ void store(__half* out, float value) { *out = __float2half_rn(value); }

template <class Frame, class Out>
__global__ void crop_kernel(const Frame frame, const Region region, const Colors colors, int rows, int cols,
                            Out* out) {
  __shared__ Tap column_taps[kTileCols], row_taps[kTileRows];
  const int thread = threadIdx.y * kTileCols + threadIdx.x;
  if (thread < kTileCols) {
    column_taps[thread] = make_tap(region.x, region.w / cols, blockIdx.x * kTileCols + thread, frame.width);
  } else if (thread < kTileCols + kTileRows) {
    const int j = thread - kTileCols;
    row_taps[j] = make_tap(region.y, region.h / rows, blockIdx.y * kTileRows + j, frame.height);
  }
  __syncthreads();
  const int i = blockIdx.x * kTileCols + threadIdx.x, j = blockIdx.y * kTileRows + threadIdx.y;
  if (i >= cols || j >= rows) return;
  float rgb[3];
  crop_pixel(frame, column_taps[threadIdx.x], row_taps[threadIdx.y], colors, rgb);
  const std::size_t plane = static_cast<std::size_t>(rows) * cols,
                    pixel = static_cast<std::size_t>(j) * cols + i;
  for (int c = 0; c < 3; ++c) store(out + c * plane + pixel, rgb[c]);
}

template <class Frame>
int launch(const Frame& frame, const Region& region, const Colors& colors, std::int32_t rows,
           std::int32_t cols, std::int32_t half, void* out, cudaStream_t stream) {
  const bool sane =
      frame.height > 0 && frame.width > 0 && rows > 0 && cols > 0 && region.w > 0 && region.h > 0;
  if (!sane) return cudaErrorInvalidValue;
  const dim3 threads(kTileCols, kTileRows);
  const dim3 grid((cols + kTileCols - 1) / kTileCols, (rows + kTileRows - 1) / kTileRows);
  Frame frame_argument = frame;
  Region region_argument = region;
  Colors colors_argument = colors;
  void* arguments[] = {&frame_argument, &region_argument, &colors_argument, &rows, &cols, &out};
  return half != 0 ? cudaLaunchKernel(crop_kernel<Frame, __half>, grid, threads, arguments, 0, stream)
                   : cudaLaunchKernel(crop_kernel<Frame, float>, grid, threads, arguments, 0, stream);
}

}  // namespace
}  // namespace edgetrack

extern "C" int edgetrack_crop_bgr(const edgetrack::BgrFrame* frame, const edgetrack::Region* region,
                                  const edgetrack::Colors* colors, std::int32_t rows, std::int32_t cols,
                                  std::int32_t half, void* out, cudaStream_t stream) {
  return edgetrack::launch(*frame, *region, *colors, rows, cols, half, out, stream);
}

extern "C" int edgetrack_crop_nv12(const edgetrack::Nv12Frame* frame, const edgetrack::Region* region,
                                   const edgetrack::Colors* colors, std::int32_t rows, std::int32_t cols,
                                   std::int32_t half, void* out, cudaStream_t stream) {
  return edgetrack::launch(*frame, *region, *colors, rows, cols, half, out, stream);
}
