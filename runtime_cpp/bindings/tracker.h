// The Python face of edgetrack::Tracker; edgetrack/tracker.py is what users see.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include "edgetrack/types.h"

namespace edgetrack {

using Pixels = pybind11::array_t<std::uint8_t>;

// Throws std::invalid_argument unless it is (H, W, 3) with packed pixels: what memory safety needs.
Frame frame_of(const Pixels& pixels);

void register_tracker(pybind11::module_& module);
void register_multi_tracker(pybind11::module_& module);

}  // namespace edgetrack
