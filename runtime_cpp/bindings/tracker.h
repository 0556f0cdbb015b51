// The Python face of edgetrack::Tracker; edgetrack/tracker.py is what users see.
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
using Pair = std::tuple<std::optional<Pixels>, Pixels>;  // color, unless it is missing; the second sensor
using Picture = std::variant<Pixels, OnGpu, Pair>;

// Throws std::invalid_argument unless an array is (H, W, 3) with packed pixels, and those of a pair are of
// one size, and Error when it has more than an int can count: what memory safety needs.
Frame frame_of(const Picture& picture);

void register_loan(pybind11::module_& module);
void register_contract(pybind11::module_& module);
void register_ort(pybind11::module_& module);
void register_tokenizer(pybind11::module_& module);
void register_tracker(pybind11::module_& module);
void register_multi_tracker(pybind11::module_& module);

}  // namespace edgetrack
