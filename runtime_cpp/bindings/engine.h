// Adapts an engine that is written in Python to the C++ tracker.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "edgetrack/engine.h"

namespace edgetrack {

// A Python object that may be released by a thread that does not hold the GIL.
class Held {
 public:
  explicit Held(pybind11::object object) : object_(std::move(object)) {}
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held() {
    const pybind11::gil_scoped_acquire lock;
    object_ = pybind11::object();
  }
  const pybind11::object& get() const { return object_; }

 private:
  pybind11::object object_;
};

// A C++ call that a Python engine returns: the tracker runs it without the interpreter.
struct NativeCall {
  std::shared_ptr<Call> call;
};

// Runs a call. If its engine fails, `again(why)` returns another call on the same arrays, which runs instead,
// now and in the future; exceptions of `again` are passed on.
class MendedCall final : public Call {
 public:
  MendedCall(std::shared_ptr<Call> call, pybind11::object again)
      : call_(std::move(call)), again_(std::move(again)) {}
  void run() override;

 private:
  std::shared_ptr<Call> call_;
  const Held again_;
};

// `graph(role)` returns the inputs and the outputs, each a sequence of (name, dtype, shape). `bind(role,
// inputs, outputs)` takes dicts of arrays in the tracker's memory, and returns a function that computes the
// outputs, or a NativeCall. The arrays keep that memory alive. For a frame in GPU memory the function is
// called with the addresses of a BgrFrame, a Region and Colors (kernels/cuda_kernels.h), and makes the input
// "image" itself.
std::shared_ptr<Engine> python_engine(pybind11::object graph, pybind11::object bind, bool concurrent);

// Makes a GraphSpec from such inputs and outputs.
GraphSpec graph_of(const pybind11::handle& sides);

}  // namespace edgetrack
