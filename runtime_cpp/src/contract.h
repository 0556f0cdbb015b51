// Defines how the tensors of a bundle's graphs fit together, for C++ and for Python. All code that writes a
// graph's inputs or reads its outputs relies on this check.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "edgetrack/engine.h"

namespace edgetrack {

// Limit for the total number of elements of one graph's tensors: 64 MiB of float32. Checked before anything
// is allocated.
constexpr std::int64_t kLargestGraph = std::int64_t{1} << 24;
constexpr std::int64_t kLongestText = 4096;  // tokens

// Learns axis lengths from one graph after another, in any order, and rejects the first graph that
// contradicts them.
class Contract {
 public:
  // Sets a length that is known from elsewhere: 'T' tokens of a text; 'I', 'S' and 'G' are the side lengths
  // in pixels of the template, search and whole-frame images. Throws Error if a graph has contradicted it.
  void set(char axis, std::int64_t length);

  // Throws Error unless the graph of `role` has the tensors that the tracker writes and reads, with the
  // expected types, at most kLargestGraph elements in total, and shapes consistent with the previous graphs.
  // Additional outputs are allowed.
  void take(const std::string& role, const GraphSpec& graph);

 private:
  using Axes = std::map<char, std::int64_t>;

  void match(const std::string& role, const TensorSpec& spec, const char* axes, std::int64_t batch,
             Axes& known) const;

  Axes known_;
};

// Wraps an engine so that each graph passes a Contract before it is returned.
std::shared_ptr<Engine> checked(std::shared_ptr<Engine> engine);

// Returns the tensor of that name; the contract has verified that it exists.
const TensorSpec& named(const std::vector<TensorSpec>& specs, const char* name);

}  // namespace edgetrack
