// A network that finds the target in an image, with its buffers.
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

// The outputs of "search" and "ground" for one target.
struct Answer {
  Tensor score, offset, size, presence, quality;
  Tensor embedding;  // of "search" only

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
  Cost cost;              // time of a run, including its crop
  bool restored = false;  // whether the contrast of `image` was restored
  Senses senses;          // the images that it searches
  PairInputs pair;        // used by "search_x" only
  Tensor share;           // share of the second sensor in each cell, "search_x" only

  // `shared` is an input image that several detectors use; it is allocated if it is empty. Without it, the
  // detector allocates its own.
  Detector(Engine& engine, const std::string& role, const Knowledge& known, Tensor* shared = nullptr,
           Senses searched = Senses::color)
      : senses(searched) {
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
