#include "displacement.h"

#include <algorithm>
#include <cmath>

namespace edgetrack {

namespace {

constexpr int kLocal = 6;        // cells on each side over which edge strength is normalized
constexpr float kFaintest = 2;   // levels: weaker edges are noise
constexpr float kLatest = 0.5f;  // weight of a frame in the mean
// Minimum correlation of a shift, and its minimum lead over the current shift and over any other distant one.
// Chosen on synthetic pairs and on real pairs of color and thermal images.
constexpr float kClear = 0.45f, kBetter = 0.25f, kAlone = 0.05f;
constexpr int kSamePeak = 3;  // cells around a peak that belong to it

const Colors kLevels = {{1, 1, 1}, {0, 0, 0}, {0, 0, 0}};

// Hann window, which gives weight to what is near the target.
template <std::size_t size>
std::array<float, size> window() {
  std::array<float, size> weights;
  const double step = 2 * std::acos(-1.0) / (size + 1);
  for (std::size_t i = 0; i < size; ++i)
    weights[i] = static_cast<float>(0.5 - 0.5 * std::cos(step * static_cast<double>(i + 1)));
  return weights;
}

// Returns the largest value of a square map within `reach` cells of a cell.
float largest_near(const float* map, int side, int row, int column, int reach) {
  float most = -1;
  for (int y = std::max(row - reach, 0); y <= std::min(row + reach, side - 1); ++y)
    for (int x = std::max(column - reach, 0); x <= std::min(column + reach, side - 1); ++x)
      most = std::max(most, map[y * side + x]);
  return most;
}

// Returns the largest value outside that neighborhood.
float largest_beyond(const float* map, int side, int row, int column, int reach) {
  float most = -1;
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x)
      if (std::abs(y - row) > reach || std::abs(x - column) > reach) most = std::max(most, map[y * side + x]);
  return most;
}

}  // namespace

void Displacement::see(const Frame& color, const Frame& second, const Region& region, Work& work) {
  const Stopwatch watch(work.timing.crop_s);
  if (!buffers_) buffers_ = std::make_shared<Buffers>();
  Buffers& with = *buffers_;
  find_edges(color, region, with.color, work);
  find_edges(second, region, with.second, work);
  correlate(with);
  for (std::size_t i = 0; i < with.mean.size(); ++i)
    with.mean[i] = has_mean_ ? with.mean[i] + kLatest * (with.now[i] - with.mean[i]) : with.now[i];
  has_mean_ = true;
  decide(with.mean, region.w / kSide);
}

// Computes the gradient magnitude divided by its local mean around each cell.
void Displacement::find_edges(const Frame& frame, const Region& region, Edges& edges, Work& work) {
  constexpr int fine = 2 * kSide;
  Buffers& with = *buffers_;
  crop(frame, region, kLevels, fine, fine, with.picture.data(), work.scratch);
  with.gray.fill(0);
  for (std::size_t i = 0; i < with.picture.size(); ++i) {
    const std::size_t y = i / fine % fine, x = i % fine;
    with.gray[y / 2 * kSide + x / 2] += with.picture[i] / 12;
  }
  const auto at = [&](int y, int x) {
    return with
        .gray[static_cast<std::size_t>(std::clamp(y, 0, kSide - 1) * kSide + std::clamp(x, 0, kSide - 1))];
  };
  constexpr int stride = kSide + 1;
  with.sums.fill(0);  // summed-area table
  for (int y = 0; y < kSide; ++y)
    for (int x = 0; x < kSide; ++x) {
      float& here = edges[static_cast<std::size_t>(y * kSide + x)];
      here = 4 * std::hypot(at(y, x + 1) - at(y, x - 1), at(y + 1, x) - at(y - 1, x));
      float* sum = with.sums.data() + (y + 1) * stride + x + 1;
      *sum = here + sum[-1] + sum[-stride] - sum[-stride - 1];
    }
  for (int y = 0; y < kSide; ++y)
    for (int x = 0; x < kSide; ++x) {
      const int top = std::max(y - kLocal, 0), bottom = std::min(y + kLocal + 1, kSide);
      const int left = std::max(x - kLocal, 0), right = std::min(x + kLocal + 1, kSide);
      const float* sums = with.sums.data();
      const float around = sums[bottom * stride + right] - sums[top * stride + right] -
                           sums[bottom * stride + left] + sums[top * stride + left];
      const auto cells = static_cast<float>((bottom - top) * (right - left));
      edges[static_cast<std::size_t>(y * kSide + x)] /= around / cells + kFaintest;
    }
}

// Computes the correlation coefficient of the color window with the second image at each shift, with Hann
// weights.
void Displacement::correlate(Buffers& with) {
  static const std::array<float, kWindow> hann = window<kWindow>();
  const auto weight = [&](int y, int x) {
    return hann[static_cast<std::size_t>(y)] * hann[static_cast<std::size_t>(x)];
  };
  const auto color = [&](int y, int x) {
    return with.color[static_cast<std::size_t>((y + kReach) * kSide + x + kReach)];
  };
  float weights = 0, mean = 0, variance = 0;
  for (int y = 0; y < kWindow; ++y)
    for (int x = 0; x < kWindow; ++x) weights += weight(y, x), mean += weight(y, x) * color(y, x);
  mean /= weights;
  for (int dy = 0; dy < kShifts; ++dy) {
    std::array<float, kShifts> both{}, sum{}, squares{};
    for (int y = 0; y < kWindow; ++y)
      for (int x = 0; x < kWindow; ++x) {
        const float w = weight(y, x), apart = w * (color(y, x) - mean);
        if (dy == 0) variance += apart * (color(y, x) - mean);
        const float* other = with.second.data() + (y + dy) * kSide + x;
        for (std::size_t dx = 0; dx < kShifts; ++dx) {
          both[dx] += apart * other[dx];
          sum[dx] += w * other[dx];
          squares[dx] += w * other[dx] * other[dx];
        }
      }
    for (std::size_t dx = 0; dx < kShifts; ++dx) {
      const float spread = std::max(squares[dx] - sum[dx] * sum[dx] / weights, 1e-3f);
      with.now[static_cast<std::size_t>(dy * kShifts) + dx] =
          both[dx] / std::sqrt(std::max(variance, 1e-3f) * spread);
    }
  }
}

void Displacement::decide(const Map& mean, double cell) {
  const auto best = static_cast<int>(std::max_element(mean.begin(), mean.end()) - mean.begin());
  const int row = best / kShifts, column = best % kShifts;
  const auto cells = [&](double pixels) {
    return kReach + static_cast<int>(std::clamp(std::round(pixels / cell), -double(kReach), double(kReach)));
  };
  const float peak = mean[static_cast<std::size_t>(best)];
  const float present = largest_near(mean.data(), kShifts, cells(y_), cells(x_), 1);
  const float other = largest_beyond(mean.data(), kShifts, row, column, kSamePeak);
  if (peak < kClear || peak - present < kBetter || peak - other < kAlone) return;
  x_ = (column - kReach) * cell;
  y_ = (row - kReach) * cell;
}

}  // namespace edgetrack
