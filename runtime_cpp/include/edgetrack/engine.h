// The interface of an inference backend: graphs by role, bound once to memory that does not move.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "edgetrack/api.h"

namespace edgetrack {

enum class DType { float32, int64, other };

struct EDGETRACK_API TensorSpec {
  std::string name;
  DType dtype;
  std::vector<std::int64_t> shape;

  std::size_t count() const;  // elements
  std::size_t bytes() const;
};

// The named tensors of one graph, in the order of its file.
struct GraphSpec {
  std::vector<TensorSpec> inputs, outputs;
};

// An array of float32 or int64, C-contiguous, aligned to 64 bytes. Copies share the memory.
struct EDGETRACK_API Tensor {
  TensorSpec spec;
  std::shared_ptr<void> data;

  static Tensor zeros(const TensorSpec& spec);
  float* floats() const { return static_cast<float*>(data.get()); }
  std::int64_t* integers() const { return static_cast<std::int64_t*>(data.get()); }
};

// A graph with bound tensors: run() reads the inputs and fills the outputs in place.
class EDGETRACK_API Call {
 public:
  virtual ~Call() = default;
  virtual void run() = 0;
};

// The graphs of one bundle on one backend. Holds no state of a target: several trackers may share it.
class EDGETRACK_API Engine {
 public:
  virtual ~Engine() = default;

  // Returns the graph of a role: text, prompt, template, search, ground, or search2 and search4 for that
  // many targets (see Bundle::batches). Throws Error.
  virtual GraphSpec graph(const std::string& role) = 0;

  // `inputs` must be all of the graph's inputs, `outputs` the requested ones. Throws Error.
  virtual std::unique_ptr<Call> bind(const std::string& role, const std::vector<Tensor>& inputs,
                                     const std::vector<Tensor>& outputs) = 0;

  // Whether two of its calls may run at the same time in different threads.
  virtual bool concurrent() const { return false; }
};

}  // namespace edgetrack
