// Helpers for the bindings: numpy arrays in, plain structs out. Errors here only ensure memory safety.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <array>
#include <stdexcept>

#include "crop_resize.h"

namespace edgetrack {

namespace py = pybind11;

using Pixels = py::array_t<std::uint8_t>;
using FloatArray = py::array_t<float, py::array::c_style>;

inline Region region_of(const py::sequence& values) {
  if (values.size() != 4) throw std::invalid_argument("region must be (x, y, w, h)");
  return {values[0].cast<double>(), values[1].cast<double>(), values[2].cast<double>(),
          values[3].cast<double>()};
}

inline std::array<float, 3> triple_of(const py::sequence& values) {
  if (values.size() != 3) throw std::invalid_argument("mean, std and fill must have 3 values");
  return {values[0].cast<float>(), values[1].cast<float>(), values[2].cast<float>()};
}

inline Colors colors_of(const py::sequence& mean, const py::sequence& std, const py::sequence& fill) {
  const auto means = triple_of(mean), stds = triple_of(std), fills = triple_of(fill);
  Colors colors;
  for (std::size_t c = 0; c < 3; ++c) {
    colors.scale[c] = 1.0f / stds[c];
    colors.shift[c] = -means[c] / stds[c];
    colors.fill_bgr[c] = fills[c];
  }
  return colors;
}

inline void check_out(const FloatArray& out) {
  if (out.ndim() != 4 || out.shape(0) != 1 || out.shape(1) != 3)
    throw std::invalid_argument("out must have the shape (1, 3, rows, cols)");
}

void register_token_kernels(py::module_& module);
void register_crop_kernels(py::module_& module);
void register_decoder_log(py::module_& module);
void register_words(py::module_& module);

}  // namespace edgetrack
