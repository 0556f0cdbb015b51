// The CUDA kernels as plain C functions: what the TensorRT plugin, the benchmark (ctypes) and others call.
//
// Each queues one launch on `stream`, allocates nothing and returns a cudaError_t (0: queued). Pointers are
// device pointers, those of frames may also be pinned host memory. Shapes outside the contract
// (kernels/README.md) give cudaErrorInvalidValue. Nothing here waits for the GPU.
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

// How many blocks share one image's tokens on the current device; ask once for a shape, it takes
// microseconds.
ET_EXPORT int edgetrack_token_select_blocks(std::int32_t type, const edgetrack::TokenSelectShape* shape,
                                            std::int32_t* blocks);

// `type` is an edgetrack::TokenType, `blocks` what edgetrack_token_select_blocks gave.
ET_EXPORT int edgetrack_token_select(std::int32_t type, const edgetrack::TokenSelectShape* shape,
                                     const edgetrack::TokenSelectBuffers* buffers, std::int32_t blocks,
                                     cudaStream_t stream);

// `out` may be `tokens`. Indices that are not ascending give an unspecified choice of rows, never a stray
// write.
ET_EXPORT int edgetrack_token_restore(const edgetrack::TokenRestoreShape* shape, const void* tokens,
                                      const void* selected, const std::int32_t* indices, void* out,
                                      cudaStream_t stream);

// `out` is (3, rows, cols) RGB, float32, or float16 where `half` is not 0.
ET_EXPORT int edgetrack_crop_bgr(const edgetrack::BgrFrame* frame, const edgetrack::Region* region,
                                 const edgetrack::Colors* colors, std::int32_t rows, std::int32_t cols,
                                 std::int32_t half, void* out, cudaStream_t stream);

ET_EXPORT int edgetrack_crop_nv12(const edgetrack::Nv12Frame* frame, const edgetrack::Region* region,
                                  const edgetrack::Colors* colors, std::int32_t rows, std::int32_t cols,
                                  std::int32_t half, void* out, cudaStream_t stream);

}  // extern "C"
