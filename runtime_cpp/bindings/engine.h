// An engine that is written in Python, as the C++ tracker sees it.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <string>
#include <vector>

#include "edgetrack/engine.h"

namespace edgetrack {

// `graph(role)` returns the inputs and the outputs, each a sequence of (name, dtype, shape); `bind(role,
// inputs, outputs)` gets dicts of arrays that lie in the tracker's memory and returns a function that
// computes the outputs. The arrays keep that memory alive. For a frame in GPU memory the function is called
// with the addresses of a BgrFrame, a Region and Colours (kernels/cuda_kernels.h), and makes the input
// "image" itself.
std::shared_ptr<Engine> python_engine(pybind11::object graph, pybind11::object bind, bool concurrent);

// Of such inputs and outputs.
GraphSpec graph_of(const pybind11::handle& sides);

}  // namespace edgetrack
