// ONNX Runtime for Python; the public interface is edgetrack/engines/ort.py.
#include <pybind11/stl.h>

#include "engine.h"
#include "ort_session.h"
#include "tracker.h"

namespace py = pybind11;

namespace edgetrack {

namespace {

// Wraps an array as a tensor, which keeps the array alive.
Tensor tensor_of(const std::string& name, const py::array& array) {
  TensorSpec spec{name, DType::other, {array.shape(), array.shape() + array.ndim()}};
  if (array.dtype().equal(py::dtype::of<float>())) spec.dtype = DType::float32;
  if (array.dtype().equal(py::dtype::of<std::int64_t>())) spec.dtype = DType::int64;
  if (spec.dtype == DType::other || (array.flags() & py::array::c_style) == 0)
    throw std::invalid_argument("'" + name + "' must be a C-contiguous array of float32 or int64");
  const auto held = std::make_shared<Held>(array);
  return {spec, std::shared_ptr<void>(held, const_cast<void*>(array.data()))};
}

std::vector<Tensor> tensors_of(const py::dict& arrays) {
  std::vector<Tensor> tensors;
  for (const auto& [name, array] : arrays)
    tensors.push_back(tensor_of(name.cast<std::string>(), array.cast<py::array>()));
  return tensors;
}

using Spec = std::tuple<std::string, std::string, py::tuple>;

std::vector<Spec> described(const std::vector<TensorSpec>& specs) {
  std::vector<Spec> all;
  for (const TensorSpec& spec : specs) {
    const char* dtype = spec.dtype == DType::float32 ? "float32"
                        : spec.dtype == DType::int64 ? "int64"
                                                     : "other";
    all.emplace_back(spec.name, dtype, py::tuple(py::cast(spec.shape)));
  }
  return all;
}

}  // namespace

void register_ort(py::module_& module) {
  py::class_<NativeCall>(module, "Call")
      .def("__call__",
           [](const NativeCall& call) {
             const py::gil_scoped_release release;
             call.call->run();
           })
      .def(
          "mended",
          [](const NativeCall& call, py::object again) {
            return NativeCall{std::make_shared<MendedCall>(call.call, std::move(again))};
          },
          py::arg("again"));
  py::class_<OrtLibrary, std::shared_ptr<OrtLibrary>>(module, "OrtLibrary")
      .def(py::init<std::string>(), py::arg("file"))
      .def_property_readonly("version", &OrtLibrary::version);
  py::class_<OrtGraph>(module, "OrtGraph")
      .def(py::init([](std::shared_ptr<OrtLibrary> library, const std::string& role, const std::string& path,
                       int threads, const std::string& operators) {
             OrtOptions options;
             options.threads = threads;
             options.operators = operators;
             const py::gil_scoped_release release;
             return std::make_unique<OrtGraph>(std::move(library), role, path, options);
           }),
           py::arg("library"), py::arg("role"), py::arg("path"), py::arg("threads"), py::arg("operators"))
      .def_property_readonly("inputs", [](const OrtGraph& graph) { return described(graph.spec().inputs); })
      .def_property_readonly("outputs", [](const OrtGraph& graph) { return described(graph.spec().outputs); })
      .def(
          "bind",
          [](const OrtGraph& graph, const py::dict& inputs, const py::dict& outputs) {
            return NativeCall{graph.bind(tensors_of(inputs), tensors_of(outputs))};
          },
          py::arg("inputs"), py::arg("outputs"));
  module.attr("ORT_SETTINGS") = ort_settings();
}

}  // namespace edgetrack
