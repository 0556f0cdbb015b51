#include "batch.h"

#include <cstring>

#include "contract.h"

namespace edgetrack {

namespace {

// Returns the slice of `all` that has the shape of `one`; it shares the memory.
Tensor part(const Tensor& all, const Tensor& one, std::size_t slot) {
  return {one.spec, {all.data, all.floats() + slot * one.spec.count()}};
}

}  // namespace

Batch::Batch(Engine& engine, const Detector& one, const Target& target, std::size_t size) : slots_(size) {
  const std::string role = "search" + std::to_string(size);
  const GraphSpec graph = engine.graph(role);
  const auto several = [](const std::vector<TensorSpec>& specs, const Tensor& like) {
    return Tensor::zeros(named(specs, like.spec.name.c_str()));
  };
  std::vector<Tensor> inputs = {several(graph.inputs, one.image)}, outputs;
  for (std::size_t i = 0; i < size; ++i) slots_[i].image = part(inputs[0], one.image, i);
  for (const Tensor* tensor : target.everything().tensors()) {
    inputs.push_back(several(graph.inputs, *tensor));
    for (std::size_t i = 0; i < size; ++i) slots_[i].known.push_back(part(inputs.back(), *tensor, i));
  }
  for (Slot& slot : slots_) slot.answer = one.answer;
  for (std::size_t t = 0; t < slots_[0].answer.tensors().size(); ++t) {
    const Tensor like = *slots_[0].answer.tensors()[t];
    outputs.push_back(several(graph.outputs, like));
    for (std::size_t i = 0; i < size; ++i) *slots_[i].answer.tensors()[t] = part(outputs.back(), like, i);
  }
  call_ = engine.bind(role, inputs, outputs);
}

void Batch::tell(std::size_t slot, const Target& target, const Knowledge& known) {
  Slot& here = slots_[slot];
  if (here.of == &known && here.change == target.change()) return;
  auto to = here.known.begin();
  for (const Tensor* from : known.tensors())
    std::memcpy((to++)->floats(), from->floats(), from->spec.bytes());
  here.of = &known;
  here.change = target.change();
}

}  // namespace edgetrack
