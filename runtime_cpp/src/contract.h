// How the tensors of a bundle's graphs fit together. The only place that says so, for C++ and for Python:
// whatever reads a graph's answer or writes its inputs relies on it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "edgetrack/engine.h"

namespace edgetrack {

// The elements of all tensors of one graph together: 64 MiB of float32. Checked before anything is allocated.
constexpr std::int64_t kLargestGraph = std::int64_t{1} << 24;
constexpr std::int64_t kLongestText = 4096;  // tokens

// Learns lengths from one graph after another, in any order, and refuses the first that contradicts them.
class Contract {
 public:
  // A length that is known from elsewhere: 'T' tokens of a text, 'I', 'S' and 'G' pixels of the template's,
  // the search's and the whole frame's picture. Throws Error when a graph has said otherwise.
  void set(char axis, std::int64_t length);

  // Throws Error unless the tensors of `role` are the ones that the tracker feeds and reads, in its types,
  // of at most kLargestGraph elements, and in shapes that fit those of the graphs before. A graph may have
  // more outputs.
  void take(const std::string& role, const GraphSpec& graph);

 private:
  using Axes = std::map<char, std::int64_t>;

  void match(const std::string& role, const TensorSpec& spec, const char* axes, std::int64_t batch,
             Axes& known) const;

  Axes known_;
};

// The same engine; its graphs have gone through a Contract when they are handed out.
std::shared_ptr<Engine> checked(std::shared_ptr<Engine> engine);

// The tensor of that name, which the contract has found there.
const TensorSpec& named(const std::vector<TensorSpec>& specs, const char* name);

}  // namespace edgetrack
