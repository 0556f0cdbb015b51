// Conversions between Python and C++ for both trackers.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <array>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "edgetrack/tracker.h"

namespace edgetrack {

using Four = std::tuple<double, double, double, double>;
using Three = std::tuple<float, float, float>;
using Finds = std::vector<std::tuple<Four, double, double>>;  // box, score and margin
using Result = std::tuple<std::optional<Four>, double, const char*, std::int64_t, const char*, Finds,
                          std::optional<double>, std::array<bool, 2>>;  // x_share and modalities

Model model_of(double template_factor, double search_factor, const Three& mean, const Three& std,
               const Three& fill, bool ranks, double mask_factor, bool pairs);
Policy policy_of(const pybind11::dict& values);
// Makes a grounder that calls `find(pixels, phrases)`, which returns a sequence of (box, scores), in its own
// thread.
Grounder grounder_of(pybind11::object find, int latency, int interval, bool waits);
Box box_of(const Four& values);
// Returns None, or the mask's left and top edge, its pixels, bool (height, width), the frame's width and
// height, and None or its logits, (side, side), with their region.
pybind11::object mask_of(const Mask& mask);
Result result_of(const Track& track, const std::vector<Candidate>& candidates);

// Returns the corresponding error class in edgetrack.errors.
pybind11::object python_error(const Error& error);

}  // namespace edgetrack
