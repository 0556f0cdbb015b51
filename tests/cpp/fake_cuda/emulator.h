// As much of CUDA as the kernels use, on the CPU, so that their sources run where there is no GPU.
//
// A block is a thread of the system, its CUDA threads are fibers that take turns, __shared__ is thread_local.
// Blocks of a cooperative launch run side by side. Results of lanes are exchanged in two phases: all write,
// all read. This proves logic and arithmetic; it says nothing about memory ordering or speed.
#pragma once

#include <immintrin.h>
#include <ucontext.h>

#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

// The emulated side is another namespace: its inline functions must not be merged with those of the host.
#define edgetrack edgetrack_emulated
#define __CUDA_ARCH__ 870
#define __CUDACC__ 1
#define __global__
#define __device__
#define __host__
#define __launch_bounds__(threads)
#define __shared__ static thread_local

struct dim3 {
  unsigned x, y, z;
  dim3(unsigned a = 1, unsigned b = 1, unsigned c = 1) : x(a), y(b), z(c) {}
};
struct uint4 {
  unsigned x, y, z, w;
};
using cudaStream_t = void*;
enum cudaError_t { cudaSuccess = 0, cudaErrorInvalidValue = 1 };
enum cudaDeviceAttr { cudaDevAttrMultiProcessorCount };

namespace emulator {

constexpr int kProcessors = 3;  // of the emulated GPU; each holds one block

class Barrier {  // of threads of the system
 public:
  explicit Barrier(int size) : size_(size) {}
  void wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    const int generation = generation_;
    if (++arrived_ == size_) {
      arrived_ = 0;
      ++generation_;
      all_.notify_all();
    } else {
      all_.wait(lock, [&] { return generation != generation_; });
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable all_;
  int size_, arrived_ = 0, generation_ = 0;
};

struct Group {  // of fibers: a warp or a block
  int size = 0, arrived = 0, generation = 0;
  std::uint32_t slots[1024] = {};
};

struct Block {
  dim3 size, thread;
  Group all;
  std::vector<Group> warps;
  ucontext_t scheduler;
  std::vector<ucontext_t> fibers;
  std::vector<bool> done;
  Barrier* grid = nullptr;  // null: not a cooperative launch
  int current = 0;
  std::function<void()> body;
};

inline thread_local Block* block = nullptr;

inline void yield() { swapcontext(&block->fibers[block->current], &block->scheduler); }

inline void sync(Group& group) {
  const int generation = group.generation;
  if (++group.arrived == group.size) {
    group.arrived = 0;
    ++group.generation;
  } else {
    while (group.generation == generation) yield();
  }
}

inline Group& warp() { return block->warps[block->current / 32]; }

template <class Read>
auto exchange(Group& group, int place, std::uint32_t value, Read read) {
  group.slots[place] = value;
  sync(group);
  const auto result = read(group.slots);
  sync(group);
  return result;
}

inline void run_fiber() {
  block->body();
  block->done[block->current] = true;
  yield();
}

inline void run_block(Block& state) {
  block = &state;
  const int threads = static_cast<int>(state.size.x * state.size.y);
  constexpr std::size_t kStack = 1 << 16;
  const std::unique_ptr<char[]> stacks(new char[kStack * threads]);  // a vector would fill megabytes
  state.all.size = threads;
  state.warps.resize((threads + 31) / 32);
  for (std::size_t w = 0; w < state.warps.size(); ++w)
    state.warps[w].size = std::min(32, threads - 32 * static_cast<int>(w));
  state.fibers.resize(threads);
  state.done.assign(threads, false);
  for (int t = 0; t < threads; ++t) {
    getcontext(&state.fibers[t]);
    state.fibers[t].uc_stack.ss_sp = stacks.get() + kStack * t;
    state.fibers[t].uc_stack.ss_size = kStack;
    state.fibers[t].uc_link = &state.scheduler;
    makecontext(&state.fibers[t], run_fiber, 0);
  }
  for (int left = threads; left > 0;) {
    for (int t = 0; t < threads; ++t) {
      if (state.done[t]) continue;
      state.current = t;
      state.thread = dim3(t % state.size.x, t / state.size.x);
      swapcontext(&state.scheduler, &state.fibers[t]);
      left -= state.done[t];
    }
  }
}

}  // namespace emulator

inline thread_local dim3 blockIdx, blockDim, gridDim;
#define threadIdx (emulator::block->thread)

namespace cooperative_groups {
struct Grid {
  void sync() const {
    if (emulator::block->grid == nullptr) {
      std::puts("grid.sync() in a launch that is not cooperative");
      std::abort();
    }
    emulator::sync(emulator::block->all);
    if (emulator::block->current == 0) emulator::block->grid->wait();
    emulator::sync(emulator::block->all);
  }
};
inline Grid this_grid() { return {}; }
}  // namespace cooperative_groups

inline void __syncthreads() { emulator::sync(emulator::block->all); }
inline int __syncthreads_count(bool value) {
  emulator::Group& all = emulator::block->all;
  return emulator::exchange(all, emulator::block->current, value, [&](const std::uint32_t* slots) {
    int count = 0;
    for (int i = 0; i < all.size; ++i) count += slots[i] != 0;
    return count;
  });
}
inline unsigned __ballot_sync(unsigned, bool value) {
  return emulator::exchange(emulator::warp(), emulator::block->current % 32, value,
                            [](const std::uint32_t* slots) {
                              unsigned mask = 0;
                              for (unsigned i = 0; i < 32; ++i) mask |= (slots[i] != 0 ? 1u : 0u) << i;
                              return mask;
                            });
}
inline float __shfl_xor_sync(unsigned, float value, int offset) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  const int lane = emulator::block->current % 32;
  bits = emulator::exchange(emulator::warp(), lane, bits,
                            [&](const std::uint32_t* slots) { return slots[lane ^ offset]; });
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
inline int __popc(unsigned value) { return __builtin_popcount(value); }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __fsqrt_rn(float a) { return __builtin_sqrtf(a); }
inline std::uint32_t __float_as_uint(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

struct __half {
  std::uint16_t bits;
};
inline __half __ushort_as_half(std::uint16_t bits) { return {bits}; }
inline float __half2float(__half value) { return _cvtsh_ss(value.bits); }
inline __half __float2half_rn(float value) { return {_cvtss_sh(value, _MM_FROUND_TO_NEAREST_INT)}; }

inline cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}
inline cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr, int) {
  *value = emulator::kProcessors;
  return cudaSuccess;
}
template <class Kernel>
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, Kernel, int, std::size_t) {
  *blocks = 1;
  return cudaSuccess;
}

