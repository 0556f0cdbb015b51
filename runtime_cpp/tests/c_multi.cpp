// Bad input of the C API for several targets comes back as an error code with a text, or in the result of the
// target that it is of.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "edgetrack/edgetrack.h"

static int failures = 0;

static void expect(bool holds, const char* what) {
  if (holds) return;
  ++failures;
  std::printf("FAILED: %s (last message: %s)\n", what, edgetrack_message());
}

static void bad_input(const char* folder) {
  edgetrack_multi_tracker* tracker = nullptr;
  expect(edgetrack_multi_open(folder, nullptr, 1, nullptr) == EDGETRACK_CONFIG, "nowhere to put it");
  expect(edgetrack_multi_open("/nowhere", nullptr, 1, &tracker) == EDGETRACK_BUNDLE && !tracker, "no bundle");
  const std::uint8_t pixel[3] = {};
  const edgetrack_result* results = nullptr;
  std::size_t count = 9;
  const auto update = [&] { return edgetrack_multi_update(tracker, pixel, 1, 1, 3, &results, &count); };
  expect(update() == EDGETRACK_CONFIG, "update without tracker");
  expect(edgetrack_multi_update_within(nullptr, pixel, 1, 1, 3, 9.0, &results, &count) == EDGETRACK_CONFIG,
         "update_within without tracker");
  expect(edgetrack_multi_warm_up(nullptr) == EDGETRACK_CONFIG, "warm_up without tracker");
  expect(edgetrack_multi_add(nullptr, "a", "x", nullptr) == EDGETRACK_CONFIG, "add without tracker");
  expect(edgetrack_multi_remove(nullptr, "a") == EDGETRACK_CONFIG, "remove without tracker");
  expect(edgetrack_multi_set_text(nullptr, "a", "x") == EDGETRACK_CONFIG, "set_text without tracker");
  expect(edgetrack_multi_set_static_check(nullptr, 1) == EDGETRACK_CONFIG, "static check without tracker");
  edgetrack_multi_close(nullptr);
  if (edgetrack_multi_open(folder, nullptr, 1, &tracker) != EDGETRACK_OK)  // no ONNX Runtime here
    return expect(std::strstr(edgetrack_message(), "onnxruntime"), "what to install");
  const edgetrack_box box = {0, 0, 1, 1};
  expect(update() == EDGETRACK_NOT_STARTED && !results && count == 0, "update without targets");
  expect(edgetrack_multi_add(tracker, nullptr, nullptr, &box) == EDGETRACK_CONFIG, "a target without name");
  expect(edgetrack_multi_add(tracker, "", nullptr, &box) == EDGETRACK_CONFIG, "a target with an empty name");
  expect(edgetrack_multi_add(tracker, "a", nullptr, nullptr) == EDGETRACK_CONFIG, "neither text nor box");
  expect(edgetrack_multi_add(tracker, "a", " ", nullptr) == EDGETRACK_PROMPT, "an empty text");
  expect(edgetrack_multi_remove(tracker, "a") == EDGETRACK_CONFIG, "what failed was not added");
  const edgetrack_box outside = {90, 90, 5, 5};
  expect(edgetrack_multi_add(tracker, "a", nullptr, &outside) == EDGETRACK_OK, "checked in the next frame");
  expect(edgetrack_multi_add(tracker, "a", nullptr, &box) == EDGETRACK_CONFIG, "a name twice");
  expect(edgetrack_multi_update(tracker, nullptr, 1, 1, 3, &results, &count) == EDGETRACK_FRAME && !results,
         "no pixels");
  expect(edgetrack_multi_update(tracker, pixel, 1, 1, 3, nullptr, &count) == EDGETRACK_CONFIG, "no results");
  expect(update() == EDGETRACK_OK && count == 1, "a target that fails leaves the call alone");
  expect(count == 1 && results[0].code == EDGETRACK_BOX && std::strstr(results[0].message, "box (90"),
         "the result says why");
  expect(count == 1 && !std::strcmp(results[0].name, "a") && !results[0].track.has_box, "and has no box");
  edgetrack_multi_close(tracker);
}

int main(int count, char** words) {
  if (count != 2) return std::printf("usage: c_multi BUNDLE\n"), 2;
  bad_input(words[1]);
  std::printf("%d failures\n", failures);
  return failures ? 1 : 0;
}
