// The fused token selection in one launch, and its inverse.
//
//   grid (blocks, B), N threads per block (rounded up to whole warps)
//
//   1. a warp scores one token: row in registers, 32 partial sums, a tree     scores (N) -> global memory
//   2. all blocks wait for each other (cooperative launch)
//   3. a thread owns one score; the block finds the K-th best bit by bit      32 x __syncthreads_count
//   4. ballots give each chosen token its place                               order (K) in shared memory
//   5. a warp copies one chosen token, 16 bytes per lane                      selected, indices, count
//
// Every block repeats steps 3 and 4: they read 4 N bytes and take about a microsecond, less than another
// launch would. With one block per image (large batches), step 2 is a __syncthreads, and the launch is not
// cooperative.
#include <cooperative_groups.h>

#include "cuda_kernels.h"

namespace edgetrack {
namespace {

namespace cg = cooperative_groups;

constexpr int kMaxWarps = kMaxTokens / kLanes;

__device__ float tree_sum(float value) {
  for (int offset = kLanes / 2; offset > 0; offset /= 2)
    value = __fadd_rn(value, __shfl_xor_sync(0xFFFFFFFFu, value, offset));
  return value;
}

// `Steps` elements per lane: the row of a key in registers.
template <class T, int Steps>
struct KeyRow {
  float values[Steps];

  __device__ KeyRow(const T* key, int width, int lane) {
#pragma unroll
    for (int s = 0; s < Steps; ++s) {
      const int i = s * kLanes + lane;
      values[s] = i < width ? to_float(key[i]) : 0.0f;
    }
  }

  // Elements beyond the width add +0, which does not change a partial sum (it starts as +0, never -0).
  __device__ float dot(const float* other, int width, int lane) const {
    float sum = 0.0f;
#pragma unroll
    for (int s = 0; s < Steps; ++s) {
      const int i = s * kLanes + lane;
      if (i < width) sum = accumulate(sum, values[s], other[i]);
    }
    return tree_sum(sum);
  }

