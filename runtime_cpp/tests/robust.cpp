// Bad input comes back as an error code with a text: through the C API, and for damaged bundles.
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "dice_engine.h"
#include "edgetrack/bundle.h"
#include "edgetrack/edgetrack.h"
#include "edgetrack/ort.h"
#include "edgetrack/tracker.h"
#include "json.h"

static int failures = 0;

static void expect(bool holds, const std::string& what) {
  if (holds) return;
  ++failures;
  std::printf("FAILED: %s (last message: %s)\n", what.c_str(), edgetrack_message());
}

template <typename Step>
static void expect_error(edgetrack::Code code, const char* words, const Step& step) {
  try {
    step();
    expect(false, std::string("no error, expected: ") + words);
  } catch (const edgetrack::Error& error) {
    expect(error.code == code && std::strstr(error.what(), words), std::string(error.what()) + " / " + words);
  }
}

static void c_api() {
  edgetrack_tracker* tracker = nullptr;
  edgetrack_track track;
  expect(edgetrack_open(nullptr, nullptr, nullptr, 1, &tracker) == EDGETRACK_CONFIG, "no bundle");
  expect(edgetrack_open("/nowhere", nullptr, nullptr, 1, nullptr) == EDGETRACK_CONFIG,
         "nowhere to put the tracker");
  expect(edgetrack_open("/nowhere", nullptr, nullptr, 1, &tracker) == EDGETRACK_BUNDLE && !tracker,
         "no folder");
  expect(std::strstr(edgetrack_message(), "/nowhere/manifest.json cannot be read"),
         "the message names the file");
  const std::uint8_t pixel[3] = {};
  expect(edgetrack_start(nullptr, pixel, 1, 1, 3, "x", nullptr, &track) == EDGETRACK_CONFIG,
         "start without tracker");
  expect(edgetrack_update(nullptr, pixel, 1, 1, 3, &track) == EDGETRACK_CONFIG, "update without tracker");
  expect(edgetrack_update_within(nullptr, pixel, 1, 1, 3, 9.0, &track) == EDGETRACK_CONFIG,
         "update_within without tracker");
  expect(edgetrack_set_static_check(nullptr, 1) == EDGETRACK_CONFIG, "set_static_check without tracker");
  expect(edgetrack_set_text(nullptr, "x") == EDGETRACK_CONFIG, "set_text without tracker");
  edgetrack_close(nullptr);
  std::string elsewhere = "unset";
  std::thread([&] { elsewhere = edgetrack_message(); }).join();
  expect(elsewhere.empty(), "messages belong to their thread");
}

