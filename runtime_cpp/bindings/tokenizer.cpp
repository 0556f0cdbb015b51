#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>

#include "edgetrack/bundle.h"
#include "phrase.h"
#include "tracker.h"

namespace py = pybind11;

namespace edgetrack {

namespace {

using Ids = py::array_t<std::int64_t, py::array::c_style>;
using TokenMask = py::array_t<float, py::array::c_style>;

// Returns a row of the fixed length, and its mask.
std::pair<Ids, TokenMask> encode(const Tokenizer& tokenizer, const std::string& sentence) {
  const Tokens whole = tokenizer.encode(sentence).whole;
  const std::vector<py::ssize_t> shape = {1, static_cast<py::ssize_t>(whole.ids.size())};
  Ids ids(shape);
  TokenMask mask(shape);
  std::copy(whole.ids.begin(), whole.ids.end(), ids.mutable_data());
  std::copy(whole.mask.begin(), whole.mask.end(), mask.mutable_data());
  return {ids, mask};
}

}  // namespace

void register_tokenizer(py::module_& module) {
  py::class_<Text>(module, "Text")
      .def(py::init([](const Ids& ids, const TokenMask& mask) {
             return Text{
                 {{ids.data(), ids.data() + ids.size()}, {mask.data(), mask.data() + mask.size()}}, {}, {}};
           }),
           py::arg("ids").noconvert(), py::arg("mask").noconvert())
      .def_property_readonly("phrases", [](const Text& text) {
        std::vector<std::string> phrases;
        if (text.query)
          for (const Part& part : text.query->parts) phrases.push_back(part.phrase);
        return phrases;
      });
  py::class_<Tokenizer>(module, "Tokenizer")
      .def(py::init<std::string, std::size_t>(), py::arg("path"), py::arg("length"))
      .def("encode", &encode, py::arg("text"))
      .def("text", &Tokenizer::encode, py::arg("text"))
      .def("tokens", &Tokenizer::tokens, py::arg("text"));
}

}  // namespace edgetrack
