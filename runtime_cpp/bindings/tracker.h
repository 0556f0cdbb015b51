// Python bindings of edgetrack::Tracker; the public interface is edgetrack/tracker.py.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <optional>
#include <tuple>
#include <variant>

#include "edgetrack/types.h"

namespace edgetrack {

using Pixels = pybind11::array_t<std::uint8_t>;

using OnGpu = std::tuple<std::uintptr_t, int, int, std::ptrdiff_t>;  // address, width, height, row_bytes
using Pair = std::tuple<std::optional<Pixels>, Pixels>;  // color, if there is one; the second sensor
using Picture = std::variant<Pixels, OnGpu, Pair>;

// Checks what memory safety requires. Throws std::invalid_argument unless an array is (H, W, 3) with packed
// pixels, and those of a pair have the same size. Throws Error if a size does not fit into an int.
Frame frame_of(const Picture& picture);

void register_loan(pybind11::module_& module);
void register_contract(pybind11::module_& module);
void register_ort(pybind11::module_& module);
void register_tokenizer(pybind11::module_& module);
void register_tracker(pybind11::module_& module);
void register_multi_tracker(pybind11::module_& module);

}  // namespace edgetrack
