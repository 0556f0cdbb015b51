// The CUDA kernels as plain C functions, for the TensorRT plugin, the benchmark (ctypes) and others.
//
// Each queues one launch on `stream`, allocates nothing and returns a cudaError_t (0: queued). Pointers are
// device pointers; those of frames may also be pinned host memory. Shapes outside the contract
// (kernels/README.md) return cudaErrorInvalidValue. No function waits for the GPU.
#pragma once

#include <cuda_runtime_api.h>

#include "crop_pixel.h"
#include "token_select.h"

#if defined(_WIN32)
#define ET_EXPORT __declspec(dllexport)
#else
#define ET_EXPORT __attribute__((visibility("default")))
#endif

extern "C" {

// Returns how many blocks share one image's tokens on the current device. Call it once per shape; it takes
// microseconds.
ET_EXPORT int edgetrack_token_select_blocks(std::int32_t type, const edgetrack::TokenSelectShape* shape,
                                            std::int32_t* blocks);

// `type` is an edgetrack::TokenType, `blocks` the result of edgetrack_token_select_blocks.
ET_EXPORT int edgetrack_token_select(std::int32_t type, const edgetrack::TokenSelectShape* shape,
                                     const edgetrack::TokenSelectBuffers* buffers, std::int32_t blocks,
                                     cudaStream_t stream);

// `out` may be `tokens`. If the indices are not ascending, the choice of rows is unspecified, but no write is
// out of bounds.
ET_EXPORT int edgetrack_token_restore(const edgetrack::TokenRestoreShape* shape, const void* tokens,
                                      const void* selected, const std::int32_t* indices, void* out,
                                      cudaStream_t stream);

// `out` is (3, rows, cols) RGB, float32, or float16 if `half` is not 0.
ET_EXPORT int edgetrack_crop_bgr(const edgetrack::BgrFrame* frame, const edgetrack::Region* region,
                                 const edgetrack::Colors* colors, std::int32_t rows, std::int32_t cols,
                                 std::int32_t half, void* out, cudaStream_t stream);

ET_EXPORT int edgetrack_crop_nv12(const edgetrack::Nv12Frame* frame, const edgetrack::Region* region,
                                  const edgetrack::Colors* colors, std::int32_t rows, std::int32_t cols,
                                  std::int32_t half, void* out, cudaStream_t stream);

}  // extern "C"
