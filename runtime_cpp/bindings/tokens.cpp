#include "common.h"
#include "token_select_cpu.h"

namespace edgetrack {
namespace {

using Indices = py::array_t<std::int32_t, py::array::c_style>;

TokenType type_of(const py::array& tokens) {
  if (tokens.dtype().equal(py::dtype("float32"))) return TokenType::kFloat;
  if (tokens.dtype().equal(py::dtype("float16"))) return TokenType::kHalf;
  if (tokens.dtype().equal(py::dtype("int8"))) return TokenType::kInt8;
  throw std::invalid_argument("tokens must be float32, float16 or int8");
}

std::int32_t extent(const py::array& array, int axis) {
  return static_cast<std::int32_t>(std::min<py::ssize_t>(array.shape(axis), INT32_MAX));
}

void check_tensor(const char* name, const py::array& array, int rank) {
  if (array.ndim() != rank || (array.flags() & py::array::c_style) == 0)
    throw std::invalid_argument(std::string(name) + " must be C-contiguous with " + std::to_string(rank) +
                                " axes");
}

py::tuple select(const py::array& tokens, const py::array& keys, const FloatArray& prototypes,
                 const FloatArray& threshold, int keep) {
  check_tensor("tokens", tokens, 3);
  check_tensor("keys", keys, 3);
  check_tensor("prototypes", prototypes, 3);
  check_tensor("threshold", threshold, 1);
  const TokenType type = type_of(tokens);
  if (!keys.dtype().equal(tokens.dtype()))
    throw std::invalid_argument("keys and tokens must have the same dtype");
  const py::ssize_t batch = tokens.shape(0);
  if (keys.shape(0) != batch || prototypes.shape(0) != batch || threshold.shape(0) != batch ||
      keys.shape(1) != tokens.shape(1) || keys.shape(2) != prototypes.shape(2))
    throw std::invalid_argument(
        "expected tokens (B, N, D), keys (B, N, E), prototypes (B, P, E) and threshold (B,)");
  const TokenSelectShape shape{extent(tokens, 0), extent(tokens, 1),     extent(tokens, 2),
                               extent(keys, 2),   extent(prototypes, 1), keep};
  check(shape);
  py::array selected(tokens.dtype(), std::vector<py::ssize_t>{batch, keep, tokens.shape(2)});
  Indices indices(std::vector<py::ssize_t>{batch, keep}), count(std::vector<py::ssize_t>{batch});
  FloatArray scores(std::vector<py::ssize_t>{batch, tokens.shape(1)});
  const TokenSelectBuffers buffers{tokens.data(),           keys.data(),
                                   prototypes.data(),       threshold.data(),
                                   selected.mutable_data(), indices.mutable_data(),
                                   count.mutable_data(),    scores.mutable_data()};
  {
    const py::gil_scoped_release release;
    token_select(type, shape, buffers);
  }
  return py::make_tuple(selected, indices, count, scores);
}

py::array restore(const py::array& tokens, const py::array& selected, const Indices& indices) {
  check_tensor("tokens", tokens, 3);
  check_tensor("selected", selected, 3);
  check_tensor("indices", indices, 2);
  if (!selected.dtype().equal(tokens.dtype()) || selected.shape(0) != tokens.shape(0) ||
      selected.shape(2) != tokens.shape(2) || indices.shape(0) != tokens.shape(0) ||
      indices.shape(1) != selected.shape(1))
    throw std::invalid_argument("expected tokens (B, N, D), selected (B, K, D) of one dtype, indices (B, K)");
  type_of(tokens);
  const TokenRestoreShape shape{extent(tokens, 0), extent(tokens, 1), extent(selected, 1),
                                static_cast<std::int32_t>(tokens.shape(2) * tokens.itemsize())};
  py::array out(tokens.dtype(), std::vector<py::ssize_t>(tokens.shape(), tokens.shape() + 3));
  token_restore(shape, tokens.data(), selected.data(), indices.data(), out.mutable_data());
  return out;
}

}  // namespace

void register_token_kernels(py::module_& module) {
  module.def("token_select", &select, py::arg("tokens").noconvert(), py::arg("keys").noconvert(),
             py::arg("prototypes").noconvert(), py::arg("threshold").noconvert(), py::arg("keep"),
             "selected (B, K, D), indices int32 (B, K), count int32 (B,), scores float32 (B, N)");
  module.def("token_restore", &restore, py::arg("tokens").noconvert(), py::arg("selected").noconvert(),
             py::arg("indices").noconvert(), "tokens (B, N, D) with selected (B, K, D) written at indices");
}

}  // namespace edgetrack
