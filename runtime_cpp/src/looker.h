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

namespace edgetrack {

// A place where the target may be.
struct Find {
  Box box;       // in pixels of the frame that was looked at
  double raw;    // by which finds of one look compare
  double score;  // probability that the box is right, 0..1
};

class Looker {
 public:
  virtual ~Looker() = default;

  // The picture that the network takes, (1, 3, S, S), and the part of a frame that it shows.
  virtual const Tensor& image() const = 0;
  virtual Region region(const Frame& extent) const = 0;

  virtual Call& call() = 0;   // what takes the picture
  virtual void conclude() {}  // what there is to do after it

  // Of the last look, at a frame of the size of `extent`. The best find of all comes first.
  virtual const std::vector<Find>& finds(const Frame& extent) = 0;

  // The best find that is none of `taken`; nothing when there is none.
  virtual std::optional<Find> apart(const Frame& extent, const std::vector<Box>& taken) = 0;

  // The score of what is in a box.
  virtual double score_of(const Box& box, const Frame& extent) = 0;

  Cost cost;  // of a run with its crop
};

// By what the tracker itself knows of the target, picture or sentence: "ground".
std::unique_ptr<Looker> ground_looker(Engine& engine, const Knowledge& known, Tensor* shared);

// By the sentence alone: "detect" finds candidates, "rank" compares them with its parts.
std::unique_ptr<Looker> rank_looker(Engine& engine, const Spoken& spoken);

}  // namespace edgetrack
