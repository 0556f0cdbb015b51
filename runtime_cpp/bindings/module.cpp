// The Python face of the kernels. It checks what memory safety needs; edgetrack/crop.py words the errors.
#include "common.h"

PYBIND11_MODULE(_runtime, module) {
  module.doc() = "edgetrack's C++ kernels; use them through edgetrack.crop.";
  edgetrack::register_crop_kernels(module);
  edgetrack::register_token_kernels(module);
}
