// An engine without a network, as small as the tracker allows: its answers are dice, so that every state
// comes up. Each binding has dice of its own that begin alike: trackers in several threads may share it.
#pragma once

#include <map>
#include <random>

#include "edgetrack/engine.h"

namespace edgetrack {

class DiceEngine final : public Engine {
 public:
  explicit DiceEngine(unsigned seed) : seed_(seed) {}

  long batches = 0;  // runs of graphs for several targets

  GraphSpec graph(const std::string& role) override {
    const bool several = role == "search2" || role == "search4";
    if (role == "template_x" || role == "search_x") return paired(single(role.substr(0, role.size() - 2)));
    GraphSpec spec = single(several ? "search" : role);
    for (std::vector<TensorSpec>* side : {&spec.inputs, &spec.outputs})
      for (TensorSpec& tensor : *side)
        if (several) tensor.shape[0] = role.back() - '0';
    return spec;
  }

  std::unique_ptr<Call> bind(const std::string& role, const std::vector<Tensor>& inputs,
                             const std::vector<Tensor>& outputs) override {
    return std::make_unique<Throw>(seed_ + static_cast<unsigned>(role[0]), outputs,
                                   inputs[0].spec.shape[0] > 1 ? &batches : nullptr);
  }

 private:
  // The same with a second sensor.
  static GraphSpec paired(GraphSpec spec) {
    constexpr DType f = DType::float32;
    spec.inputs.push_back({"x", f, {1, 3, 24, 24}});
    spec.inputs.push_back({"present", f, {1, 2}});
    if (spec.outputs.back().name == "embedding") spec.outputs.push_back({"share", f, {1, 1, 16, 16}});
    return spec;
  }

  GraphSpec single(const std::string& role) const {
    using Specs = std::vector<TensorSpec>;
    constexpr DType f = DType::float32;
    const TensorSpec image{"image", f, {1, 3, 32, 32}}, mask{"mask", f, {1, 6}};
    const Specs known = {{"memory", f, {1, 2, 10, 8}}, {"memory_mask", f, {1, 10}},
                         {"film", f, {1, 2, 8}},       {"anchor", f, {1, 4, 8}},
                         {"prompts", f, {1, 3, 8}},    {"prototypes", f, {1, 2, 8}}};
    if (role == "text") return {{{"ids", DType::int64, {1, 6}}, mask}, {{"tokens", f, {1, 6, 8}}}};
    if (role == "prompt")
      return {{{"tokens", f, {1, 6, 8}}, mask},
              {{"memory", f, {1, 2, 6, 8}}, {"film", f, {1, 2, 8}}, {"prototype", f, {1, 8}}}};
    if (role == "template")
      return {{image, {"target", f, {1, 1, 2, 2}}},
              {{"memory", f, {1, 2, 4, 8}}, known[3], known[4], {"prototype", f, {1, 8}}}};
    const TensorSpec map{"map", f, {1, 2, 4, 4}};
    if (role == "detect")
      return {{image},
              {{"boxes", f, {1, 12, 4}},
               {"objectness", f, {1, 12}},
               {"region", f, {1, 12, 5}},
               {"classes", f, {1, 12, 7}},
               map}};
    if (role == "rank")
      return {{map,
               {"boxes", f, {1, 3, 4}},
               {"region", f, {1, 3, 5}},
               {"classes", f, {1, 3, 7}},
               {"valid", f, {1, 3}},
               {"tokens", f, {1, 6, 8}},
               mask,
               {"noun", f, {1, 6, 8}},
               {"noun_mask", f, {1, 6}}},
              {{"score", f, {1, 3}}}};
    if (role == "mask")
      return {{image,
               {"target", f, {1, 1, 4, 4}},
               {"keys", f, {1, 2, 3, 4}},
               {"values", f, {1, 2, 5, 4}},
               {"known", f, {1, 2}},
               {"given", f, {1, 1, 16, 16}},
               {"trust", f, {1, 1}}},
              {{"logits", f, {1, 1, 16, 16}}, {"key", f, {1, 3, 4}}, {"value", f, {1, 5, 4}}}};
    Specs inputs = {image};
    inputs.insert(inputs.end(), known.begin(), known.end());
    return {inputs,
            {{"score", f, {1, 1, 16, 16}},
             {"offset", f, {1, 2, 16, 16}},
             {"size", f, {1, 2, 16, 16}},
             {"presence", f, {1, 1}},
             {"quality", f, {1, 1, 16, 16}},
             {"embedding", f, {1, 256, 8}}}};
  }

  struct Throw final : Call {
    Throw(unsigned seed, const std::vector<Tensor>& tensors, long* count)
        : dice(seed), outputs(tensors), runs(count) {}
    void run() override {
      if (runs) ++*runs;
      std::uniform_real_distribution<float> share(0.0f, 1.0f);
      const float level = share(dice) < 0.8f ? 0.9f : 0.05f;
      for (const Tensor& tensor : outputs)
        for (std::size_t i = 0; i < tensor.spec.count(); ++i) tensor.floats()[i] = 0.1f + 0.4f * share(dice);
      for (const Tensor& tensor : outputs)  // of "mask": most cells are not the target's
        if (tensor.spec.name == "logits")
          for (std::size_t i = 0; i < tensor.spec.count(); ++i) tensor.floats()[i] -= 0.45f;
      for (const Tensor& tensor : outputs)  // of "detect": the lower right corners
        if (tensor.spec.name == "boxes")
          for (std::size_t i = 0; i < tensor.spec.count(); ++i)
            if (i % 4 > 1) tensor.floats()[i] += 0.4f;
      for (const Tensor& tensor : outputs)
        if (tensor.spec.name == "presence" || tensor.spec.name == "score" || tensor.spec.name == "quality")
          for (std::size_t i = 0; i < tensor.spec.count(); ++i) tensor.floats()[i] *= 2 * level;
    }
    std::mt19937 dice;
    const std::vector<Tensor> outputs;
    long* const runs;
  };
  const unsigned seed_;
};

}  // namespace edgetrack
