// From the network's maps to one box: peak picking with a window and a penalty on sudden change of shape.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "geometry.h"

namespace edgetrack {

// The outputs of "search" and "ground", each plane cells x cells.
struct Maps {
  int cells;
  const float* score;     // 0..1
  const float* offset;    // 2 planes, x and y: in cells from the cell's center
  const float* size;      // 2 planes, w and h: shares of the region's side
  const float* presence;  // 1 value, 0..1
  const float* quality;   // 0..1
};

// The best cell.
struct Prediction {
  Share share;
  double peak;      // score of the chosen cell, 0..1
  double presence;  // probability that the target is in the region at all, 0..1
  double quality;   // probability that the box is right: the target's, with an IoU of at least a half, 0..1
};

// What is expected while following.
struct Prior {
  const float* window;  // cells x cells, mixed in with weight `influence`: the target is near where it was
  double influence;
  double w, h;     // of the last box, shares of the region's side
  double penalty;  // how strongly a change of scale or aspect lowers a cell's rank (SiamRPN, CVPR 2018, 4.3)
};

// A raised cosine, cells x cells, that is 1 in the middle and stays above 0 on the border.
std::vector<float> hann_window(int cells);

// `prior` may be null. Throws Error when the network gave values that are not finite.
Prediction decode(const Maps& maps, const Prior* prior);

// As decode, of the places whose box has less than a third in common (IoU) with each of `others`, which lie
// in the frame as `region` does. Nothing when there is none.
std::optional<Prediction> decode_apart(const Maps& maps, const Prior* prior, const Region& region,
                                       const Box* others, std::size_t count);

// The quality of the best-scoring cell whose center lies in `box` grown by one cell.
float quality_within(const Maps& maps, const Box& box, const Region& region);

// The probability that the box is right, 0..1: what the network says of it, if the target is there at all.
// The only place where raw outputs become a score: a calibration of one graph's scores belongs here.
double confidence(const Prediction& prediction);

}  // namespace edgetrack
