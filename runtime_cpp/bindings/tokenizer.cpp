#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>

#include "edgetrack/bundle.h"
#include "tracker.h"
#include "values.h"

namespace py = pybind11;

namespace edgetrack {

namespace {

// A row of the fixed length and its mask.
std::pair<Ids, Mask> encode(const Tokenizer& tokenizer, const std::string& sentence) {
  const Text text = tokenizer.encode(sentence);
  const std::vector<py::ssize_t> shape = {1, static_cast<py::ssize_t>(text.ids.size())};
  Ids ids(shape);
  Mask mask(shape);
  std::copy(text.ids.begin(), text.ids.end(), ids.mutable_data());
  std::copy(text.mask.begin(), text.mask.end(), mask.mutable_data());
  return {ids, mask};
}

}  // namespace

void register_tokenizer(py::module_& module) {
  py::class_<Tokenizer>(module, "Tokenizer")
      .def(py::init<std::string, std::size_t>(), py::arg("path"), py::arg("length"))
      .def("encode", &encode, py::arg("text"))
      .def("tokens", &Tokenizer::tokens, py::arg("text"));
}

}  // namespace edgetrack
