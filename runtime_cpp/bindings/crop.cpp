#include <memory>

#include "common.h"
#include "contrast.h"
#include "crop_pixel.h"
#include "crop_square.h"
#include "geometry.h"

namespace edgetrack {
namespace {

BgrFrame view_of(const Pixels& pixels) {
  if (pixels.ndim() != 3 || pixels.shape(2) != 3 || pixels.size() == 0)
    throw std::invalid_argument("pixels must be a non-empty (H, W, 3) array");
  if (pixels.strides(2) != 1 || (pixels.strides(1) != 3 && pixels.shape(1) > 1))
    throw std::invalid_argument("the pixels of a row must be packed");
  check_sides(pixels.shape(1), pixels.shape(0));
  return {pixels.data(), pixels.strides(0), static_cast<int>(pixels.shape(0)),
          static_cast<int>(pixels.shape(1))};
}

Nv12Frame nv12_of(const Pixels& luma, const Pixels& chroma) {
  if (luma.ndim() != 2 || luma.size() == 0 || luma.shape(0) % 2 != 0 || luma.shape(1) % 2 != 0)
    throw std::invalid_argument("luma must be (H, W) with even H and W");
  if (chroma.ndim() != 3 || 2 * chroma.shape(0) != luma.shape(0) || 2 * chroma.shape(1) != luma.shape(1) ||
      chroma.shape(2) != 2)
    throw std::invalid_argument("chroma must be (H / 2, W / 2, 2)");
  if (luma.strides(1) != 1 || chroma.strides(2) != 1 || (chroma.strides(1) != 2 && chroma.shape(1) > 1))
    throw std::invalid_argument("the samples of a row must be packed");
  check_sides(luma.shape(1), luma.shape(0));
  return {luma.data(),
          chroma.data(),
          luma.strides(0),
          chroma.strides(0),
          static_cast<std::int32_t>(luma.shape(0)),
          static_cast<std::int32_t>(luma.shape(1))};
}

void crop_region(const Pixels& pixels, const py::sequence& region, FloatArray& out, const py::sequence& mean,
                 const py::sequence& std, const py::sequence& fill) {
  const BgrFrame frame = view_of(pixels);
  check_out(out);
  const Region box = region_of(region);
  const Colors colors = colors_of(mean, std, fill);
  float* target = out.mutable_data();  // throws if read-only
  const int rows = static_cast<int>(out.shape(2)), cols = static_cast<int>(out.shape(3));
  const py::gil_scoped_release release;
  static thread_local CropScratch scratch;
  crop_resize(frame, box, colors, rows, cols, target, scratch);
}

void crop_square_of(const Pixels& pixels, int x, int y, int side, FloatArray& out) {
  constexpr int kFar = 1 << 20;  // pixels: keeps all sums of positions within int
  const BgrFrame frame = view_of(pixels);
  check_out(out);
  if (out.shape(2) != out.shape(3) || out.shape(2) == 0 || out.shape(2) > kFar)
    throw std::invalid_argument("out must be a square");
  if (side < 1 || side > kFar || x < -kFar || x > kFar || y < -kFar || y > kFar)
    throw std::invalid_argument("the square must have a side of 1 to 2^20 pixels, and lie within 2^20");
  float* target = out.mutable_data();
  const int size = static_cast<int>(out.shape(2));
  const py::gil_scoped_release release;
  static thread_local SquareScratch scratch;
  crop_square(frame, {x, y, side}, size, target, scratch);
}

template <class Frame>
void crop_each_pixel(const Frame& frame, const py::sequence& region, FloatArray& out, const Colors& colors) {
  check_out(out);
  const Region box = region_of(region);
  float* target = out.mutable_data();
  const int rows = static_cast<int>(out.shape(2)), cols = static_cast<int>(out.shape(3));
  const py::gil_scoped_release release;
  crop_pixels(frame, box, colors, rows, cols, target);
}

void crop_bgr_pixels(const Pixels& pixels, const py::sequence& region, FloatArray& out,
                     const py::sequence& mean, const py::sequence& std, const py::sequence& fill) {
  const BgrFrame frame = view_of(pixels);
  crop_each_pixel(frame, region, out, colors_of(mean, std, fill));
}

void crop_nv12(const Pixels& luma, const Pixels& chroma, const py::sequence& region, FloatArray& out,
               const py::sequence& mean, const py::sequence& std, const py::sequence& fill) {
  crop_each_pixel(nv12_of(luma, chroma), region, out, colors_of(mean, std, fill));
}

// An image as a network input, in the memory of its array.
Tensor image_of(FloatArray& image) {
  check_out(image);
  return {{"image", DType::float32, {1, 3, image.shape(2), image.shape(3)}},
          std::shared_ptr<void>(image.mutable_data(), [](void*) {})};
}

Frame sizes_of(const Pixels& pixels) {
  const BgrFrame frame = view_of(pixels);
  return {frame.data, frame.width, frame.height, frame.row_bytes};
}

}  // namespace

// The tracker's own step between crop and network, for training samples and the reference in the tests.
void register_contrast(py::module_& module) {
  using Sequence = py::sequence;
  const auto bound = [](auto method) {
    return [method](Contrast& self, FloatArray image, const Pixels& pixels, const Sequence& region,
                    const Sequence& mean, const Sequence& std, const Sequence& fill) {
      return (self.*method)(image_of(image), sizes_of(pixels), region_of(region), colors_of(mean, std, fill));
    };
  };
  using Restore = bool (Contrast::*)(const Tensor&, const Frame&, const Region&, const Colors&);
  py::class_<Contrast>(module, "Contrast")
      .def(py::init<>())
      .def("learn", bound(&Contrast::learn))
      .def("learn_everywhere", bound(&Contrast::learn_everywhere))
      .def("restore", bound(static_cast<Restore>(&Contrast::restore)))
      .def("restore_everywhere", bound(&Contrast::restore_everywhere));
}

void register_crop_kernels(py::module_& module) {
  register_contrast(module);
  module.def("crop", &crop_region, py::arg("pixels").noconvert(), py::arg("region"),
             py::arg("out").noconvert(), py::arg("mean"), py::arg("std"), py::arg("fill"));
  module.def("crop_square", &crop_square_of, py::arg("pixels").noconvert(), py::arg("x"), py::arg("y"),
             py::arg("side"), py::arg("out").noconvert());
  module.def("crop_bgr_pixels", &crop_bgr_pixels, py::arg("pixels").noconvert(), py::arg("region"),
             py::arg("out").noconvert(), py::arg("mean"), py::arg("std"), py::arg("fill"),
             "The arithmetic of one CUDA thread, on the CPU.");
  module.def("crop_nv12", &crop_nv12, py::arg("luma").noconvert(), py::arg("chroma").noconvert(),
             py::arg("region"), py::arg("out").noconvert(), py::arg("mean"), py::arg("std"), py::arg("fill"));
}

}  // namespace edgetrack
