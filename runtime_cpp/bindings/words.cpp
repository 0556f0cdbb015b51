#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "common.h"
#include "phrase.h"
#include "policy.h"
#include "resolve.h"
#include "values.h"

namespace edgetrack {

namespace {

using Doubles = py::array_t<double, py::array::c_style | py::array::forcecast>;

py::list parts_of(const Query& query) {
  py::list parts;
  for (const Part& part : query.parts) parts.append(py::make_tuple(part.phrase, part.noun));
  return parts;
}

// Returns each selector with its part and its description: (0, "second from the left").
py::list selectors_of(const Query& query) {
  py::list all;
  for (const Selector& one : query.selectors) all.append(py::make_tuple(one.part, describe(one)));
  return all;
}

// Returns tuples (target, "left of", landmarks) with indices of parts.
py::list relations_of(const Query& query) {
  py::list all;
  for (const Relation& one : query.relations) {
    std::vector<int> landmarks = {one.landmark};
    if (one.second > one.landmark) landmarks.push_back(one.second);
    all.append(py::make_tuple(one.target, describe(one.kind), landmarks));
  }
  return all;
}

// Returns tuples (target, negated) with indices of parts.
py::list negations_of(const Query& query) {
  py::list all;
  for (const Negation& one : query.negations) all.append(py::make_tuple(one.target, one.negated));
  return all;
}

std::string describe_part(const Query& query, int part) {
  if (part < 0 || part >= static_cast<int>(query.parts.size()))
    throw std::invalid_argument("the text has no such part");
  return describe(query, part);
}

Doubles resolve_arrays(const Query& query, const Doubles& boxes, double width, double height,
                       const Doubles& scores) {
  if (boxes.ndim() != 2 || boxes.shape(1) != 4)
    throw std::invalid_argument("boxes must have the shape (K, 4)");
  if (scores.ndim() != 2) throw std::invalid_argument("scores must have the shape (P, K)");
  std::vector<Box> candidates;
  const auto box = boxes.unchecked<2>();
  for (py::ssize_t k = 0; k < box.shape(0); ++k)
    candidates.push_back({box(k, 0), box(k, 1), box(k, 2), box(k, 3)});
  std::vector<std::vector<double>> rows;
  const auto score = scores.unchecked<2>();
  for (py::ssize_t p = 0; p < score.shape(0); ++p)
    rows.emplace_back(score.data(p, 0), score.data(p, 0) + score.shape(1));
  const std::vector<double> result = resolve(query, candidates, width, height, rows);
  return Doubles(static_cast<py::ssize_t>(result.size()), result.data());
}

std::vector<std::size_t> rivals_of(const Finds& candidates, const py::dict& policy) {
  std::vector<Candidate> all;
  for (const auto& [box, score, margin] : candidates) all.push_back({box_of(box), score, margin});
  return rivals(all, policy_of(policy));
}

}  // namespace

void register_words(py::module_& module) {
  py::class_<Query>(module, "Query")
      .def_property_readonly("parts", &parts_of)
      .def_property_readonly("plain", &Query::plain)
      .def_readonly("count", &Query::count)
      .def_property_readonly("text", [](const Query& query) { return describe(query); })
      .def_property_readonly("selectors", &selectors_of)
      .def_property_readonly("relations", &relations_of)
      .def_property_readonly("negations", &negations_of)
      .def("describe", &describe_part, py::arg("part"))
      .def("resolve", &resolve_arrays, py::arg("boxes"), py::arg("width"), py::arg("height"),
           py::arg("scores"));
  module.def("parse_phrase", &parse, py::arg("sentence"));
  module.def("grammar_words", &grammar_words);
  module.def("rivals", &rivals_of, py::arg("candidates"), py::arg("policy"),
             "which candidates, best first, make a text ambiguous");
}

}  // namespace edgetrack
