// Decodes the network's maps into one box: picks the peak, with a window and a penalty for sudden changes of
// shape.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "geometry.h"

namespace edgetrack {

// The outputs of "search" and "ground". Each plane is cells x cells.
struct Maps {
  int cells;
  const float* score;     // 0..1
  const float* offset;    // 2 planes, x and y: in cells from the cell's center
  const float* size;      // 2 planes, w and h: fractions of the region's side
  const float* presence;  // 1 value, 0..1
  const float* quality;   // 0..1
};

// The best cell.
struct Prediction {
  Share share;
  double peak;      // score of the chosen cell, 0..1
  double presence;  // probability that the target is in the region at all, 0..1
  double quality;   // probability that the box has an IoU of at least 0.5 with the target, 0..1
};

// What the tracker expects of the box while it follows a target.
struct Prior {
  const float* window;  // cells x cells, blended in with weight `influence`: favors places near the last one
  double influence;
  double w, h;     // size of the last box, fractions of the region's side
  double penalty;  // how strongly a change of scale or aspect ratio lowers a cell's rank (SiamRPN, CVPR
                   // 2018, 4.3)
};

// Returns a raised cosine, cells x cells, that is 1 in the center and stays above 0 at the border.
std::vector<float> hann_window(int cells);

// Returns the best cell. `prior` may be null. Throws Error if the network's output is not finite.
Prediction decode(const Maps& maps, const Prior* prior);

// Like decode, but considers only boxes whose IoU with each of `others` is less than 1/3. `others` and
// `region` are in frame coordinates. Returns nothing if no such box is left.
std::optional<Prediction> decode_apart(const Maps& maps, const Prior* prior, const Region& region,
                                       const Box* others, std::size_t count);

// Returns the quality of the best-scoring cell whose center lies in `box` grown by one cell.
float quality_within(const Maps& maps, const Box& box, const Region& region);

// Returns the probability that the box is right, 0..1: its quality, given that the target is there at all.
// This is the only place where raw outputs become a score; a calibration of a graph's scores belongs here.
double confidence(const Prediction& prediction);

}  // namespace edgetrack
