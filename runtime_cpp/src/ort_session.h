// ONNX Runtime as a loaded library, and one graph in it. The engines of C++ and of Python are built on these.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "edgetrack/engine.h"
#include "edgetrack/ort.h"
#include "onnxruntime_api.h"

namespace edgetrack {

// Configuration of every session: keys and values for ONNX Runtime.
const std::vector<std::pair<std::string, std::string>>& ort_settings();

template <typename T>
using OrtHandle = std::unique_ptr<T, void (*)(T*)>;

// The library, with the objects that sessions and bindings share.
class OrtLibrary {
 public:
  // `file` as in OrtOptions. Throws Error if the library cannot be loaded.
  explicit OrtLibrary(const std::string& file);

  const ort::Api& api() const { return api_; }
  const std::string& version() const { return version_; }
  OrtEnv* environment() const { return environment_.get(); }
  const OrtMemoryInfo* memory() const { return memory_.get(); }

  // Throws Error unless the status is null; `doing` tells in the message what failed.
  void check(OrtStatus* status, const std::string& doing = "failed") const;

  // Returns the status's message on one line, and releases the status.
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

// A loaded graph. Its calls may run concurrently.
class OrtGraph {
 public:
  // `threads`, `affinities` and `operators` as in OrtOptions. Throws Error if the graph cannot be loaded.
  OrtGraph(std::shared_ptr<OrtLibrary> library, std::string role, const std::string& path,
           const OrtOptions& options);

  const GraphSpec& spec() const { return spec_; }

  // See Engine::bind. The call keeps the graph alive.
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
