// Functions for edgetrack.Bundle: whether graphs fit together, and where they keep external weights.
#include "contract.h"

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "engine.h"
#include "onnx_weights.h"
#include "tracker.h"

namespace py = pybind11;

namespace edgetrack {

namespace {

void check_tensors(const py::dict& graphs, const std::map<char, std::int64_t>& lengths) {
  Contract contract;
  for (const auto& [axis, length] : lengths) contract.set(axis, length);
  for (const auto& [role, sides] : graphs) contract.take(role.cast<std::string>(), graph_of(sides));
}

std::vector<std::tuple<py::bytes, std::uint64_t, std::uint64_t>> weights_of(const py::bytes& onnx,
                                                                            const std::string& origin) {
  std::vector<std::tuple<py::bytes, std::uint64_t, std::uint64_t>> all;
  for (const OutsideWeights& place : outside_weights(std::string_view(onnx), origin))
    all.emplace_back(py::bytes(place.location), place.offset, place.length);
  return all;
}

}  // namespace

void register_contract(py::module_& module) {
  module.def("check_tensors", &check_tensors, py::arg("graphs"), py::arg("lengths"));
  module.def("outside_weights", &weights_of, py::arg("onnx"), py::arg("origin"),
             "(location, offset, length) of each place outside of an ONNX file");
  module.attr("LARGEST_GRAPH") = kLargestGraph;
  module.attr("LONGEST_TEXT") = kLongestText;
}

}  // namespace edgetrack
