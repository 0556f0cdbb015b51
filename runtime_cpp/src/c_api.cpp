#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "c_guard.h"
#include "edgetrack/edgetrack.h"
#include "edgetrack/tracker.h"
#include "turns.h"

using edgetrack::guarded, edgetrack::require;

struct edgetrack_tracker {
  edgetrack::Tokenizer tokenizer;
  edgetrack::Tracker tracker;
  edgetrack::Turns turns;

  explicit edgetrack_tracker(const edgetrack::Opening& opening)
      : tokenizer(opening.bundle.tokenizer()),
        tracker(edgetrack::open_ort(opening.bundle, opening.engine), opening.bundle.model,
                opening.bundle.policy) {}
};

namespace {

// `frame` returns the frame, or throws.
template <typename Given>
edgetrack_code start(edgetrack_tracker* tracker, const Given& frame, const char* text,
                     const edgetrack_box* box, const uint8_t* inside, edgetrack_track* track) {
  return guarded([&] {
    require(tracker, "tracker");
    require(track, "track");
    std::optional<edgetrack::Text> tokens;
    if (text) tokens = tracker->tokenizer.encode(text);
    const std::optional<edgetrack::Box> given = edgetrack::from_c(box);
    const edgetrack::Frame taken = frame();
    *track = edgetrack::to_c(tracker->turns.take([&] {
      return tracker->tracker.start(taken, tokens ? &*tokens : nullptr, given ? &*given : nullptr,
                                    std::nullopt, inside);
    }));
  });
}

template <typename Given>
edgetrack_code update(edgetrack_tracker* tracker, const Given& frame, std::optional<double> deadline_ms,
                      std::optional<double> time_s, edgetrack_track* track) {
  return guarded([&] {
    require(tracker, "tracker");
    require(track, "track");
    const edgetrack::Frame taken = frame();
    *track = edgetrack::to_c(
        tracker->turns.take([&] { return tracker->tracker.update(taken, deadline_ms, time_s); }));
  });
}

}  // namespace

edgetrack_code edgetrack_open(const char* bundle, const edgetrack_options* options,
                              edgetrack_tracker** tracker) {
  return guarded([&] {
    require(tracker, "tracker");
    *tracker = nullptr;
    *tracker = new edgetrack_tracker(edgetrack::Opening(bundle, options));
  });
}

edgetrack_code edgetrack_warm_up(edgetrack_tracker* tracker) {
  return guarded([&] {
    require(tracker, "tracker");
    tracker->turns.take([&] { tracker->tracker.warm_up(); });
  });
}

edgetrack_code edgetrack_start(edgetrack_tracker* tracker, const uint8_t* bgr, int width, int height,
                               ptrdiff_t row_bytes, const char* text, const edgetrack_box* box,
                               edgetrack_track* track) {
  return edgetrack_start_masked(tracker, bgr, width, height, row_bytes, text, box, nullptr, track);
}

edgetrack_code edgetrack_start_masked(edgetrack_tracker* tracker, const uint8_t* bgr, int width, int height,
                                      ptrdiff_t row_bytes, const char* text, const edgetrack_box* box,
                                      const uint8_t* inside, edgetrack_track* track) {
  const edgetrack::Frame frame = {bgr, width, height, row_bytes};
  return start(tracker, [&] { return frame; }, text, box, inside, track);
}

edgetrack_code edgetrack_set_masks(edgetrack_tracker* tracker, int on) {
  return guarded([&] {
    require(tracker, "tracker");
    tracker->turns.take([&] { tracker->tracker.set_masks(on != 0, on > 1); });
  });
}

edgetrack_code edgetrack_get_mask(edgetrack_tracker* tracker, edgetrack_mask* mask, uint8_t* inside,
                                  size_t room) {
  return guarded([&] {
    require(tracker, "tracker");
    require(mask, "mask");
    if (room > 0) require(inside, "inside");
    tracker->turns.take([&] {
      const edgetrack::Mask& found = tracker->tracker.mask();
      *mask = {found.x, found.y, found.width, found.height};
      if (room >= found.inside.size()) std::copy(found.inside.begin(), found.inside.end(), inside);
    });
  });
}

edgetrack_code edgetrack_get_mask_logits(edgetrack_tracker* tracker, edgetrack_logits* logits, float* values,
                                         size_t room) {
  return guarded([&] {
    require(tracker, "tracker");
    require(logits, "logits");
    if (room > 0) require(values, "values");
    tracker->turns.take([&] {
      const auto& [found, side, region] = tracker->tracker.mask().logits;
      *logits = {{region.x, region.y, region.w, region.h}, side};
      if (room >= found.size()) std::copy(found.begin(), found.end(), values);
    });
  });
}

edgetrack_code edgetrack_update(edgetrack_tracker* tracker, const uint8_t* bgr, int width, int height,
                                ptrdiff_t row_bytes, edgetrack_track* track) {
  const edgetrack::Frame frame = {bgr, width, height, row_bytes};
  return update(tracker, [&] { return frame; }, std::nullopt, std::nullopt, track);
}

