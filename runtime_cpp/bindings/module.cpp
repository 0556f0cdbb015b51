// The Python face of the runtime. It checks what memory safety needs; edgetrack/*.py word the errors.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <array>
#include <stdexcept>

#include "crop.h"
#include "tracker.h"

namespace py = pybind11;

namespace {

using Tensor = py::array_t<float, py::array::c_style>;

template <typename Number, std::size_t N>
std::array<Number, N> numbers_of(const py::sequence& values, const char* message) {
  if (values.size() != N) throw std::invalid_argument(message);
  std::array<Number, N> numbers;
  for (std::size_t i = 0; i < N; ++i) numbers[i] = values[i].cast<Number>();
  return numbers;
}

void crop(const edgetrack::Pixels& pixels, const py::sequence& region, Tensor& out, const py::sequence& mean,
          const py::sequence& std, const py::sequence& fill) {
  const edgetrack::Frame frame = edgetrack::frame_of(pixels);
  if (out.ndim() != 4 || out.shape(0) != 1 || out.shape(1) != 3)
    throw std::invalid_argument("out must have the shape (1, 3, rows, cols)");
  const auto box = numbers_of<double, 4>(region, "region must be (x, y, w, h)");
  constexpr const char* three = "mean, std and fill must have 3 values";
  const edgetrack::Colours colours =
      edgetrack::colours_of(numbers_of<float, 3>(mean, three).data(), numbers_of<float, 3>(std, three).data(),
                            numbers_of<float, 3>(fill, three).data());
  float* target = out.mutable_data();  // throws when read-only
  const int rows = static_cast<int>(out.shape(2)), cols = static_cast<int>(out.shape(3));
  const py::gil_scoped_release release;
  static thread_local edgetrack::CropScratch scratch;
  edgetrack::crop(frame, {box[0], box[1], box[2], box[3]}, colours, rows, cols, target, scratch);
}

}  // namespace

PYBIND11_MODULE(_runtime, module) {
  module.doc() = "edgetrack's C++ runtime; use it through edgetrack.Tracker and edgetrack.crop.";
  module.def("crop", &crop, py::arg("pixels").noconvert(), py::arg("region"), py::arg("out").noconvert(),
             py::arg("mean"), py::arg("std"), py::arg("fill"));
  edgetrack::register_tracker(module);
}
