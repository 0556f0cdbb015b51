// ONNX Runtime, opened, and one graph in it: what the engines of C++ and of Python are made of.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "edgetrack/engine.h"
#include "edgetrack/ort.h"
#include "onnxruntime_api.h"

namespace edgetrack {

// How every session runs: keys and values of ONNX Runtime's configuration.
const std::vector<std::pair<std::string, std::string>>& ort_settings();

template <typename T>
using OrtHandle = std::unique_ptr<T, void (*)(T*)>;

// The library, with what sessions and bindings share.
class OrtLibrary {
 public:
  // `file` as of OrtOptions. Throws Error.
  explicit OrtLibrary(const std::string& file);

  const ort::Api& api() const { return api_; }
  const std::string& version() const { return version_; }
  OrtEnv* environment() const { return environment_.get(); }
  const OrtMemoryInfo* memory() const { return memory_.get(); }

  // Throws Error with what `doing` was, unless the status is null.
  void check(OrtStatus* status, const std::string& doing = "failed") const;

  // What the status says, on one line; releases it.
  std::string reason(OrtStatus* status) const;

  template <typename T, typename Create>
  T* make(const Create& create) const {
    T* made = nullptr;
    check(create(&made));
    return made;
  }

 private:
  std::string version_;
  const ort::Api api_;
  OrtHandle<OrtEnv> environment_;
  OrtHandle<OrtMemoryInfo> memory_;
};

// A graph, loaded. Its calls may run at the same time.
class OrtGraph {
 public:
  // `threads`, `affinities` and `operators` as of OrtOptions. Throws Error.
  OrtGraph(std::shared_ptr<OrtLibrary> library, std::string role, const std::string& path,
           const OrtOptions& options);

  const GraphSpec& spec() const { return spec_; }

  // As of Engine. The call keeps the graph.
  std::unique_ptr<Call> bind(const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs) const;

 private:
  OrtHandle<OrtSessionOptions> options_of(const OrtOptions& options) const;
  TensorSpec tensor(std::size_t index, bool input) const;

  const std::shared_ptr<OrtLibrary> library_;
  const std::string role_;
  std::shared_ptr<OrtSession> session_;
  GraphSpec spec_;
};

}  // namespace edgetrack
