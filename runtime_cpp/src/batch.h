// The search network for several targets in one run: the inputs of all targets are contiguous in one batched
// tensor each, and so are the outputs.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "detector.h"

namespace edgetrack {

class Batch {
 public:
  // Binds graph "search2" if `size` is 2, and so on. The engine's graphs must have passed the same Contract
  // as those of `one`.
  Batch(Engine& engine, const Detector& one, const Target& target, std::size_t size);

  std::size_t size() const { return slots_.size(); }
  const Tensor& image(std::size_t slot) const { return slots_[slot].image; }  // (1, 3, S, S)
  const Answer& answer(std::size_t slot) const { return slots_[slot].answer; }

  // Sets the target that `slot` looks for. Copies nothing if the slot holds it already.
  void tell(std::size_t slot, const Target& target, const Knowledge& known);

  void run() { call_->run(); }

 private:
  struct Slot {
    Tensor image;
    std::vector<Tensor> known;  // in the order of Knowledge::tensors()
    Answer answer;
    const Knowledge* of = nullptr;  // the source of `known`, and its change number when copied
    std::uint64_t change = 0;
  };

  std::vector<Slot> slots_;
  std::unique_ptr<Call> call_;
};

}  // namespace edgetrack
