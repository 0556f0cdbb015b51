// Lookers search the whole frame for the target and hold what they found.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "detector.h"
#include "geometry.h"
#include "pace.h"
#include "target.h"
#include "work.h"

namespace edgetrack {

// A place where the target may be.
struct Find {
  Box box;       // in pixels of the searched frame
  double raw;    // raw score, for comparing the finds of one look
  double score;  // probability that the box is right, 0..1
};

// A network that takes an image of the whole frame, (1, 3, S, S).
struct Sight {
  Call* call;
  Tensor image;
  bool stretched;  // stretched to the square instead of letterboxed

  Region region(const Frame& extent) const {
    return stretched ? Region{0, 0, static_cast<double>(extent.width), static_cast<double>(extent.height)}
                     : letterbox(extent);
  }
};

class Looker {
 public:
  virtual ~Looker() = default;

  // The networks that take an image, and the step that follows them.
  const std::vector<Sight>& sights() const { return sights_; }
  virtual void conclude() {}

  // Crops the input images of a look from a frame. If the frame is in GPU memory, the networks run
  // immediately, because the frame is not available later. Returns whether the look is complete.
  virtual bool take(const Frame& frame, const Colors& colors, Work& work);

  virtual void run() {  // on the images from take()
    for (const Sight& sight : sights_) sight.call->run();
    conclude();
  }

  // Whether the last look's images are in host memory; those on a GPU can be read by its engine only.
  bool is_on_host = true;

  // Returns the finds of the last look, best first. `extent` has the size of the frame.
  virtual const std::vector<Find>& finds(const Frame& extent) = 0;

  // Returns the best find that is none of `taken`, or nothing.
  virtual std::optional<Find> apart(const Frame& extent, const std::vector<Box>& taken) = 0;

  // Returns the score of the object in a box.
  virtual double score_of(const Box& box, const Frame& extent) = 0;

  Cost cost;  // time of a run, including its crop

 protected:
  std::vector<Sight> sights_;
};

// A looker that returns candidates, each with its own score.
class CandidateLooker : public Looker {
 public:
  std::optional<Find> apart(const Frame& extent, const std::vector<Box>& taken) override;
  double score_of(const Box& box, const Frame& extent) override;

 protected:
  // Sets the finds, one per box, best first.
  void sort(const Frame& extent, const std::vector<Box>& boxes, const std::vector<double>& scores);

  std::vector<Find> finds_;
};

constexpr double kSameBox = 0.5;  // minimum IoU at which a candidate is the object in a box

// Makes a looker that runs "ground" with what the tracker knows about the target, template or sentence.
// `shared` is an input image that several networks use; it is allocated if it is empty.
std::unique_ptr<Looker> ground_looker(Engine& engine, const Knowledge& known, Tensor* shared);

// Makes a looker that uses the sentence only: "detect" finds candidates, "rank" compares them with the parts
// of the sentence, and the output of "ground" contributes to the score.
std::unique_ptr<Looker> rank_looker(Engine& engine, const Model& model, const Target& target, Tensor* shared);

// Makes the looker for a sentence: by ranked candidates if the model has "rank", else by "ground".
std::unique_ptr<Looker> text_looker(Engine& engine, const Model& model, const Target& target, Tensor* shared);

}  // namespace edgetrack
