// A network that finds the target in a picture, with the memory that it works on.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "contract.h"
#include "decode.h"
#include "pace.h"
#include "sensor.h"
#include "target.h"

namespace edgetrack {

// What "search" and "ground" say of one target.
struct Answer {
  Tensor score, offset, size, presence, quality;
  Tensor embedding;  // of "search" alone

  Maps maps() const {
    return {static_cast<int>(score.spec.shape[3]),
            score.floats(),
            offset.floats(),
            size.floats(),
            presence.floats(),
            quality.floats()};
  }

  std::vector<Tensor*> tensors() {
    std::vector<Tensor*> all = {&score, &offset, &size, &presence, &quality};
    if (embedding.data) all.push_back(&embedding);
    return all;
  }
};

// "search", "search_x" or "ground", bound to its buffers.
struct Detector {
  Tensor image;
  Answer answer;
  std::unique_ptr<Call> call;
  Cost cost;        // of a run with its crop
  PairInputs pair;  // of "search_x"
  Tensor share;     // of the second sensor in each cell, the same

  // `shared` is the picture to look at, allocated if it is not; without it the detector has one of its own.
  Detector(Engine& engine, const std::string& role, const Knowledge& known, Tensor* shared = nullptr) {
    const GraphSpec graph = engine.graph(role);
    const auto output = [&](const char* tensor) { return Tensor::zeros(named(graph.outputs, tensor)); };
    image = shared && shared->data ? *shared : Tensor::zeros(named(graph.inputs, "image"));
    if (shared) *shared = image;
    answer = {output("score"), output("offset"), output("size"), output("presence"), output("quality"), {}};
    const bool pairs = role == "search_x";
    if (pairs || role == "search") answer.embedding = output("embedding");
    std::vector<Tensor> inputs = {image}, outputs;
    if (pairs) {
      pair = PairInputs(graph);
      share = output("share");
      inputs.insert(inputs.end(), {pair.x, pair.present});
      outputs.push_back(share);
    }
    for (const Tensor* tensor : known.tensors()) inputs.push_back(*tensor);
    for (const Tensor* tensor : answer.tensors()) outputs.push_back(*tensor);
    call = engine.bind(role, inputs, outputs);
  }
};

}  // namespace edgetrack