static void bad_frames_and_boxes() {
  const edgetrack::Model model = {2.0, 4.0, {0, 0, 0}, {1, 1, 1}, {0, 0, 0}};
  edgetrack::Tracker tracker(std::make_shared<edgetrack::DiceEngine>(1u), model, {});
  {  // 16 is no address that the CPU could read
    const edgetrack::Frame there = {reinterpret_cast<const std::uint8_t*>(16), 64, 48, 192,
                                    edgetrack::Place::gpu};
    const edgetrack::Box at = {8, 8, 16, 16};
    expect_error(edgetrack::Code::frame, "this engine works on the CPU",
                 [&] { tracker.start(there, nullptr, &at); });
    tracker.set_static_check(true);
    expect_error(edgetrack::Code::config, "without static_check",
                 [&] { tracker.start(there, nullptr, &at); });
    tracker.set_static_check(false);
  }
  std::vector<std::uint8_t> pixels(64 * 48 * 3);
  const edgetrack::Frame good = {pixels.data(), 64, 48, 192};
  const edgetrack::Box box = {10, 10, 20, 20};
  using edgetrack::Code;
  expect_error(Code::not_started, "start() or start(frame", [&] {
    try {
      tracker.update(good);
    } catch (const edgetrack::Error& error) {
      throw edgetrack::Error(error.code,
                             std::string("start() or ") + std::strstr(error.what(), "start(frame"));
    }
  });
  for (const edgetrack::Frame& bad : {edgetrack::Frame{nullptr, 64, 48, 192},
                                      {pixels.data(), 0, 48, 192},
                                      {pixels.data(), 64, -1, 192},
                                      {pixels.data(), 64, 48, 191}})
    expect_error(Code::frame, "frame", [&] { tracker.start(bad, nullptr, &box); });
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  for (const edgetrack::Box& bad : {edgetrack::Box{nan, 0, 5, 5},
                                    {0, 0, inf, 5},
                                    {0, 0, 0, 5},
                                    {0, 0, 5, -1},
                                    {70, 0, 5, 5},
                                    {0, -9, 5, 5}})
    expect_error(Code::box, "box (", [&] { tracker.start(good, nullptr, &bad); });
  expect_error(Code::config, "neither text nor box", [&] { tracker.start(good, nullptr, nullptr); });
  const edgetrack::Text longer = {{1, 2, 3}, {1, 1, 1}};
  expect_error(Code::prompt, "3 ids", [&] { tracker.start(good, &longer, nullptr); });
  tracker.start(good, nullptr, &box);
  for (const double bad : {0.0, -1.0, nan, inf})
    expect_error(Code::config, "deadline_ms is", [&] { tracker.update(good, bad); });
  expect(tracker.update(good).index == 1, "frames with a bad deadline do not count");
  tracker.set_static_check(true);
  const edgetrack::Frame tiny = {pixels.data(), 1, 1, 3};  // smaller than a box may be; any answer will do
  for (int i = 0; i < 50; ++i) tracker.update(i % 2 ? tiny : good, i % 3 ? 1e-6 : 1e6);
}

static std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// A manifest cut short in many places, and many bytes of it changed: an error or a value, never a crash.
static void damaged_json(const std::string& folder) {
  const std::string manifest = read(folder + "/manifest.json");
  expect(manifest.size() > 1000, "the manifest can be read");
  edgetrack::Json::parse(manifest, "manifest");
  for (std::size_t length = 0; length + 2 < manifest.size(); length += 5)
    expect_error(edgetrack::Code::bundle, "is not valid JSON",
                 [&] { edgetrack::Json::parse(manifest.substr(0, length), "manifest"); });
  for (std::size_t i = 0; i < manifest.size(); i += 11)
    for (const char byte : {'\0', '"', '{', '\\', '9', '\xff'}) {
      std::string damaged = manifest;
      damaged[i] = byte;
      try {
        edgetrack::Json::parse(damaged, "manifest");
      } catch (const edgetrack::Error&) {
      }
    }
  for (const char* bad :
       {"", "nul", "[1,]", "{\"a\" 1}", "\"\\u12\"", "\"\\x\"", "-", "1e999", "-inf", "[1] 2", "{1:2}"})
    expect_error(edgetrack::Code::bundle, "is not valid JSON", [&] { edgetrack::Json::parse(bad, "it"); });
  expect_error(edgetrack::Code::bundle, "less nesting",
               [&] { edgetrack::Json::parse(std::string(99999, '['), "it"); });
  expect(
      edgetrack::Json::parse("\"a\\u00e9\\ud83d\\ude97\\n\"", "it").text() == "a\xc3\xa9\xf0\x9f\x9a\x97\n",
      "escapes");
}

static void operators_that_are_not_there(const char* folder) {
  edgetrack::OrtOptions options;
  options.operators = "/nowhere/libedgetrack_ops.so";
  const edgetrack::Bundle bundle = edgetrack::Bundle::open(folder);
  // without ONNX Runtime on this machine, or in this build, that is what the error says
  expect_error(edgetrack::Code::engine, "", [&] { edgetrack::open_ort(bundle, options)->graph("search"); });
}

int main(int count, char** words) {
  if (count != 2) return std::printf("usage: robust BUNDLE\n"), 2;
  c_api();
  bad_frames_and_boxes();
  damaged_json(words[1]);
  operators_that_are_not_there(words[1]);
  std::printf("%d failures\n", failures);
  return failures ? 1 : 0;
}
