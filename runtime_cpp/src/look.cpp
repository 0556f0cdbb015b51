#include "look.h"

#include <algorithm>
#include <cmath>

namespace edgetrack {

namespace {

constexpr std::int64_t kApart =
    15;  // frames between two looks that count as different, if images cannot be compared
constexpr double kAround = 2;  // side of the compared area, in box sides
constexpr int kBlocks = 4;     // along each side

}  // namespace

void Still::keep(const Frame& frame) {
  step_ = (std::max(frame.width, frame.height) + kMost - 1) / kMost;
  width_ = (frame.width + step_ - 1) / step_, height_ = (frame.height + step_ - 1) / step_;
  pixels_.resize(static_cast<std::size_t>(width_) * static_cast<std::size_t>(height_) * 3);
  std::uint8_t* out = pixels_.data();
  for (int y = 0; y < frame.height; y += step_) {
    const std::uint8_t* row = frame.bgr + y * frame.row_bytes;
    if (step_ == 1)
      out = std::copy_n(row, 3 * width_, out);
    else
      for (int x = 0; x < frame.width; x += step_) out = std::copy_n(row + 3 * x, 3, out);
  }
}

Box Still::scaled(const Box& box) const {
  return {box.x / step_, box.y / step_, box.w / step_, box.h / step_};
}

void Evidence::clear() { sum_ = 0; }

double Evidence::add(const Box& found, double worth, bool same, const Shot& shot) {
  if (same && !count(found, shot)) return sum_ = std::max(sum_, worth);
  if (!same) keep(shot);
  return sum_ = std::max(0.0, (same ? sum_ : 0.0) + worth);
}

bool Evidence::count(const Box& box, const Shot& shot) {
  if (!differs(box, shot)) return false;
  keep(shot);
  return true;
}

void Evidence::keep(const Shot& shot) {
  counted_ = shot.index;
  if (shot.image)
    picture_.assign(shot.image, shot.image + 3 * std::size_t(shot.side) * std::size_t(shot.side));
  else
    picture_.clear();
}

// Whether any block around the box has changed its mean color, as it does by motion, but not by noise.
bool Evidence::differs(const Box& box, const Shot& shot) const {
  const float* image = shot.image;
  if (!image || picture_.empty()) return shot.index - counted_ >= kApart;
  const auto side = static_cast<std::size_t>(shot.side);
  if (picture_.size() != 3 * side * side) return true;  // from a look of another network
  const Region around = region_around(box, kAround);
  const auto edge = [&](double from, int block, double origin, double extent) {
    const double at = from + around.w * block / kBlocks;
    return std::clamp(static_cast<int>((at - origin) / extent * shot.side), 0, shot.side);
  };
  for (int row = 0; row < kBlocks; ++row)
    for (int column = 0; column < kBlocks; ++column) {
      const int y1 = edge(around.y, row, shot.region.y, shot.region.h),
                y2 = edge(around.y, row + 1, shot.region.y, shot.region.h);
      const int x1 = edge(around.x, column, shot.region.x, shot.region.w),
                x2 = edge(around.x, column + 1, shot.region.x, shot.region.w);
      const double count = (y2 - y1) * (x2 - x1);
      if (count == 0) continue;
      for (int c = 0; c < 3; ++c) {
        double sum = 0;
        for (int y = y1; y < y2; ++y)
          for (int x = x1; x < x2; ++x) {
            const std::size_t at = (std::size_t(c) * side + std::size_t(y)) * side;
            sum += static_cast<double>(image[at + std::size_t(x)]) -
                   static_cast<double>(picture_[at + std::size_t(x)]);
          }
        if (std::abs(sum / count) * static_cast<double>(shot.std[c]) > shot.calm) return true;
      }
    }
  return false;
}

}  // namespace edgetrack
