// Finds all objects in a frame that a phrase names.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "edgetrack/api.h"
#include "edgetrack/engine.h"
#include "edgetrack/tracker.h"
#include "edgetrack/types.h"

namespace edgetrack {

// A detected object.
struct Detection {
  Box box;                        // in pixels of the searched frame
  double score;                   // probability that the phrase names it, 0..1
  std::vector<float> appearance;  // of unit length: the dot product is the similarity
};

// Not thread-safe. Created by MultiTracker::detector().
class EDGETRACK_API PhraseDetector {
 public:
  ~PhraseDetector();
  PhraseDetector(const PhraseDetector&) = delete;
  PhraseDetector& operator=(const PhraseDetector&) = delete;

  // Changes the phrase; a pass in progress is discarded. Throws Error for a bad phrase, and then changes
  // nothing.
  void set_text(const Text& text);

  // Starts a pass on a frame, which is not needed after this returns. The networks run in the background if
  // the engine supports concurrent runs and the frame is in host memory. A previous pass is discarded.
  // Throws Error for a bad frame.
  void look(const Frame& frame);

  // Waits for the pass, at most this long; returns whether it is done.
  bool wait(double seconds);

  // Waits for the pass, and returns its detections: at most `most` objects with a score of `least` or more,
  // best first. Those with a score of `sure` or more have an appearance. Empty without a pass. Valid until
  // the next call. Throws the engine's exceptions.
  const std::vector<Detection>& detections();

 private:
  friend class MultiTracker;
  PhraseDetector(std::shared_ptr<Engine> engine, const Model& model, std::shared_ptr<Aside> aside,
                 const Text& text, double least, double sure, std::size_t most);

  struct EDGETRACK_INSIDE State;
  std::unique_ptr<State> state_;
};

}  // namespace edgetrack
