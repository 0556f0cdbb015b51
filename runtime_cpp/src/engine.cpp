#include "edgetrack/engine.h"

#include <cstring>
#include <new>

#include "edgetrack/types.h"
#include "message.h"

namespace edgetrack {

std::size_t TensorSpec::count() const {
  std::size_t product = 1;
  for (const std::int64_t length : shape) product *= static_cast<std::size_t>(length);
  return product;
}

std::size_t TensorSpec::bytes() const { return count() * (dtype == DType::int64 ? 8 : 4); }

Tensor Tensor::zeros(const TensorSpec& spec) {
  if (spec.dtype == DType::other)
    throw Error(Code::bundle,
                message("tensor '", spec.name, "' is neither float32 nor int64, the only types ",
                        "that the tracker supports; export the bundle again"));
  constexpr std::align_val_t alignment{64};
  void* memory = ::operator new(spec.bytes(), alignment);
  std::memset(memory, 0, spec.bytes());
  return {spec, {memory, [](void* data) { ::operator delete(data, alignment); }}};
}

}  // namespace edgetrack