edgetrack_code edgetrack_update_within(edgetrack_tracker* tracker, const uint8_t* bgr, int width, int height,
                                       ptrdiff_t row_bytes, double deadline_ms, edgetrack_track* track) {
  const edgetrack::Frame frame = {bgr, width, height, row_bytes};
  return update(tracker, [&] { return frame; }, deadline_ms, std::nullopt, track);
}

edgetrack_code edgetrack_update_at(edgetrack_tracker* tracker, const uint8_t* bgr, int width, int height,
                                   ptrdiff_t row_bytes, double time_s, double deadline_ms,
                                   edgetrack_track* track) {
  const edgetrack::Frame frame = {bgr, width, height, row_bytes};
  return update(tracker, [&] { return frame; }, edgetrack::deadline_from_c(deadline_ms), time_s, track);
}

edgetrack_code edgetrack_start_pair(edgetrack_tracker* tracker, const edgetrack_pair* pair, const char* text,
                                    const edgetrack_box* box, edgetrack_track* track) {
  return start(tracker, [&] { return edgetrack::from_c(pair); }, text, box, nullptr, track);
}

edgetrack_code edgetrack_update_pair(edgetrack_tracker* tracker, const edgetrack_pair* pair,
                                     const double* time_s, double deadline_ms, edgetrack_track* track) {
  const std::optional<double> time = time_s ? std::optional(*time_s) : std::nullopt;
  return update(
      tracker, [&] { return edgetrack::from_c(pair); }, edgetrack::deadline_from_c(deadline_ms), time, track);
}

edgetrack_code edgetrack_note_gap(edgetrack_tracker* tracker) {
  return guarded([&] {
    require(tracker, "tracker");
    tracker->turns.take([&] { tracker->tracker.note_gap(); });
  });
}

edgetrack_code edgetrack_set_static_check(edgetrack_tracker* tracker, int on) {
  return guarded([&] {
    require(tracker, "tracker");
    tracker->turns.take([&] { tracker->tracker.set_static_check(on != 0); });
  });
}

edgetrack_code edgetrack_wait_if_ambiguous(edgetrack_tracker* tracker, int on) {
  return guarded([&] {
    require(tracker, "tracker");
    const auto then = on ? edgetrack::OnAmbiguous::wait : edgetrack::OnAmbiguous::best;
    tracker->turns.take([&] { tracker->tracker.set_on_ambiguous(then); });
  });
}

edgetrack_code edgetrack_get_candidates(edgetrack_tracker* tracker, edgetrack_candidate* candidates,
                                        size_t room, size_t* count) {
  return guarded([&] {
    require(tracker, "tracker");
    if (room > 0) require(candidates, "candidates");
    require(count, "count");
    tracker->turns.take([&] {
      const std::vector<edgetrack::Candidate>& found = tracker->tracker.candidates();
      *count = found.size();
      for (size_t i = 0; i < std::min(room, found.size()); ++i) {
        const edgetrack::Box& box = found[i].box;
        candidates[i] = {{box.x, box.y, box.w, box.h}, found[i].score, found[i].margin};
      }
    });
  });
}

edgetrack_code edgetrack_choose(edgetrack_tracker* tracker, const edgetrack_box* candidate) {
  return guarded([&] {
    require(tracker, "tracker");
    require(candidate, "candidate");
    tracker->turns.take(
        [&] { tracker->tracker.choose({candidate->x, candidate->y, candidate->w, candidate->h}); });
  });
}

edgetrack_code edgetrack_correct(edgetrack_tracker* tracker, const edgetrack_box* box) {
  return guarded([&] {
    require(tracker, "tracker");
    require(box, "box");
    tracker->turns.take([&] { tracker->tracker.correct({box->x, box->y, box->w, box->h}); });
  });
}

edgetrack_code edgetrack_set_text(edgetrack_tracker* tracker, const char* text) {
  return guarded([&] {
    require(tracker, "tracker");
    require(text, "text");
    const edgetrack::Text tokens = tracker->tokenizer.encode(text);
    tracker->turns.take([&] { tracker->tracker.set_text(tokens); });
  });
}

edgetrack_code edgetrack_get_timing(edgetrack_tracker* tracker, edgetrack_timing* timing) {
  return guarded([&] {
    require(tracker, "tracker");
    require(timing, "timing");
    *timing = edgetrack::to_c(tracker->turns.take([&] { return tracker->tracker.timing(); }));
  });
}

edgetrack_code edgetrack_reset(edgetrack_tracker* tracker) {
  return guarded([&] {
    require(tracker, "tracker");
    tracker->turns.take([&] { tracker->tracker.reset(); });
  });
}

void edgetrack_close(edgetrack_tracker* tracker) { delete tracker; }

const char* edgetrack_version(void) { return EDGETRACK_VERSION; }
