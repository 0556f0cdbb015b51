#include <pybind11/stl.h>

#include <algorithm>

#include "values.h"

namespace py = pybind11;

namespace edgetrack {

py::object mask_of(const Mask& mask) {
  if (mask.empty()) return py::none();
  py::array_t<bool> pixels({mask.height, mask.width});
  std::transform(mask.inside.begin(), mask.inside.end(), pixels.mutable_data(),
                 [](std::uint8_t value) { return value != 0; });
  py::object logits = py::none();
  if (const auto& [values, side, region] = mask.logits; side > 0)
    logits = py::make_tuple(py::array_t<float>({side, side}, values.data()),
                            Four(region.x, region.y, region.w, region.h));
  return py::make_tuple(mask.x, mask.y, pixels, std::pair(mask.frame_width, mask.frame_height), logits);
}

}  // namespace edgetrack