  __device__ float squared() const {
    float sum = 0.0f;
#pragma unroll
    for (int s = 0; s < Steps; ++s) sum = accumulate(sum, values[s], values[s]);
    return tree_sum(sum);
  }
};

template <class T, int Steps>
__device__ void score_tokens(const TokenSelectShape& shape, const T* keys, const float* prototypes,
                             const float* penalties, float* scores) {
  const int lane = threadIdx.x % kLanes, warps = blockDim.x / kLanes;
  for (int n = blockIdx.x * warps + threadIdx.x / kLanes; n < shape.tokens; n += gridDim.x * warps) {
    const KeyRow<T, Steps> row(keys + static_cast<std::size_t>(n) * shape.key_width, shape.key_width, lane);
    const float squared = row.squared();
    float best = 0.0f;
    for (int p = 0; p < shape.prototypes; ++p) {
      const float dot = row.dot(prototypes + p * shape.key_width, shape.key_width, lane);
      const float score = similarity(dot, squared, penalties[p]);
      best = p == 0 ? score : larger(best, score);
    }
    if (lane == 0) scores[n] = best;
  }
}

// Computes the position of each chosen token: the number of chosen ones before it. `order` (K) receives their
// indices.
__device__ void place_tokens(const TokenSelectShape& shape, std::uint32_t key, std::uint32_t limit,
                             int* warp_totals, std::int32_t* order) {
  const int token = threadIdx.x, lane = token % kLanes, warp = token / kLanes;
  const bool inside = token < shape.tokens, above = inside && key > limit, tie = inside && key == limit;
  const unsigned above_mask = __ballot_sync(0xFFFFFFFFu, above), tie_mask = __ballot_sync(0xFFFFFFFFu, tie);
  if (lane == 0) warp_totals[warp] = __popc(above_mask) | (__popc(tie_mask) << 16);
  const int ties_allowed = shape.keep - __syncthreads_count(above);
  const unsigned before_lane = (1u << lane) - 1u;
  int above_before = __popc(above_mask & before_lane), ties_before = __popc(tie_mask & before_lane);
  for (int w = 0; w < warp; ++w) {
    above_before += warp_totals[w] & 0xFFFF;
    ties_before += warp_totals[w] >> 16;
  }
  if (above || (tie && ties_before < ties_allowed)) {
    const int ties_taken = ties_before < ties_allowed ? ties_before : ties_allowed;
    order[above_before + ties_taken] = token;
  }
  __syncthreads();
}

template <class Word>
__device__ void copy_words(void* to, const void* from, int bytes, int lane) {
  for (int i = lane; i < bytes / static_cast<int>(sizeof(Word)); i += kLanes)
    static_cast<Word*>(to)[i] = static_cast<const Word*>(from)[i];
}

__device__ void copy_row(void* to, const void* from, int bytes, int lane) {
  const std::size_t alignment = reinterpret_cast<std::size_t>(to) | reinterpret_cast<std::size_t>(from) |
                                static_cast<std::size_t>(bytes);
  if (alignment % 16 == 0) {
    copy_words<uint4>(to, from, bytes, lane);
  } else if (alignment % 4 == 0) {
    copy_words<std::uint32_t>(to, from, bytes, lane);
  } else {
    copy_words<std::uint8_t>(to, from, bytes, lane);
  }
}

__device__ void gather_tokens(const TokenSelectShape& shape, int row_bytes, const char* tokens,
                              const std::int32_t* order, char* selected) {
  const int lane = threadIdx.x % kLanes, warps = blockDim.x / kLanes;
  for (int k = blockIdx.x * warps + threadIdx.x / kLanes; k < shape.keep; k += gridDim.x * warps) {
    copy_row(selected + static_cast<std::size_t>(k) * row_bytes,
             tokens + static_cast<std::size_t>(order[k]) * row_bytes, row_bytes, lane);
  }
}

template <class T, int Steps>
__global__ void __launch_bounds__(kMaxTokens)
    token_select_kernel(const TokenSelectShape shape, const TokenSelectBuffers buffers) {
  __shared__ float penalties[kMaxPrototypes];
  __shared__ std::int32_t order[kMaxTokens];
  __shared__ int warp_totals[kMaxWarps];
  const std::size_t image = blockIdx.y, keys_size = static_cast<std::size_t>(shape.tokens) * shape.key_width;
  const int row_bytes = shape.width * static_cast<int>(sizeof(T));
  const float* prototypes = buffers.prototypes + image * shape.prototypes * shape.key_width;
  float* scores = buffers.scores + image * shape.tokens;

  for (int p = threadIdx.x / kLanes; p < shape.prototypes; p += blockDim.x / kLanes) {
    const KeyRow<float, Steps> row(prototypes + p * shape.key_width, shape.key_width, threadIdx.x % kLanes);
    penalties[p] = absence_penalty(row.squared());
  }
  __syncthreads();
  score_tokens<T, Steps>(shape, static_cast<const T*>(buffers.keys) + image * keys_size, prototypes,
                         penalties, scores);
  if (gridDim.x > 1) {
    cg::this_grid().sync();
  } else {
    __syncthreads();
  }
  const bool inside = threadIdx.x < shape.tokens;
  const float score = inside ? scores[threadIdx.x] : 0.0f;
  const std::uint32_t key = order_key(score);
  const std::uint32_t limit = threshold_key(
      shape.keep, [=](std::uint32_t candidate) { return __syncthreads_count(inside && key >= candidate); });
  place_tokens(shape, key, limit, warp_totals, order);
  const int count = __syncthreads_count(inside && score > buffers.threshold[image]);
  if (blockIdx.x == 0) {
    if (threadIdx.x == 0) buffers.count[image] = count;
    if (threadIdx.x < shape.keep) buffers.indices[image * shape.keep + threadIdx.x] = order[threadIdx.x];
  }
  gather_tokens(shape, row_bytes, static_cast<const char*>(buffers.tokens) + image * shape.tokens * row_bytes,
                order, static_cast<char*>(buffers.selected) + image * shape.keep * row_bytes);
}

__global__ void token_restore_kernel(const TokenRestoreShape shape, const void* tokens, const void* selected,
                                     const std::int32_t* indices, void* out) {
  const int n = blockIdx.x * (blockDim.x / kLanes) + threadIdx.x / kLanes;
  if (n >= shape.tokens) return;
  const std::size_t image = blockIdx.y, row = image * shape.tokens + n;
  const int k = find_token(indices + image * shape.keep, shape.keep, n);
  const char* from = k < 0 ? static_cast<const char*>(tokens) + row * shape.row_bytes
                           : static_cast<const char*>(selected) + (image * shape.keep + k) * shape.row_bytes;
  copy_row(static_cast<char*>(out) + row * shape.row_bytes, from, shape.row_bytes, threadIdx.x % kLanes);
}

using Kernel = void (*)(TokenSelectShape, TokenSelectBuffers);

template <class T>
Kernel kernel_of_width(int key_width) {
  constexpr int kFew = 8;  // up to 256 elements, the shipped network has 192
  if (key_width <= kFew * kLanes) return token_select_kernel<T, kFew>;
  return token_select_kernel<T, kMaxKeyWidth / kLanes>;
}

Kernel kernel_of(std::int32_t type, int key_width) {
  switch (static_cast<TokenType>(type)) {
    case TokenType::kFloat:
      return kernel_of_width<float>(key_width);
    case TokenType::kHalf:
      return kernel_of_width<Half>(key_width);
    case TokenType::kInt8:
      return kernel_of_width<std::int8_t>(key_width);
  }
  return nullptr;
}

bool in_contract(const TokenSelectShape& s) {
  return s.batch >= 1 && s.batch <= 65535 && s.tokens >= 1 && s.tokens <= kMaxTokens && s.width >= 1 &&
         s.width <= kMaxWidth && s.key_width >= 1 && s.key_width <= kMaxKeyWidth && s.prototypes >= 1 &&
         s.prototypes <= kMaxPrototypes && s.keep >= 1 && s.keep <= s.tokens;
}

int threads_of(const TokenSelectShape& shape) { return (shape.tokens + kLanes - 1) / kLanes * kLanes; }

cudaError_t count_blocks(std::int32_t type, const TokenSelectShape& shape, std::int32_t* blocks) {
  const Kernel kernel = kernel_of(type, shape.key_width);
  if (kernel == nullptr || !in_contract(shape)) return cudaErrorInvalidValue;
  int device = 0, processors = 0, resident = 0;
  cudaError_t error = cudaGetDevice(&device);
  if (error == cudaSuccess)
    error = cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device);
  if (error == cudaSuccess)
    error = cudaOccupancyMaxActiveBlocksPerMultiprocessor(&resident, kernel, threads_of(shape), 0);
  if (error != cudaSuccess) return error;
  const int warps = threads_of(shape) / kLanes, wanted = (shape.tokens + warps - 1) / warps;
  const int room = processors * resident / shape.batch;  // all blocks of a waiting grid must be resident
  *blocks = room < 1 ? 1 : wanted < room ? wanted : room;
  return cudaSuccess;
}

}  // namespace
}  // namespace edgetrack

