#include <cmath>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "c_guard.h"
#include "edgetrack/edgetrack.h"
#include "edgetrack/multi_tracker.h"
#include "edgetrack/phrase_detector.h"
#include "message.h"
#include "turns.h"

using edgetrack::Code, edgetrack::Error, edgetrack::guarded, edgetrack::message, edgetrack::require;

namespace {

edgetrack_code code_of(const std::exception_ptr& failure, std::string& message) noexcept {
  try {
    std::rethrow_exception(failure);
  } catch (...) {
    return edgetrack::current_code(message);
  }
}

}  // namespace

struct edgetrack_multi_tracker {
  edgetrack::Tokenizer tokenizer;
  edgetrack::MultiTracker tracker;
  const std::shared_ptr<edgetrack::Turns> turns = std::make_shared<edgetrack::Turns>();
  std::vector<edgetrack_result> results;  // of the last update
  std::vector<std::string> messages;      // error messages of the targets that failed in it

  edgetrack_multi_tracker(const edgetrack::Opening& opening, bool exclusive)
      : tokenizer(opening.bundle.tokenizer()),
        tracker(edgetrack::open_ort(opening.bundle, opening.engine), opening.bundle.model,
                opening.bundle.policy, opening.bundle.batches, exclusive) {}

  void update(const edgetrack::Frame& frame, std::optional<double> deadline_ms) {
    results.clear();
    const auto& found = tracker.update(frame, deadline_ms);
    results.resize(found.size());
    messages.resize(found.size());
    for (std::size_t i = 0; i < found.size(); ++i) give(found[i], i);
  }

 private:
  void give(const edgetrack::MultiTracker::Result& found, std::size_t i) {
    edgetrack_result& result = results[i];
    std::string& message = messages[i];
    message.clear();
    result = {};
    if (found.track) result.track = edgetrack::to_c(*found.track);
    if (found.failure) result.code = code_of(found.failure, message);
    result.name = found.name.c_str();
    result.message = message.c_str();
    result.timing = edgetrack::to_c(found.timing);
  }
};

// Its calls are serialized with those of its tracker, because they share the engine.
struct edgetrack_detector {
  const edgetrack::Tokenizer tokenizer;
  const std::shared_ptr<edgetrack::Turns> turns;
  const std::unique_ptr<edgetrack::PhraseDetector> detector;
  std::vector<edgetrack_detection> found;  // of the last look

  edgetrack_detector(edgetrack_multi_tracker& tracker, const edgetrack::Text& phrase, double least,
                     double sure, std::size_t most)
      : tokenizer(tracker.tokenizer),
        turns(tracker.turns),
        detector(tracker.tracker.detector(phrase, least, sure, most)) {}

  void take() {
    found.clear();
    for (const edgetrack::Detection& one : detector->detections())
      found.push_back({{one.box.x, one.box.y, one.box.w, one.box.h},
                       one.score,
                       one.appearance.empty() ? nullptr : one.appearance.data(),
                       one.appearance.size()});
  }
};

namespace {

void check_limits(double least, double sure, size_t most) {
  if (!(least >= 0 && least <= sure && sure <= 1))
    throw Error(Code::config, message("least is ", least, " and sure is ", sure,
                                      "; expected scores with 0 <= least <= sure <= 1"));
  if (most < 1) throw Error(Code::config, "most is 0; expected at least 1 detection");
}

// `frame` returns the frame, or throws.
template <typename Given>
edgetrack_code update(edgetrack_multi_tracker* tracker, const Given& frame, std::optional<double> deadline_ms,
                      const edgetrack_result** results, size_t* count) {
  return guarded([&] {
    require(tracker, "tracker");
    require(results, "results");
    require(count, "count");
    *results = nullptr;
    *count = 0;
    tracker->turns->take([&] {
      tracker->update(frame(), deadline_ms);
      *results = tracker->results.data();
      *count = tracker->results.size();
    });
  });
}

}  // namespace

edgetrack_code edgetrack_multi_open(const char* bundle, const edgetrack_options* options, int exclusive,
                                    edgetrack_multi_tracker** tracker) {
  return guarded([&] {
    require(tracker, "tracker");
    *tracker = nullptr;
    *tracker = new edgetrack_multi_tracker(edgetrack::Opening(bundle, options), exclusive != 0);
  });
}

edgetrack_code edgetrack_multi_warm_up(edgetrack_multi_tracker* tracker) {
  return guarded([&] {
    require(tracker, "tracker");
    tracker->turns->take([&] { tracker->tracker.warm_up(); });
  });
}

