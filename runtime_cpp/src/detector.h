// A network that finds the target in a picture, with the memory that it works on.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "decode.h"
#include "pace.h"
#include "target.h"

namespace edgetrack {

// "search" or "ground", bound to its buffers.
struct Detector {
  Tensor image, score, offset, size, presence, quality, embedding;
  std::unique_ptr<Call> call;
  Cost cost;  // of a run with its crop

  // `shared` is the picture to look at, allocated if it is not; without it the detector has one of its own.
  Detector(Engine& engine, const std::string& role, const Knowledge& known, Tensor* shared = nullptr) {
    const GraphSpec graph = engine.graph(role);
    const auto output = [&](const char* tensor, const std::vector<std::int64_t>& shape) {
      return Tensor::zeros(find(graph.outputs, role, tensor, shape));
    };
    const TensorSpec& picture = find(graph.inputs, role, "image", {1, 3, -1, -1});
    image = shared && shared->data ? *shared : Tensor::zeros(picture);
    if (shared) *shared = image;
    score = output("score", {1, 1, -1, -1});
    const std::int64_t cells = score.spec.shape[3];
    score = output("score", {1, 1, cells, cells});
    offset = output("offset", {1, 2, cells, cells});
    size = output("size", {1, 2, cells, cells});
    presence = output("presence", {1, 1});
    quality = output("quality", {1, 1, cells, cells});
    std::vector<Tensor> inputs = {image}, outputs = {score, offset, size, presence, quality};
    for (const Tensor& tensor : known.tensors()) {
      find(graph.inputs, role, tensor.spec.name, tensor.spec.shape);
      inputs.push_back(tensor);
    }
    if (role == "search") {
      embedding = output("embedding", {1, cells * cells, known.prompts.spec.shape[2]});
      outputs.push_back(embedding);
    }
    call = engine.bind(role, inputs, outputs);
  }

  Maps maps() const {
    return {static_cast<int>(score.spec.shape[3]),
            score.floats(),
            offset.floats(),
            size.floats(),
            presence.floats(),
            quality.floats()};
  }
};

}  // namespace edgetrack
