// Bad input comes back as an error code with a text: through the C API, and for damaged bundles.
#include <algorithm>
#include <clocale>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <locale>
#include <string>
#include <thread>
#include <vector>

#include "checks.h"
#include "dice_engine.h"
#include "edgetrack/bundle.h"
#include "edgetrack/edgetrack.h"
#include "edgetrack/ort.h"
#include "edgetrack/tracker.h"
#include "json.h"
#include "sha256.h"
#include "turns.h"

static void c_api() {
  edgetrack_tracker* tracker = nullptr;
  edgetrack_track track;
  expect(edgetrack_open(nullptr, nullptr, &tracker) == EDGETRACK_CONFIG, "no bundle");
  expect(edgetrack_open("/nowhere", nullptr, nullptr) == EDGETRACK_CONFIG, "nowhere to put the tracker");
  expect(edgetrack_open("/nowhere", nullptr, &tracker) == EDGETRACK_BUNDLE && !tracker, "no folder");
  expect(std::strstr(edgetrack_message(), "/nowhere/manifest.json cannot be read"),
         "the message names the file");
  const std::uint8_t pixel[3] = {};
  expect(edgetrack_start(nullptr, pixel, 1, 1, 3, "x", nullptr, &track) == EDGETRACK_CONFIG,
         "start without tracker");
  expect(edgetrack_update(nullptr, pixel, 1, 1, 3, &track) == EDGETRACK_CONFIG, "update without tracker");
  expect(edgetrack_update_within(nullptr, pixel, 1, 1, 3, 9.0, &track) == EDGETRACK_CONFIG,
         "update_within without tracker");
  expect(edgetrack_update_at(nullptr, pixel, 1, 1, 3, 0.1, 0, &track) == EDGETRACK_CONFIG,
         "update_at without tracker");
  expect(edgetrack_note_gap(nullptr) == EDGETRACK_CONFIG, "note_gap without tracker");
  expect(edgetrack_set_static_check(nullptr, 1) == EDGETRACK_CONFIG, "set_static_check without tracker");
  expect(edgetrack_set_text(nullptr, "x") == EDGETRACK_CONFIG, "set_text without tracker");
  expect(edgetrack_wait_if_ambiguous(nullptr, 1) == EDGETRACK_CONFIG, "wait_if_ambiguous without tracker");
  const edgetrack_box place = {0, 0, 1, 1};
  expect(edgetrack_choose(nullptr, &place) == EDGETRACK_CONFIG, "choose without tracker");
  expect(edgetrack_correct(nullptr, &place) == EDGETRACK_CONFIG, "correct without tracker");
  std::size_t count = 0;
  expect(edgetrack_get_candidates(nullptr, nullptr, 0, &count) == EDGETRACK_CONFIG,
         "candidates without tracker");
  edgetrack_mask mask;
  expect(edgetrack_set_masks(nullptr, 1) == EDGETRACK_CONFIG, "set_masks without tracker");
  expect(edgetrack_get_mask(nullptr, &mask, nullptr, 0) == EDGETRACK_CONFIG, "get_mask without tracker");
  edgetrack_logits logits;
  expect(edgetrack_get_mask_logits(nullptr, &logits, nullptr, 0) == EDGETRACK_CONFIG,
         "logits without tracker");
  expect(edgetrack_start_masked(nullptr, pixel, 1, 1, 3, "x", nullptr, pixel, &track) == EDGETRACK_CONFIG,
         "start_masked without tracker");
  const edgetrack_pair pair = {pixel, 3, pixel, 3, 1, 1};
  expect(edgetrack_start_pair(nullptr, &pair, "x", nullptr, &track) == EDGETRACK_CONFIG,
         "start_pair without tracker");
  expect(edgetrack_update_pair(nullptr, &pair, nullptr, 0, &track) == EDGETRACK_CONFIG,
         "update_pair without tracker");
  edgetrack_timing timing;
  expect(edgetrack_warm_up(nullptr) == EDGETRACK_CONFIG, "warm_up without tracker");
  expect(edgetrack_reset(nullptr) == EDGETRACK_CONFIG, "reset without tracker");
  expect(edgetrack_get_timing(nullptr, &timing) == EDGETRACK_CONFIG, "timing without tracker");
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
                                      {pixels.data(), 64, 48, 191},
                                      {pixels.data(), 1 << 25, 1, 1 << 27}})
    expect_error(Code::frame, "frame", [&] { tracker.start(bad, nullptr, &box); });
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  for (const edgetrack::Box& bad : {edgetrack::Box{nan, 0, 5, 5},
                                    {-1e300, -1e300, 2e300, 2e300},
                                    {10, 10, 1e-300, 1e-300},
                                    {10, 10, 0.001, 0.001},
                                    {10, 10, 20, 0.5},
                                    {-1e9, 0, 2e9, 20},
                                    {0, 0, inf, 5},
                                    {0, 0, 0, 5},
                                    {0, 0, 5, -1},
                                    {70, 0, 5, 5},
                                    {0, -9, 5, 5}})
    expect_error(Code::box, "box (", [&] { tracker.start(good, nullptr, &bad); });
  expect_error(Code::config, "neither text nor box", [&] { tracker.start(good, nullptr, nullptr); });
  const edgetrack::Text longer = {{{1, 2, 3}, {1, 1, 1}}, {}, {}};
  expect_error(Code::prompt, "3 ids", [&] { tracker.start(good, &longer, nullptr); });
  expect_error(Code::not_started, "start(frame", [&] { tracker.correct(box); });
  tracker.start(good, nullptr, &box);
  for (const edgetrack::Box& bad : {edgetrack::Box{nan, 0, 5, 5}, {70, 0, 5, 5}, {0, 0, 0, 5}}) {
    expect_error(Code::box, "box (", [&] { tracker.choose(bad); });
    expect_error(Code::box, "box (", [&] { tracker.correct(bad); });
  }
  for (const double bad : {0.0, -1.0, nan, inf})
    expect_error(Code::config, "deadline_ms is", [&] { tracker.update(good, bad); });
  expect(tracker.update(good).index == 1, "frames with a bad deadline do not count");
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()})
    expect_error(Code::config, "time_s is", [&] { tracker.update(good, std::nullopt, bad); });
  expect(tracker.update(good, std::nullopt, 1.0).index == 2, "frames with a bad time do not count");
  tracker.set_static_check(true);
  const edgetrack::Frame small = {pixels.data(), 20, 10, 60};
  const auto inside = [](const edgetrack::Track& track, const edgetrack::Frame& frame) {
    const edgetrack::Box at = track.box.value_or(edgetrack::Box{0, 0, 1, 1});
    return at.x >= 0 && at.y >= 0 && at.w >= 1 && at.h >= 1 && at.x + at.w <= frame.width &&
           at.y + at.h <= frame.height;
  };
  for (unsigned seed = 0; seed < 40; ++seed) {  // some of the dice are unsure, so that the box stays
    edgetrack::Tracker resized(std::make_shared<edgetrack::DiceEngine>(seed), model, {});
    const edgetrack::Box corner = {40, 30, 20, 15};
    resized.start(good, nullptr, &corner);
    expect(inside(resized.update(small), small), "a box in a smaller frame");
  }
  const edgetrack::Frame tiny = {pixels.data(), 1, 1, 3};  // smaller than a box may be
  for (int i = 0; i < 50; ++i) {
    const edgetrack::Frame& frame = i % 2 ? tiny : good;
    expect(inside(tracker.update(frame, i % 3 ? 1e-6 : 1e6), frame), "a box in a frame of a pixel");
  }
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
  for (const char* bad : {"", "nul", "[1,]", "{\"a\" 1}", "\"\\u12\"", "\"\\x\"", "-", "1e999", "-inf", "01",
                          "1.", "1,5", "0x10", "1e", "[1] 2", "{1:2}"})
    expect_error(edgetrack::Code::bundle, "is not valid JSON", [&] { edgetrack::Json::parse(bad, "it"); });
  expect_error(edgetrack::Code::bundle, "less nesting",
               [&] { edgetrack::Json::parse(std::string(99999, '['), "it"); });
  expect(
      edgetrack::Json::parse("\"a\\u00e9\\ud83d\\ude97\\n\"", "it").text() == "a\xc3\xa9\xf0\x9f\x9a\x97\n",
      "escapes");
}

