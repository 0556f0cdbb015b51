#include "geometry.h"

#include <algorithm>
#include <cmath>

#include "message.h"

namespace edgetrack {

namespace {

constexpr double kSmallestBox = 1;  // pixels: so that the region around it has a size
constexpr double kEdge = 0.01;      // fraction of the frame's side: a box that near reaches the edge
constexpr double kLargestBox = 4;   // times the frame's side: so that the region stays reasonable

}  // namespace

const char* name(Status status) {
  constexpr const char* names[] = {"searching", "tracking", "uncertain", "lost"};
  return names[static_cast<int>(status)];
}

const char* name(Basis basis) {
  constexpr const char* names[] = {"network", "coasted", "reused"};
  return names[static_cast<int>(basis)];
}

Region region_around(const Box& box, double factor) {
  const double side = factor * std::sqrt(box.w * box.h);
  const double cx = box.x + box.w / 2, cy = box.y + box.h / 2;
  return {cx - side / 2, cy - side / 2, side, side};
}

Region letterbox(const Frame& frame) {
  const double side = std::max(frame.width, frame.height);
  return {(frame.width - side) / 2, (frame.height - side) / 2, side, side};
}

Box from_region(const Region& region, const Share& share) {
  const double cx = share.cx * region.w, cy = share.cy * region.w;
  const double w = share.w * region.w, h = share.h * region.w;
  return {region.x + cx - w / 2, region.y + cy - h / 2, w, h};
}

Box clip(const Box& box, const Frame& frame) {
  const double width = frame.width, height = frame.height;
  const double least_w = std::min(2.0, width), least_h = std::min(2.0, height);
  const double x1 = std::min(std::max(box.x, 0.0), width - least_w);
  const double y1 = std::min(std::max(box.y, 0.0), height - least_h);
  const double x2 = std::max(std::min(box.x + box.w, width), x1 + least_w);
  const double y2 = std::max(std::min(box.y + box.h, height), y1 + least_h);
  return {x1, y1, x2 - x1, y2 - y1};
}

Box smoothed(const Box& now, const Box& before, double keep) {
  const double w = now.w * (1 - keep) + before.w * keep, h = now.h * (1 - keep) + before.h * keep;
  const double cx = now.x + now.w / 2, cy = now.y + now.h / 2;
  return {cx - w / 2, cy - h / 2, w, h};
}

namespace {

double common(const Box& a, const Box& b) {
  const double w = std::min(a.x + a.w, b.x + b.w) - std::max(a.x, b.x);
  const double h = std::min(a.y + a.h, b.y + b.h) - std::max(a.y, b.y);
  return std::max(w, 0.0) * std::max(h, 0.0);
}

// Returns the fraction of cell i of an axis that lies between low and high; cell edges are as in
// numpy.linspace.
double covered(int i, int cells, double origin, double side, double low, double high) {
  const double step = side / cells;
  const auto edge = [&](int k) { return (k == cells ? side : k * step) + origin; };
  const double overlap = std::min(edge(i + 1), high) - std::max(edge(i), low);
  return std::min(std::max(overlap / (edge(1) - edge(0)), 0.0), 1.0);
}

}  // namespace

bool at_edge(const Box& box, const Frame& frame) {
  const double across = kEdge * frame.width, down = kEdge * frame.height;
  return box.x <= across || box.y <= down || box.x + box.w >= frame.width - across ||
         box.y + box.h >= frame.height - down;
}

double iou(const Box& a, const Box& b) {
  const double both = common(a, b);
  return both / (a.w * a.h + b.w * b.h - both);
}

double holds(const Box& outer, const Box& inner) { return common(outer, inner) / (inner.w * inner.h); }

void target_share(const Box& box, const Region& region, int cells, float* out) {
  for (int row = 0; row < cells; ++row) {
    const double down = covered(row, cells, region.y, region.w, box.y, box.y + box.h);
    for (int column = 0; column < cells; ++column) {
      const double across = covered(column, cells, region.x, region.w, box.x, box.x + box.w);
      *out++ = static_cast<float>(down * across);
    }
  }
}

void check_sides(std::int64_t width, std::int64_t height) {
  if (width > kLongestSide || height > kLongestSide)
    throw Error(Code::frame, message("frame has ", width, "x", height, " pixels; expected at most ",
                                     kLongestSide, " per side"));
}

void check_frame(const Frame& frame) {
  if (frame.bgr == nullptr || frame.width < 1 || frame.height < 1)
    throw Error(Code::frame,
                message("frame is empty, ", frame.width, "x", frame.height,
                        " pixels; expected uint8, 3 bytes a pixel in BGR order, rows row_bytes apart"));
  check_sides(frame.width, frame.height);
  const auto check_rows = [&](const char* name, std::ptrdiff_t row_bytes) {
    // With overlapping rows, reading would run past the last one.
    if (frame.height > 1 && std::abs(row_bytes) < 3 * static_cast<std::ptrdiff_t>(frame.width))
      throw Error(Code::frame, message(name, " has rows ", row_bytes, " bytes apart for ", frame.width,
                                       " pixels; expected at least 3 bytes a pixel"));
  };
  check_rows("frame", frame.row_bytes);
  if (frame.x) check_rows("x", frame.x_row_bytes);
}

void check_inside(const Box& box, const Frame& frame) {
  const std::string shown = message("box (", box.x, ", ", box.y, ", ", box.w, ", ", box.h, ")");
  if (!(std::isfinite(box.x) && std::isfinite(box.y) && std::isfinite(box.w) && std::isfinite(box.h)))
    throw Error(Code::box, shown + " has a value that is not finite; expected (x, y, w, h) in pixels");
  if (box.w <= 0 || box.h <= 0)
    throw Error(Code::box, shown + " is empty; expected (x, y, w, h) with w > 0 and h > 0");
  if (box.w < kSmallestBox || box.h < kSmallestBox)
    throw Error(Code::box,
                message(shown, " is smaller than a pixel; expected (x, y, w, h) in pixels, not in ",
                        "fractions of the frame, which has ", frame.width, "x", frame.height));
  const double cx = box.x + box.w / 2, cy = box.y + box.h / 2;
  if (!(0 <= cx && cx < frame.width && 0 <= cy && cy < frame.height))
    throw Error(Code::box, message(shown, " has its center (", cx, ", ", cy, ") outside the frame of ",
                                   frame.width, "x", frame.height, " pixels; expected (x, y, w, h) in ",
                                   "pixels of the frame with the origin at its top left corner"));
  if (box.w > kLargestBox * frame.width || box.h > kLargestBox * frame.height)
    throw Error(Code::box, message(shown, " is more than ", kLargestBox, " times as wide or as high as the ",
                                   "frame of ", frame.width, "x", frame.height,
                                   " pixels; expected (x, y, w, ", "h) in pixels of the frame"));
}

}  // namespace edgetrack
