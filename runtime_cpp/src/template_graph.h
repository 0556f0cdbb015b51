// The graph that encodes the template of a target, and helpers that copy its outputs into Knowledge.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "contract.h"
#include "target.h"

namespace edgetrack {

// Returns a number that is unique among all targets, so that a target is never confused with an earlier one
// at the same address.
inline std::uint64_t next_change() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

inline void copy(const Tensor& from, const Tensor& to) {
  std::memcpy(to.floats(), from.floats(), to.spec.bytes());
}

// Copies (1, L, n, C) into (1, L, N, C) from token `first` on.
inline void copy_tokens(const Tensor& from, const Tensor& to, std::size_t first) {
  const std::size_t layers = static_cast<std::size_t>(to.spec.shape[1]);
  const std::size_t width = static_cast<std::size_t>(to.spec.shape[3]);
  const std::size_t some = static_cast<std::size_t>(from.spec.shape[2]) * width;
  const std::size_t all = static_cast<std::size_t>(to.spec.shape[2]) * width;
  for (std::size_t layer = 0; layer < layers; ++layer)
    std::copy_n(from.floats() + layer * some, some, to.floats() + layer * all + first * width);
}

// Writes the mean of two (1, L, n, C), with a weight of the second, over the first tokens of (1, L, N, C).
inline void mix_tokens(const Tensor& one, const Tensor& two, float weight, const Tensor& to) {
  const std::size_t layers = static_cast<std::size_t>(to.spec.shape[1]);
  const std::size_t width = static_cast<std::size_t>(to.spec.shape[3]);
  const std::size_t some = static_cast<std::size_t>(one.spec.shape[2]) * width;
  const std::size_t all = static_cast<std::size_t>(to.spec.shape[2]) * width;
  for (std::size_t layer = 0; layer < layers; ++layer) {
    const float *first = one.floats() + layer * some, *second = two.floats() + layer * some;
    float* mean = to.floats() + layer * all;
    for (std::size_t i = 0; i < some; ++i) mean[i] = (1 - weight) * first[i] + weight * second[i];
  }
}

// Normalizes `vector` to unit length.
inline void make_unit(float* vector, std::size_t width) {
  double squares = 0.0;
  for (std::size_t i = 0; i < width; ++i) squares += static_cast<double>(vector[i]) * vector[i];
  const float length = std::max(static_cast<float>(std::sqrt(squares)), 1e-6f);
  for (std::size_t i = 0; i < width; ++i) vector[i] /= length;
}

// Copies into one of the two prototypes.
inline void copy_prototype(const Tensor& from, const Tensor& to, std::size_t row) {
  std::copy_n(from.floats(), from.spec.count(), to.floats() + row * from.spec.count());
}

struct Target::TemplateGraph {
  Tensor image, share, memory, anchor, prompts, prototype;
  PairInputs pair;
  std::unique_ptr<Call> call;

  TemplateGraph(Engine& engine, bool pairs) {
    const char* role = pairs ? "template_x" : "template";
    const GraphSpec graph = engine.graph(role);
    image = Tensor::zeros(named(graph.inputs, "image"));
    share = Tensor::zeros(named(graph.inputs, "target"));
    memory = Tensor::zeros(named(graph.outputs, "memory"));
    anchor = Tensor::zeros(named(graph.outputs, "anchor"));
    prompts = Tensor::zeros(named(graph.outputs, "prompts"));
    prototype = Tensor::zeros(named(graph.outputs, "prototype"));
    std::vector<Tensor> inputs = {image, share};
    if (pairs) {
      pair = PairInputs(graph);
      inputs.insert(inputs.end(), {pair.x, pair.present});
    }
    call = engine.bind(role, inputs, {memory, anchor, prompts, prototype});
  }
};

}  // namespace edgetrack
