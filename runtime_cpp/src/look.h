// A look at the whole frame, from the frame that it sees to the one in which its answer counts.
#pragma once

#include <cstdint>
#include <vector>

#include "aside.h"
#include "geometry.h"
#include "looker.h"

namespace edgetrack {

// The pixels of a frame that is gone by the time that they are wanted; large ones thinned out, by every
// second pixel and so on, so that keeping them costs about the same for all.
class Still {
 public:
  void keep(const Frame& frame);
  Frame frame() const { return {pixels_.data(), width_, height_, 3 * std::ptrdiff_t{width_}}; }
  Box scaled(const Box& box) const;  // from pixels of the frame to those kept

 private:
  static constexpr int kMost = 2048;  // pixels of the longer side
  std::vector<std::uint8_t> pixels_;
  int width_ = 0, height_ = 0, step_ = 1;
};

// What the finds in a row at one place are worth together. A look at what was seen before says nothing new:
// evidence grows with looks that differ from the last one that counted.
class Evidence {
 public:
  void clear();
  // `image` is the picture looked at, (1, 3, S, S), normalized; null when it lies on a GPU: then time counts.
  // `same`: at the place of the one before. What a find is worth may be negative, the sum is not (CUSUM).
  double add(const Box& found, double worth, bool same, const Region& region, const float* image, int side,
             const float std[3], double calm, std::int64_t index);

 private:
  bool differs(const Box& found, const Region& region, const float* image, int side, const float std[3],
               double calm) const;

  double sum_ = 0;
  std::int64_t counted_ = 0;    // index of the last look that counted
  std::vector<float> picture_;  // which it saw; empty on a GPU
};

struct Look {
  bool pending = false;
  Looker* by = nullptr;
  Aside* aside = nullptr;     // where it runs
  double latency = 0;         // frames until its answer counts
  bool waits = true;          // whether an answer that is late is waited for
  std::int64_t begun = 0;     // index of the frame that it sees
  double lands = 0;           // when its answer counts, by the tracker's clock
  int width = 0, height = 0;  // of the frame that it sees
  bool on_gpu = false;
  Box then{};  // what was followed in that frame
  Still still;
  Errand errand;

  Frame extent() const { return {nullptr, width, height, 0}; }
};

}  // namespace edgetrack
