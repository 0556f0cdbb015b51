// One of the targets of a MultiTracker.
#pragma once

#include "apart.h"
#include "edgetrack/multi_tracker.h"
#include "tracker_state.h"

namespace edgetrack {

struct MultiTracker::Target {
  Tracker tracker;
  std::optional<Text> text;
  std::optional<Box> box;
  bool started = false;
  Rival rival = Rival(*tracker.state_);

  Tracker::State& state() { return *tracker.state_; }
  bool followed() { return started && state().locked; }

  // Returns the track, or nothing if it waits for "search".
  std::optional<Track> begin(const Frame& frame, Deadline& deadline, std::optional<double> time_s) {
    if (!started) {
      const Track track = tracker.start(frame, text ? &*text : nullptr, box ? &*box : nullptr, time_s);
      started = true;
      return track;
    }
    state().work.timing = {};
    const Stopwatch watch(state().work.timing.total_s);
    const std::optional<Track> track = state().begin(frame, deadline, time_s);
    if (!track) deadline.promise(state().seconds_of_a_search());
    return track;
  }
};

}  // namespace edgetrack
