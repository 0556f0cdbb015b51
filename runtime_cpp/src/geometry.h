// Regions of a frame, and conversion of boxes back to the frame, with the same arithmetic as
// edgetrack/geometry.py.
#pragma once

#include <cstdint>

#include "crop_resize.h"  // Region
#include "edgetrack/types.h"

namespace edgetrack {

// Returns the square centered on `box` whose side is `factor` times the geometric mean of the box's sides
// (SiamFC, 2016).
Region region_around(const Box& box, double factor);

// Returns the smallest square that contains the whole frame and has the same center.
Region letterbox(const Frame& frame);

// A box whose center and size are fractions of a region's side.
struct Share {
  double cx, cy, w, h;
};

Box from_region(const Region& region, const Share& share);

// Returns `box` clipped to the frame. Each side keeps at least 2 pixels inside the frame, or the whole side
// of a smaller frame.
Box clip(const Box& box, const Frame& frame);

// Returns `now` with its size blended with that of `before`, which has weight `keep`; the center stays.
Box smoothed(const Box& now, const Box& before, double keep);

// Returns whether `box` reaches an edge of the frame, within a hundredth of its side: part of the object may
// be out of view.
bool at_edge(const Box& box, const Frame& frame);

double iou(const Box& a, const Box& b);

// Returns the fraction of `inner` that lies in `outer`, 0..1.
double holds(const Box& outer, const Box& inner);

// Throws Error unless the box is finite, has its center in the frame, is at least a pixel large, and is not
// several times larger than the frame.
void check_inside(const Box& box, const Frame& frame);

constexpr int kLongestSide = 1 << 24;  // of a frame, in pixels: three bytes per pixel still fit into an int

// Throws Error if a side is longer than that. Call it before converting to int.
void check_sides(std::int64_t width, std::int64_t height);

// Throws Error unless the frame has pixels, and sides within that limit.
void check_frame(const Frame& frame);

// Computes the fraction of each cell that the box covers. `region` has cells x cells cells, `out` cells *
// cells values.
void target_share(const Box& box, const Region& region, int cells, float* out);

}  // namespace edgetrack