template <class... Arguments, std::size_t... Index>
cudaError_t launch(void (*kernel)(Arguments...), dim3 grid, dim3 threads, void** arguments, bool cooperative,
                   std::index_sequence<Index...>) {
  emulator::Barrier barrier(static_cast<int>(grid.x * grid.y));
  std::vector<std::thread> running;
  for (unsigned y = 0; y < grid.y; ++y) {
    for (unsigned x = 0; x < grid.x; ++x) {
      running.emplace_back([=, &barrier] {
        blockIdx = dim3(x, y);
        blockDim = threads;
        gridDim = grid;
        const auto state = std::make_unique<emulator::Block>();
        state->size = threads;
        state->grid = cooperative ? &barrier : nullptr;
        state->body = [=] { kernel(*static_cast<std::remove_const_t<Arguments>*>(arguments[Index])...); };
        emulator::run_block(*state);
      });
      if (!cooperative) {
        running.back().join();
        running.pop_back();
      }
    }
  }
  for (std::thread& thread : running) thread.join();
  return cudaSuccess;
}
template <class... Arguments>
cudaError_t cudaLaunchKernel(void (*kernel)(Arguments...), dim3 grid, dim3 threads, void** arguments,
                             std::size_t, cudaStream_t) {
  return launch(kernel, grid, threads, arguments, false, std::index_sequence_for<Arguments...>());
}
template <class... Arguments>
cudaError_t cudaLaunchCooperativeKernel(void (*kernel)(Arguments...), dim3 grid, dim3 threads,
                                        void** arguments, std::size_t, cudaStream_t) {
  if (grid.x * grid.y > emulator::kProcessors) return cudaErrorInvalidValue;  // would wait for ever
  return launch(kernel, grid, threads, arguments, true, std::index_sequence_for<Arguments...>());
}
