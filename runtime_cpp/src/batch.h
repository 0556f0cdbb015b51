// The search network for several targets at once: their inputs lie side by side in one place each, as do its
// answers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "detector.h"

namespace edgetrack {

class Batch {
 public:
  // Graph "search2" for a size of 2, of an engine whose graphs went through a Contract with `one`.
  Batch(Engine& engine, const Detector& one, const Target& target, std::size_t size);

  std::size_t size() const { return slots_.size(); }
  const Tensor& image(std::size_t slot) const { return slots_[slot].image; }  // (1, 3, S, S)
  const Answer& answer(std::size_t slot) const { return slots_[slot].answer; }

  // What `slot` looks for; copied unless it is there since the last time.
  void tell(std::size_t slot, const Target& target, const Knowledge& known);

  void run() { call_->run(); }

 private:
  struct Slot {
    Tensor image;
    std::vector<Tensor> known;  // in the order of Knowledge::tensors()
    Answer answer;
    const Knowledge* of = nullptr;  // what `known` holds, as it was at this change
    std::uint64_t change = 0;
  };

  std::vector<Slot> slots_;
  std::unique_ptr<Call> call_;
};

}  // namespace edgetrack
