// How the tests say what does not hold. Each ends with the number of `failures`.
#pragma once

#include <cstdio>
#include <cstring>
#include <string>

#include "edgetrack/edgetrack.h"
#include "edgetrack/types.h"

inline int failures = 0;

// Allocates nothing, so that it may stand where allocations are counted.
inline void expect(bool holds, const char* what) {
  if (holds) return;
  ++failures;
  std::printf("FAILED: %s (last message: %s)\n", what, edgetrack_message());
}

inline void expect(bool holds, const std::string& what) { expect(holds, what.c_str()); }

template <typename Step>
void expect_error(edgetrack::Code code, const char* words, const Step& step) {
  try {
    step();
    expect(false, std::string("no error, expected: ") + words);
  } catch (const edgetrack::Error& error) {
    expect(error.code == code && std::strstr(error.what(), words), std::string(error.what()) + " / " + words);
  }
}