static void digests() {
  const auto of = [](const std::string& text, std::size_t step) {
    edgetrack::Sha256 digest;
    for (std::size_t i = 0; i < text.size(); i += step)
      digest.add(text.data() + i, std::min(step, text.size() - i));
    return digest.hex();
  };
  expect(of("abc", 1) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
         "SHA-256 of abc");
  for (const std::size_t step : {1, 7, 64, 1000})
    expect(of(std::string(1000000, 'a'), step) ==
               "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
           "SHA-256 of a million letters");
}

// Threads take turns; who is inside already gets an error, and can come in again afterwards.
static void turns() {
  edgetrack::Turns door;
  int sum = 0;
  const auto count = [&] {
    for (int i = 0; i < 1000; ++i) door.take([&] { ++sum; });
  };
  std::thread one(count), other(count);
  one.join(), other.join();
  expect(sum == 2000, "threads take turns");
  expect_error(edgetrack::Code::config, "from inside its own call",
               [&] { door.take([&] { door.take([] {}); }); });
  expect(door.take([] { return 3; }) == 3, "the door opens again");
}

// A program may set any locale: numbers are read and written the same.
static void decimal_comma(const char* folder) {
  struct Comma : std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\3"; }
  };
  const std::locale before = std::locale::global(std::locale(std::locale::classic(), new Comma));
  std::setlocale(
      LC_ALL, "");  // of the environment, which tests/runtime_cpp/test_cpp_library.py sets where there is one
  std::printf("the locale's 0.5 is %.1f\n", 0.5);
  expect(edgetrack::Json::parse("[0.5, -12.25e-1]", "it").items()[1].number() == -1.225, "JSON in a locale");
  expect(edgetrack::Bundle::open(folder).model.mean[0] == 127.5f, "a bundle in a locale");
  const edgetrack::Model model = {2.0, 4.0, {0, 0, 0}, {1, 1, 1}, {0, 0, 0}};
  edgetrack::Tracker tracker(std::make_shared<edgetrack::DiceEngine>(1u), model, {});
  std::vector<std::uint8_t> pixels(64 * 48 * 3);
  const edgetrack::Box far = {1234.5, 0, 5, 5};
  expect_error(edgetrack::Code::box, "box (1234.5, 0, 5, 5)",
               [&] { tracker.start({pixels.data(), 64, 48, 192}, nullptr, &far); });
  std::setlocale(LC_ALL, "C");
  std::locale::global(before);
}