edgetrack_code edgetrack_multi_add(edgetrack_multi_tracker* tracker, const char* name, const char* text,
                                   const edgetrack_box* box) {
  return guarded([&] {
    require(tracker, "tracker");
    require(name, "name");
    std::optional<edgetrack::Text> tokens;
    if (text) tokens = tracker->tokenizer.encode(text);
    const std::optional<edgetrack::Box> given = edgetrack::from_c(box);
    tracker->turns->take(
        [&] { tracker->tracker.add(name, tokens ? &*tokens : nullptr, given ? &*given : nullptr); });
  });
}

edgetrack_code edgetrack_multi_remove(edgetrack_multi_tracker* tracker, const char* name) {
  return guarded([&] {
    require(tracker, "tracker");
    require(name, "name");
    tracker->turns->take([&] { tracker->tracker.remove(name); });
  });
}

edgetrack_code edgetrack_multi_set_text(edgetrack_multi_tracker* tracker, const char* name,
                                        const char* text) {
  return guarded([&] {
    require(tracker, "tracker");
    require(name, "name");
    require(text, "text");
    const edgetrack::Text tokens = tracker->tokenizer.encode(text);
    tracker->turns->take([&] { tracker->tracker.set_text(name, tokens); });
  });
}

edgetrack_code edgetrack_multi_set_static_check(edgetrack_multi_tracker* tracker, int on) {
  return guarded([&] {
    require(tracker, "tracker");
    tracker->turns->take([&] { tracker->tracker.set_static_check(on != 0); });
  });
}

edgetrack_code edgetrack_multi_update(edgetrack_multi_tracker* tracker, const uint8_t* bgr, int width,
                                      int height, ptrdiff_t row_bytes, const edgetrack_result** results,
                                      size_t* count) {
  const edgetrack::Frame frame = {bgr, width, height, row_bytes};
  return update(tracker, [&] { return frame; }, std::nullopt, results, count);
}

edgetrack_code edgetrack_multi_update_within(edgetrack_multi_tracker* tracker, const uint8_t* bgr, int width,
                                             int height, ptrdiff_t row_bytes, double deadline_ms,
                                             const edgetrack_result** results, size_t* count) {
  const edgetrack::Frame frame = {bgr, width, height, row_bytes};
  return update(tracker, [&] { return frame; }, deadline_ms, results, count);
}

edgetrack_code edgetrack_multi_update_pair(edgetrack_multi_tracker* tracker, const edgetrack_pair* pair,
                                           double deadline_ms, const edgetrack_result** results,
                                           size_t* count) {
  return update(
      tracker, [&] { return edgetrack::from_c(pair); }, edgetrack::deadline_from_c(deadline_ms), results,
      count);
}

void edgetrack_multi_close(edgetrack_multi_tracker* tracker) { delete tracker; }

edgetrack_code edgetrack_multi_detector(edgetrack_multi_tracker* tracker, const char* phrase, double least,
                                        double sure, size_t most, edgetrack_detector** detector) {
  return guarded([&] {
    require(detector, "detector");
    *detector = nullptr;
    require(tracker, "tracker");
    require(phrase, "phrase");
    check_limits(least, sure, most);
    const edgetrack::Text tokens = tracker->tokenizer.encode(phrase);
    tracker->turns->take([&] { *detector = new edgetrack_detector(*tracker, tokens, least, sure, most); });
  });
}

edgetrack_code edgetrack_detector_set_text(edgetrack_detector* detector, const char* phrase) {
  return guarded([&] {
    require(detector, "detector");
    require(phrase, "phrase");
    const edgetrack::Text tokens = detector->tokenizer.encode(phrase);
    detector->turns->take([&] { detector->detector->set_text(tokens); });
  });
}

edgetrack_code edgetrack_detector_look(edgetrack_detector* detector, const uint8_t* bgr, int width,
                                       int height, ptrdiff_t row_bytes) {
  return guarded([&] {
    require(detector, "detector");
    detector->turns->take([&] { detector->detector->look({bgr, width, height, row_bytes}); });
  });
}

edgetrack_code edgetrack_detector_wait(edgetrack_detector* detector, double seconds, int* done) {
  return guarded([&] {
    require(detector, "detector");
    require(done, "done");
    if (!(seconds >= 0 && std::isfinite(seconds)))
      throw Error(Code::config, message("seconds is ", seconds, "; expected a number, at least 0"));
    detector->turns->take([&] { *done = detector->detector->wait(seconds) ? 1 : 0; });
  });
}

edgetrack_code edgetrack_detector_get(edgetrack_detector* detector, const edgetrack_detection** detections,
                                      size_t* count) {
  return guarded([&] {
    require(detector, "detector");
    require(detections, "detections");
    require(count, "count");
    *detections = nullptr;
    *count = 0;
    detector->turns->take([&] {
      detector->take();
      *detections = detector->found.data();
      *count = detector->found.size();
    });
  });
}

void edgetrack_detector_close(edgetrack_detector* detector) { delete detector; }
