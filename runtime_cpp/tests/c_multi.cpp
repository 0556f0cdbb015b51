// Bad input of the C API for several targets comes back as an error code with a text, or in the result of the
// target that it is of; a detector finds everything that a phrase names.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

#include "checks.h"
#include "edgetrack/edgetrack.h"

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
  const auto update_pair = [&](const edgetrack_pair* pair) {
    return edgetrack_multi_update_pair(tracker, pair, 0, &results, &count);
  };
  const edgetrack_pair nothing = {nullptr, 0, nullptr, 0, 1, 1}, pair = {pixel, 3, pixel, 3, 1, 1};
  expect(update_pair(nullptr) == EDGETRACK_CONFIG && !results, "no pair");
  expect(update_pair(&nothing) == EDGETRACK_FRAME && !results && count == 0, "neither picture");
  expect(update_pair(&pair) == EDGETRACK_OK && count == 1, "any bundle takes a pair");
  expect(update() == EDGETRACK_OK && count == 1, "a target that fails leaves the call alone");
  expect(count == 1 && results[0].code == EDGETRACK_BOX && std::strstr(results[0].message, "box (90"),
         "the result says why");
  expect(count == 1 && !std::strcmp(results[0].name, "a") && !results[0].track.has_box, "and has no box");
  edgetrack_multi_close(tracker);
}

static void bad_detectors(edgetrack_multi_tracker* tracker) {
  edgetrack_detector* detector = nullptr;
  const auto open = [&](const char* phrase, double least, double sure, std::size_t most) {
    return edgetrack_multi_detector(tracker, phrase, least, sure, most, &detector);
  };
  expect(open(" ", 0.1, 0.5, 4) == EDGETRACK_PROMPT && !detector, "an empty phrase");
  expect(open(nullptr, 0.1, 0.5, 4) == EDGETRACK_CONFIG, "no phrase");
  expect(open("car", 0.5, 0.1, 4) == EDGETRACK_CONFIG, "sure below least");
  expect(open("car", NAN, 0.5, 4) == EDGETRACK_CONFIG, "least is no number");
  expect(open("car", 0.1, 0.5, 0) == EDGETRACK_CONFIG && std::strstr(edgetrack_message(), "most is 0"),
         "room for none");
  const edgetrack_detection* found = nullptr;
  std::size_t count = 9;
  int done = 0;
  const std::uint8_t pixel[3] = {};
  expect(edgetrack_multi_detector(nullptr, "car", 0.1, 0.5, 4, &detector) == EDGETRACK_CONFIG, "no tracker");
  expect(edgetrack_multi_detector(tracker, "car", 0.1, 0.5, 4, nullptr) == EDGETRACK_CONFIG, "no place");
  expect(edgetrack_detector_look(nullptr, pixel, 1, 1, 3) == EDGETRACK_CONFIG, "look without detector");
  expect(edgetrack_detector_set_text(nullptr, "car") == EDGETRACK_CONFIG, "set_text without detector");
  expect(edgetrack_detector_wait(nullptr, 1, &done) == EDGETRACK_CONFIG, "wait without detector");
  expect(edgetrack_detector_get(nullptr, &found, &count) == EDGETRACK_CONFIG, "get without detector");
  edgetrack_detector_close(nullptr);
}

// Everything that a phrase names in a gray picture, however little it fits, while the tracker goes.
static void detections(const char* folder) {
  edgetrack_multi_tracker* tracker = nullptr;
  if (edgetrack_multi_open(folder, nullptr, 1, &tracker) != EDGETRACK_OK) return;  // no ONNX Runtime here
  bad_detectors(tracker);
  edgetrack_detector* detector = nullptr;
  expect(edgetrack_multi_detector(tracker, "red car", 0, 0, 3, &detector) == EDGETRACK_OK, "a detector");
  edgetrack_multi_close(tracker);  // which it outlives
  const edgetrack_detection* found = nullptr;
  std::size_t count = 9;
  expect(edgetrack_detector_get(detector, &found, &count) == EDGETRACK_OK && count == 0,
         "none without a look");
  const std::vector<std::uint8_t> gray(48 * 64 * 3, 90);
  expect(edgetrack_detector_look(detector, nullptr, 64, 48, 192) == EDGETRACK_FRAME, "no pixels to look at");
  expect(edgetrack_detector_look(detector, gray.data(), 64, 48, 192) == EDGETRACK_OK, "a look");
  int done = 0;
  expect(edgetrack_detector_wait(detector, -1, &done) == EDGETRACK_CONFIG, "less than no time");
  expect(edgetrack_detector_wait(detector, 1e300, &done) == EDGETRACK_OK && done == 1, "its answer");
  expect(edgetrack_detector_get(detector, &found, &count) == EDGETRACK_OK && 0 < count && count <= 3,
         "at most three");
  for (std::size_t i = 0; i < count; ++i) {
    double square = 0;
    for (std::size_t k = 0; k < found[i].appearance_count; ++k)
      square += static_cast<double>(found[i].appearance[k]) * static_cast<double>(found[i].appearance[k]);
    expect(std::abs(square - 1) < 1e-3, "an appearance of unit length");
    expect(found[i].box.w > 0 && found[i].box.x >= 0 && found[i].box.x + found[i].box.w <= 64,
           "in the frame");
    expect(i == 0 || found[i].score <= found[i - 1].score, "the best first");
  }
  expect(edgetrack_detector_set_text(detector, " ") == EDGETRACK_PROMPT, "a bad phrase changes nothing");
  expect(edgetrack_detector_set_text(detector, "dog") == EDGETRACK_OK, "another phrase");
  expect(edgetrack_detector_get(detector, &found, &count) == EDGETRACK_OK && count == 0, "forgets the look");
  edgetrack_detector_close(detector);
}

// One target in both pictures, then in either of them.
static void pairs(const char* folder) {
  edgetrack_tracker* tracker = nullptr;
  expect(edgetrack_open(folder, nullptr, &tracker) == EDGETRACK_OK, "a bundle of pairs opens");
  std::vector<std::uint8_t> color(48 * 64 * 3), x(color.size());
  for (std::size_t i = 0; i < color.size(); ++i)
    color[i] = static_cast<std::uint8_t>(i * i / 97), x[i] = static_cast<std::uint8_t>(255 - color[i]);
  edgetrack_pair pair = {color.data(), 192, x.data(), 192, 64, 48};
  const edgetrack_box box = {20, 15, 20, 15};
  edgetrack_track track;
  expect(edgetrack_start_pair(tracker, &pair, nullptr, &box, &track) == EDGETRACK_OK,
         "a pair starts a target");
  const auto share = [&] {
    expect(edgetrack_update_pair(tracker, &pair, nullptr, 0, &track) == EDGETRACK_OK, "a pair");
    return track.x_share;
  };
  const double of_both = share();
  expect(of_both >= 0 && of_both <= 1, "the share of the second sensor");
  expect(track.modalities & 1, "color is seen");
  pair.bgr = nullptr;
  expect(share() == 1, "all is seen by it where color is missing");
  expect(track.modalities == 2, "and by it alone");
  pair.bgr = color.data(), pair.x = nullptr;
  expect(share() == -1, "there is none without it");
  expect(track.modalities == 1, "color alone is seen");
  edgetrack_close(tracker);
}

int main(int count, char** words) {
  if (count != 2 && count != 3) return std::printf("usage: c_multi BUNDLE [BUNDLE OF PAIRS]\n"), 2;
  bad_input(words[1]);
  detections(words[1]);
  if (count == 3) pairs(words[2]);
  std::printf("%d failures\n", failures);
  return failures ? 1 : 0;
}
