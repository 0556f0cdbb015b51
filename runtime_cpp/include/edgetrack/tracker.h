// Follows one target: what edgetrack.Tracker does, without Python.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "edgetrack/api.h"
#include "edgetrack/engine.h"
#include "edgetrack/types.h"

namespace edgetrack {

// Numbers of the state machine; scores are 0..1. The same as edgetrack/policy.py, which explains each:
// tests/test_native_tracker.py holds one to the other.
struct Policy {
  double acquire = 0.60;
  double candidate = 0.10;
  double confirm = 1.0;
  double keep = 0.05;
  double drop = 0.02;
  double patience = 12.0;
  double verify = 6.0;  // 0: never
  double doubt = 1.5;
  double extent = 0.6;
  double refresh = 5.0;  // 0: never
  double sure = 0.6;
  double window = 0.40;
  double penalty = 0.08;
  double inertia = 0.35;
  double widen = 1.0;
  double haste = 0.25;
  double coast = 3.0;
  double reuse = 5.0;
  double rest = 3.0;
  double still = 0.9;
  double calm = 4.0;
  double seek = 1.0;
  double lag = 1.0;
};

// Each number by its name.
EDGETRACK_API std::map<std::string, double*> fields(Policy& policy);

// What the manifest says of the network's pictures.
struct Model {
  double template_factor, search_factor;  // side of the square region over sqrt(w * h) of the box
  float mean[3], std[3];                  // RGB, 0..255
  float fill[3];                          // BGR, 0..255, outside the frame
};

// A sentence as the text encoder takes it; both of the length that the bundle says.
struct Text {
  std::vector<std::int64_t> ids;
  std::vector<float> mask;  // 1 for a token, 0 for padding
};

// Where the time of one call went, in seconds; what is neither crop nor network is the tracker's own.
struct Timing {
  double crop_s = 0, network_s = 0, total_s = 0;
};

class Aside;

// Not for two threads at once; trackers share nothing but the engine.
class EDGETRACK_API Tracker {
 public:
  Tracker(std::shared_ptr<Engine> engine, const Model& model, const Policy& policy);
  ~Tracker();
  Tracker(const Tracker&) = delete;
  Tracker& operator=(const Tracker&) = delete;

  // Names the target, by a text, a box or both (null for the one that is not given), and finds it in the
  // first frame; the box is in its pixels, with its centre inside. With neither text nor box, or with bad
  // ones, it throws Error and the target from before stays; when the engine fails there is none afterwards.
  Track start(const Frame& frame, const Text* text, const Box* box);

  // Finds the target in the next frame. Nothing is allocated once each graph has run. Throws Error; a bad
  // frame or deadline does not count as a frame.
  //
  // With a deadline, in milliseconds from the call: a box that is tracked coasts, at its velocity of late,
  // while the network would take longer (the median of its last runs here). After `coast` such frames in a
  // row the network runs whatever the deadline says, as it always does while the target is uncertain or
  // looked for.
  Track update(const Frame& frame, std::optional<double> deadline_ms = std::nullopt);

  // From now on, whether a box that has not moved stands, for up to `reuse` frames in a row, as long as its
  // surroundings hardly change from what the network last saw. Off at first. Frames in GPU memory are refused
  // while it is on: they are compared on the CPU.
  void set_static_check(bool on);

  // Loads every graph and runs it once, so that no later call does: neither the first text nor the first
  // loss. The target stays what it is. Throws Error.
  void warm_up();

  // Waits until nothing runs beside the caller; before a fork(), say. Throws nothing.
  void rest();

  // Another sentence, from the next frame on. Throws Error for a bad one; the target then stays what it was.
  void set_text(const Text& text);

  // Forgets the target, as if start() had never been called; the graphs stay loaded.
  void reset();

  // Of the last start(), update() or set_text().
  const Timing& timing() const;

 private:
  friend class MultiTracker;
  friend class Rival;
  Tracker(std::shared_ptr<Engine> engine, const Model& model, const Policy& policy,
          std::shared_ptr<Aside> shared);

  struct EDGETRACK_INSIDE State;
  std::unique_ptr<State> state_;
};

}  // namespace edgetrack
