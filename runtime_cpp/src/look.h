// A full-frame search, from the frame that it searches to the frame in which its result is used.
#pragma once

#include <cstdint>
#include <vector>

#include "aside.h"
#include "geometry.h"
#include "looker.h"

namespace edgetrack {

// A copy of a frame's pixels, for use after the frame itself is gone. Large frames are subsampled, by every
// second pixel and so on, so that the copy costs about the same for any size.
class Still {
 public:
  void keep(const Frame& frame);
  Frame frame() const { return {pixels_.data(), width_, height_, 3 * std::ptrdiff_t{width_}}; }
  Box scaled(const Box& box) const;  // from pixels of the frame to pixels of the copy

 private:
  static constexpr int kMost = 2048;  // limit for the longer side, in pixels
  std::vector<std::uint8_t> pixels_;
  int width_ = 0, height_ = 0, step_ = 1;
};

// What a look saw. `image` is the searched image, (1, 3, S, S), normalized; null if it is on a GPU, in which
// case elapsed time decides instead whether two looks differ.
struct Shot {
  Region region;
  const float* image;
  int side;
  const float* std;
  double calm;
  std::int64_t index;
};

// The accumulated evidence of consecutive finds at one place. A look at an unchanged image adds nothing:
// evidence grows only with looks that differ from the last one that counted.
class Evidence {
 public:
  void clear();
  // Adds a find and returns the sum. `same`: the find is at the place of the previous one. `worth` may be
  // negative, but the sum never is (CUSUM).
  double add(const Box& found, double worth, bool same, const Shot& shot);

  // Returns whether a look differs around a box from the last one that counted; then this one counts.
  bool count(const Box& box, const Shot& shot);

 private:
  bool differs(const Box& box, const Shot& shot) const;
  void keep(const Shot& shot);

  double sum_ = 0;
  std::int64_t counted_ = 0;    // index of the last look that counted
  std::vector<float> picture_;  // the image that it searched; empty on a GPU
};

struct Look {
  bool pending = false;
  Looker* by = nullptr;
  Aside* aside = nullptr;     // the thread that runs it
  double latency = 0;         // frames until its result is used
  bool waits = true;          // whether the tracker waits for a late result
  std::int64_t begun = 0;     // index of the frame that it searches
  double lands = 0;           // when its result is used, on the tracker's clock
  int width = 0, height = 0;  // of the frame that it searches
  bool on_gpu = false;
  bool in_second = false;  // it searches the second sensor's image
  Box then{};              // the box that was followed in that frame
  Still still;
  Errand errand;

  Frame extent() const { return {nullptr, width, height, 0}; }
};

}  // namespace edgetrack
