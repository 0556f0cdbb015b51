// What the functions of the C API share: exceptions become codes, and values become structs of C.
#pragma once

#include <optional>
#include <string>

#include "edgetrack/bundle.h"
#include "edgetrack/edgetrack.h"
#include "edgetrack/ort.h"
#include "edgetrack/types.h"

namespace edgetrack {

// The code of the exception that is being handled, and its text in `message`. Only for catch blocks.
edgetrack_code current_code(std::string& message) noexcept;

// What edgetrack_message() says in this thread.
std::string& last_message() noexcept;

template <typename Step>
edgetrack_code guarded(const Step& step) noexcept {
  try {
    step();
    return EDGETRACK_OK;
  } catch (...) {
    return current_code(last_message());
  }
}

// Throws Error for NULL.
void require(const void* pointer, const char* name);

edgetrack_track to_c(const Track& track);
edgetrack_timing to_c(const Timing& timing);
std::optional<Box> from_c(const edgetrack_box* box);
Frame from_c(const edgetrack_pair* pair);  // throws Error for NULL, and where both pictures are missing

// Of C's 0 for none.
inline std::optional<double> deadline_from_c(double deadline_ms) {
  return deadline_ms == 0 ? std::nullopt : std::optional(deadline_ms);
}

// A bundle and how its engine is opened, as edgetrack_options say.
struct Opening {
  Bundle bundle;
  OrtOptions engine;

  // Throws Error.
  Opening(const char* folder, const edgetrack_options* options);
};

}  // namespace edgetrack
