// Finds everything in a frame that a phrase names.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "edgetrack/api.h"
#include "edgetrack/engine.h"
#include "edgetrack/tracker.h"
#include "edgetrack/types.h"

namespace edgetrack {

// One thing that a look has found.
struct Detection {
  Box box;                        // in pixels of the frame that was looked at
  double score;                   // probability that the phrase names it, 0..1
  std::vector<float> appearance;  // of unit length: the dot product of two says how alike they look
};

// Not for two threads at once. MultiTracker::detector() makes one.
class EDGETRACK_API PhraseDetector {
 public:
  ~PhraseDetector();
  PhraseDetector(const PhraseDetector&) = delete;
  PhraseDetector& operator=(const PhraseDetector&) = delete;

  // Another phrase; a look that is under way is forgotten. Throws Error for a bad one, which changes nothing.
  void set_text(const Text& text);

  // Looks at a frame, which may be gone when this returns: the networks run beside the caller where the
  // engine serves two at once and the frame lies in host memory. A look from before is forgotten. Throws
  // Error for a bad frame.
  void look(const Frame& frame);

  // Waits for the look, for that long at most; whether it is done.
  bool wait(double seconds);

  // Waits for the look, and returns what it has found: at most `most` things that score `least` or more, the
  // best first. Those that score `sure` or more have an appearance. Empty without a look. Valid until the
  // next call. Throws what the engine has thrown.
  const std::vector<Detection>& detections();

 private:
  friend class MultiTracker;
  PhraseDetector(std::shared_ptr<Engine> engine, const Model& model, std::shared_ptr<Aside> aside,
                 const Text& text, double least, double sure, std::size_t most);

  struct EDGETRACK_INSIDE State;
  std::unique_ptr<State> state_;
};

}  // namespace edgetrack
