// The Python face of the kernels. It checks what memory safety needs; edgetrack/crop.py words the errors.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <array>
#include <stdexcept>

#include "crop_resize.h"

namespace py = pybind11;

namespace {

using Pixels = py::array_t<std::uint8_t>;
using Tensor = py::array_t<float, py::array::c_style>;

std::array<double, 4> region_of(const py::sequence& values) {
  if (values.size() != 4) throw std::invalid_argument("region must be (x, y, w, h)");
  return {values[0].cast<double>(), values[1].cast<double>(), values[2].cast<double>(),
          values[3].cast<double>()};
}

std::array<float, 3> triple_of(const py::sequence& values) {
  if (values.size() != 3) throw std::invalid_argument("mean, std and fill must have 3 values");
  return {values[0].cast<float>(), values[1].cast<float>(), values[2].cast<float>()};
}

edgetrack::FrameView view_of(const Pixels& pixels) {
  if (pixels.ndim() != 3 || pixels.shape(2) != 3 || pixels.size() == 0)
    throw std::invalid_argument("pixels must be a non-empty (H, W, 3) array");
  if (pixels.strides(2) != 1 || (pixels.strides(1) != 3 && pixels.shape(1) > 1))
    throw std::invalid_argument("the pixels of a row must be packed");
  return {pixels.data(), pixels.strides(0), static_cast<int>(pixels.shape(0)),
          static_cast<int>(pixels.shape(1))};
}

void crop(const Pixels& pixels, const py::sequence& region, Tensor& out, const py::sequence& mean,
          const py::sequence& std, const py::sequence& fill) {
  const edgetrack::FrameView frame = view_of(pixels);
  if (out.ndim() != 4 || out.shape(0) != 1 || out.shape(1) != 3)
    throw std::invalid_argument("out must have the shape (1, 3, rows, cols)");
  const auto box = region_of(region);
  const auto means = triple_of(mean), stds = triple_of(std), fills = triple_of(fill);
  edgetrack::Colours colours;
  for (std::size_t c = 0; c < 3; ++c) {
    colours.scale[c] = 1.0f / stds[c];
    colours.shift[c] = -means[c] / stds[c];
    colours.fill_bgr[c] = fills[c];
  }
  float* target = out.mutable_data();  // throws when read-only
  const int rows = static_cast<int>(out.shape(2)), cols = static_cast<int>(out.shape(3));
  const py::gil_scoped_release release;
  static thread_local edgetrack::CropScratch scratch;
  edgetrack::crop_resize(frame, {box[0], box[1], box[2], box[3]}, colours, rows, cols, target, scratch);
}

}  // namespace

PYBIND11_MODULE(_runtime, module) {
  module.doc() = "edgetrack's C++ kernels; use them through edgetrack.crop.";
  module.def("crop", &crop, py::arg("pixels").noconvert(), py::arg("region"), py::arg("out").noconvert(),
             py::arg("mean"), py::arg("std"), py::arg("fill"));
}
