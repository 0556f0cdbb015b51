// The Python bindings of the runtime. They only ensure memory safety; edgetrack/*.py makes the user's error
// messages.
#include "common.h"
#include "tracker.h"

PYBIND11_MODULE(_runtime, module) {
  module.doc() = "edgetrack's C++ runtime; use it through edgetrack.Tracker and edgetrack.crop.";
  edgetrack::register_crop_kernels(module);
  edgetrack::register_decoder_log(module);
  edgetrack::register_token_kernels(module);
  edgetrack::register_words(module);
  edgetrack::register_contract(module);
  edgetrack::register_loan(module);
  edgetrack::register_ort(module);
  edgetrack::register_tokenizer(module);
  edgetrack::register_tracker(module);
  edgetrack::register_multi_tracker(module);
}