static void operators_that_are_not_there(const char* folder) {
  edgetrack::OrtOptions options;
  options.operators = "/nowhere/libedgetrack_ops.so";
  const edgetrack::Bundle bundle = edgetrack::Bundle::open(folder);
  // without ONNX Runtime on this machine, or in this build, that is what the error says
  expect_error(edgetrack::Code::engine, "", [&] { edgetrack::open_ort(bundle, options)->graph("search"); });
}

static void too_many_threads(const char* folder) {
  edgetrack_tracker* tracker = nullptr;
  for (const int threads : {-1, 100000}) {
    edgetrack_options options = {};
    options.threads = threads;
    expect(edgetrack_open(folder, &options, &tracker) == EDGETRACK_CONFIG && !tracker, "too many threads");
    expect(std::strstr(edgetrack_message(), "the cores that this process may use"), "the message says so");
  }
}

int main(int count, char** words) {
  if (count != 2) return std::printf("usage: robust BUNDLE\n"), 2;
  c_api();
  bad_frames_and_boxes();
  damaged_json(words[1]);
  operators_that_are_not_there(words[1]);
  too_many_threads(words[1]);
  decimal_comma(words[1]);
  digests();
  turns();
  std::printf("%d failures\n", failures);
  return failures ? 1 : 0;
}
