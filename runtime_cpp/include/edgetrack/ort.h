// ONNX Runtime on the CPU: its shared library is loaded when the engine is opened.
#pragma once

#include <memory>
#include <string>

#include "edgetrack/api.h"
#include "edgetrack/bundle.h"
#include "edgetrack/engine.h"

namespace edgetrack {

struct OrtOptions {
  // File of the library, such as the wheel's onnxruntime/capi/libonnxruntime.so.*; empty: the one in the
  // environment variable EDGETRACK_ONNXRUNTIME_LIBRARY, else the system's.
  std::string file;
  int threads = 0;  // per graph, at most the cores of this process; 0: 2, or 1 where there is one core. None
                    // spins while it waits for the next frame.
  // Cores of the threads other than the calling one, in the format of session.intra_op_thread_affinities
  // ("1;2"); empty: any.
  std::string affinities;
  // File of libedgetrack_ops (kernels/README.md), which then runs the token selection; empty: the functions
  // of standard operators in the graphs.
  std::string operators;
};

// Throws Error if there is no such library, or if this build has no such engine.
EDGETRACK_API std::shared_ptr<Engine> open_ort(const Bundle& bundle, const OrtOptions& options = {});

}  // namespace edgetrack
