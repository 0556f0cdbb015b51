// Regions of a frame and the way back from them, in the arithmetic of edgetrack/geometry.py.
#pragma once

#include <cstdint>

#include "crop_resize.h"  // Region
#include "edgetrack/types.h"

namespace edgetrack {

// The square centered on `box` whose side is `factor` times the box's geometric mean side (SiamFC, 2016).
Region region_around(const Box& box, double factor);

// The smallest square that holds the whole frame, both with the same center.
Region letterbox(const Frame& frame);

// A box whose center and extent are shares of a region's side.
struct Share {
  double cx, cy, w, h;
};

Box from_region(const Region& region, const Share& share);

// `box` cut to the frame; at least 2 pixels of it are left, inside, or all of a frame that has fewer.
Box clip(const Box& box, const Frame& frame);

// `now` with a share of the size of `before`, about its own center.
Box smoothed(const Box& now, const Box& before, double keep);

double iou(const Box& a, const Box& b);

// The share of `inner` that lies in `outer`, 0..1.
double holds(const Box& outer, const Box& inner);

// Throws Error unless the box is finite, has its center in the frame, and is neither smaller than a pixel nor
// several times the frame.
void check_inside(const Box& box, const Frame& frame);

constexpr int kLongestSide = 1 << 24;  // of a frame, in pixels: three bytes of each can be counted in an int

// Throws Error when a side is longer: before it becomes an int.
void check_sides(std::int64_t width, std::int64_t height);

// Throws Error unless there are pixels, no more than that.
void check_frame(const Frame& frame);

// Which share of each of cells x cells cells of `region` the box covers; out has cells * cells values.
void target_share(const Box& box, const Region& region, int cells, float* out);

}  // namespace edgetrack