using namespace edgetrack;

extern "C" int edgetrack_token_select_blocks(std::int32_t type, const TokenSelectShape* shape,
                                             std::int32_t* blocks) {
  return count_blocks(type, *shape, blocks);
}

extern "C" int edgetrack_token_select(std::int32_t type, const TokenSelectShape* shape,
                                      const TokenSelectBuffers* buffers, std::int32_t blocks,
                                      cudaStream_t stream) {
  const Kernel kernel = kernel_of(type, shape->key_width);
  if (kernel == nullptr || !in_contract(*shape) || blocks < 1) return cudaErrorInvalidValue;
  const dim3 grid(blocks, shape->batch), threads(threads_of(*shape));
  TokenSelectShape shape_argument = *shape;
  TokenSelectBuffers buffers_argument = *buffers;
  void* arguments[] = {&shape_argument, &buffers_argument};
  return blocks > 1 ? cudaLaunchCooperativeKernel(kernel, grid, threads, arguments, 0, stream)
                    : cudaLaunchKernel(kernel, grid, threads, arguments, 0, stream);
}

extern "C" int edgetrack_token_restore(const TokenRestoreShape* shape, const void* tokens,
                                       const void* selected, const std::int32_t* indices, void* out,
                                       cudaStream_t stream) {
  if (shape->batch < 1 || shape->batch > 65535 || shape->tokens < 1 || shape->keep < 0 ||
      shape->row_bytes < 1)
    return cudaErrorInvalidValue;
  constexpr int kWarps = 4;
  const dim3 grid((shape->tokens + kWarps - 1) / kWarps, shape->batch);
  TokenRestoreShape shape_argument = *shape;
  void* arguments[] = {&shape_argument, &tokens, &selected, &indices, &out};
  return cudaLaunchKernel(token_restore_kernel, grid, dim3(kWarps * kLanes), arguments, 0, stream);
}
