#include "sensor.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace edgetrack {

namespace {

constexpr int kFrozenFrames = 3;  // consecutive frames with the same bytes
constexpr int kBlankLevels = 6;   // range of values in an image that shows nothing but noise
constexpr double kLooked = 256;   // pixels along a side of a region that are examined for that
constexpr int kSampledRows = 48, kSampledColumns = 64;
constexpr int kCell = 8;            // side in pixels of the cells that may be lost, as of blocks in video
constexpr int kFewCells = 16;       // in a region; fewer tell nothing
constexpr double kLostCells = 0.2;  // fraction of the cells; up to 0.15 was seen in intact videos
constexpr int kSharp = 16;          // difference between neighbors at a sharp edge, in gray levels

// The pixels of a region that are inside the frame.
struct PixelArea {
  int left, top, right, bottom;

  PixelArea(const Frame& frame, const Region& region)
      : left(within(region.x, frame.width)),
        top(within(region.y, frame.height)),
        right(within(std::ceil(region.x + region.w), frame.width)),
        bottom(within(std::ceil(region.y + region.h), frame.height)) {}

  static int within(double at, int end) { return static_cast<int>(std::clamp(at, 0.0, double(end))); }
};

// Returns a hash (FNV-1a) of a grid of pixels.
std::uint64_t fingerprint(const Frame& frame) {
  std::uint64_t hash = 14695981039346656037u;
  const int rows = std::min(kSampledRows, frame.height), columns = std::min(kSampledColumns, frame.width);
  for (int i = 0; i < rows; ++i) {
    const std::uint8_t* row =
        frame.bgr + frame.row_bytes * (static_cast<std::ptrdiff_t>(i) * frame.height / rows);
    for (int j = 0; j < columns; ++j) {
      const std::uint8_t* pixel = row + 3 * (static_cast<std::ptrdiff_t>(j) * frame.width / columns);
      for (int c = 0; c < 3; ++c) hash = (hash ^ pixel[c]) * 1099511628211u;
    }
  }
  return hash;
}

// Whether an image has about one value throughout the region; parts of the region outside the image are
// ignored. The loop usually ends early, because an image that shows something does so within its first
// pixels.
bool blank(const Frame& frame, const Region& region) {
  const auto [left, top, right, bottom] = PixelArea(frame, region);
  const int step = std::max(1, static_cast<int>(region.w / kLooked));
  int least = 255, most = 0;
  for (int y = top; y < bottom; y += step) {
    const std::uint8_t* row = frame.bgr + frame.row_bytes * static_cast<std::ptrdiff_t>(y);
    for (int x = left; x < right; x += step) {
      for (int c = 0; c < 3; ++c)
        least = std::min<int>(least, row[3 * x + c]), most = std::max<int>(most, row[3 * x + c]);
      if (most - least > kBlankLevels) return false;
    }
  }
  return true;
}

bool is_constant(const std::uint8_t* cell, std::ptrdiff_t row_bytes) {
  for (int y = 0; y < kCell; ++y)
    for (int i = 0; i < 3 * kCell; ++i)
      if (cell[y * row_bytes + i] != cell[i % 3]) return false;
  return true;
}

int difference(const std::uint8_t* pixel, const std::uint8_t* other) {
  int most = 0;
  for (int c = 0; c < 3; ++c) most = std::max(most, std::abs(pixel[c] - other[c]));
  return most;
}

}  // namespace

void FrozenSensors::see(const Frame& frame) {
  if (!frame.x || !frame.color) return clear();
  const std::array<std::uint64_t, 2> now = {fingerprint(frame), fingerprint(second_of(frame))};
  for (std::size_t i = 0; i < now.size(); ++i) same_[i] = now[i] == last_[i] ? same_[i] + 1 : 0;
  last_ = now;
}

Present FrozenSensors::live(const Frame& frame) const {
  if (!frame.color) return {false, true};
  if (!frame.x) return {true, false};
  const bool color = same_[0] < kFrozenFrames, second = same_[1] < kFrozenFrames;
  return color || second ? Present{color, second} : Present{true, true};  // both stand still: a static scene
}

Present showing(const Frame& frame, const Region& region, const Region& second_region, Present live) {
  const Present shows = {live[0] && !blank(frame, region),
                         live[1] && !blank(second_of(frame), second_region)};
  return shows[0] || shows[1] ? shows : live;
}

bool has_gaps(const Frame& frame, const Region& region) {
  const PixelArea inside(frame, region);
  const auto up = [](int at) { return (at + kCell) / kCell * kCell; };
  const int step = kCell * std::max(1, static_cast<int>(region.w / kLooked));
  std::array<int, 256> lost{};  // constant cells by their value in green
  int cells = 0, sharp = 0, smooth = 0;
  for (int y = up(inside.top); y + kCell < inside.bottom; y += step)
    for (int x = up(inside.left); x + kCell < inside.right; x += step, ++cells) {
      const std::uint8_t* cell = frame.bgr + frame.row_bytes * static_cast<std::ptrdiff_t>(y) + 3 * x;
      if (!is_constant(cell, frame.row_bytes)) continue;
      ++lost[cell[1]];
      for (const std::uint8_t* next :
           {cell - 3, cell + 3 * kCell, cell - frame.row_bytes, cell + kCell * frame.row_bytes})
        if (const int edge = difference(cell, next)) ++(edge > kSharp ? sharp : smooth);
    }
  const int most = *std::max_element(lost.begin() + 1, lost.end() - 1);
  return cells >= kFewCells && most > kLostCells * cells && sharp > smooth;
}

void PairInputs::fill(const Tensor& image, const Frame& frame, const Region& region,
                      const Region& second_region, const Colors& colors, Present live, Work& work) const {
  const std::array<const Tensor*, 2> pictures = {&image, &x};
  const std::array<Frame, 2> frames = {frame, second_of(frame)};
  const std::array<Region, 2> regions = {region, second_region};
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    if (live[i])
      work.crop_into(*pictures[i], frames[i], regions[i], colors);
    else
      std::memset(pictures[i]->data.get(), 0, pictures[i]->spec.bytes());
  }
  const Present there = showing(frame, region, second_region, live);
  for (std::size_t i = 0; i < there.size(); ++i) present.floats()[i] = there[i] ? 1.0f : 0.0f;
}

double share_within(const float* shares, const float* covered, std::size_t cells) {
  double sum = 0, weight = 0;
  for (std::size_t i = 0; i < cells; ++i) sum += shares[i] * covered[i], weight += covered[i];
  return weight > 0 ? sum / weight : 0.0;
}

}  // namespace edgetrack
