// Helpers for the functions of the C API: they turn exceptions into codes, and values into C structs.
#pragma once

#include <optional>
#include <string>

#include "edgetrack/bundle.h"
#include "edgetrack/edgetrack.h"
#include "edgetrack/ort.h"
#include "edgetrack/types.h"

namespace edgetrack {

// Returns the code of the exception that is being handled, and puts its text into `message`. Call it in catch
// blocks only.
edgetrack_code current_code(std::string& message) noexcept;

// The text that edgetrack_message() returns in this thread.
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

// Throws Error if `pointer` is NULL.
void require(const void* pointer, const char* name);

edgetrack_track to_c(const Track& track);
edgetrack_timing to_c(const Timing& timing);
std::optional<Box> from_c(const edgetrack_box* box);
Frame from_c(const edgetrack_pair* pair);  // throws Error for NULL, or if both images are missing

// In C, 0 means no deadline.
inline std::optional<double> deadline_from_c(double deadline_ms) {
  return deadline_ms == 0 ? std::nullopt : std::optional(deadline_ms);
}

// A bundle, and the options for its engine, from edgetrack_options.
struct Opening {
  Bundle bundle;
  OrtOptions engine;

  // Throws Error if the bundle or an option is invalid.
  Opening(const char* folder, const edgetrack_options* options);
};

}  // namespace edgetrack
