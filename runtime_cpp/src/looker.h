// What looks at the whole frame for the target, and what it has found there.
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
  Box box;       // in pixels of the frame that was looked at
  double raw;    // by which finds of one look compare
  double score;  // probability that the box is right, 0..1
};

// A network that takes a picture of the whole frame, (1, 3, S, S).
struct Sight {
  Call* call;
  Tensor image;
  bool stretched;  // to the square, instead of letter-boxed

  Region region(const Frame& extent) const {
    return stretched ? Region{0, 0, static_cast<double>(extent.width), static_cast<double>(extent.height)}
                     : letterbox(extent);
  }
};

class Looker {
 public:
  virtual ~Looker() = default;

  // The networks that take a picture, and what there is to do after them.
  const std::vector<Sight>& sights() const { return sights_; }
  virtual void conclude() {}

  // Takes the pictures of a look at a frame. In GPU memory the frame is gone afterwards: the networks run at
  // once. Returns whether the look is over.
  virtual bool take(const Frame& frame, const Colors& colors, Work& work);

  virtual void run() {  // on the pictures that were taken
    for (const Sight& sight : sights_) sight.call->run();
    conclude();
  }

  bool is_on_host = true;  // the pictures of the last look: on a GPU, nothing but its engine can read them

  // Of the last look, at a frame of the size of `extent`. The best find of all comes first.
  virtual const std::vector<Find>& finds(const Frame& extent) = 0;

  // The best find that is none of `taken`; nothing when there is none.
  virtual std::optional<Find> apart(const Frame& extent, const std::vector<Box>& taken) = 0;

  // The score of what is in a box.
  virtual double score_of(const Box& box, const Frame& extent) = 0;

  Cost cost;  // of a run with its crop

 protected:
  std::vector<Sight> sights_;
};

// A looker that gives candidates, each with a score of its own.
class CandidateLooker : public Looker {
 public:
  std::optional<Find> apart(const Frame& extent, const std::vector<Box>& taken) override;
  double score_of(const Box& box, const Frame& extent) override;

 protected:
  // Makes the finds, one a box, the best first.
  void sort(const Frame& extent, const std::vector<Box>& boxes, const std::vector<double>& scores);

  std::vector<Find> finds_;
};

constexpr double kSameBox = 0.5;  // IoU from which a candidate is what is in a box

// By what the tracker itself knows of the target, picture or sentence: "ground". `shared` is the picture to
// look at, allocated if it is not.
std::unique_ptr<Looker> ground_looker(Engine& engine, const Knowledge& known, Tensor* shared);

// By the sentence alone: "detect" finds candidates, "rank" compares them with its parts, and "ground" has a
// say.
std::unique_ptr<Looker> rank_looker(Engine& engine, const Model& model, const Target& target, Tensor* shared);

// What looks for a sentence: by its candidates where the model ranks, else by "ground".
std::unique_ptr<Looker> text_looker(Engine& engine, const Model& model, const Target& target, Tensor* shared);

}  // namespace edgetrack
