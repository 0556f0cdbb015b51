#include "decode.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "message.h"

namespace edgetrack {

std::vector<float> hann_window(int cells) {
  const double pi = std::acos(-1.0);
  std::vector<double> line;
  for (int i = 1; i <= cells; ++i)
    line.push_back(0.5 + 0.5 * std::cos(pi * (2 * i - cells - 1) / (cells + 1)));
  std::vector<float> window;
  for (const double a : line)
    for (const double b : line) window.push_back(static_cast<float>(a * b));
  return window;
}

namespace {

// Returns the ratio of two sizes, the larger over the smaller: 1 = equal.
float change(float value, float reference) {
  const float ratio = value / reference;
  return std::max(ratio, 1.0f / ratio);
}

constexpr double kMaxOverlap = 1.0 / 3;  // IoU below which two boxes are two places

Share share_of(const Maps& maps, int cell) {
  const int count = maps.cells * maps.cells, row = cell / maps.cells, column = cell % maps.cells;
  const double dx = maps.offset[cell], dy = maps.offset[count + cell];
  return {(column + 0.5 + dx) / maps.cells, (row + 0.5 + dy) / maps.cells,
          static_cast<double>(maps.size[cell]), static_cast<double>(maps.size[count + cell])};
}

// Returns -1 if `allowed` accepts no cell.
template <typename Allowed>
int best_cell(const Maps& maps, const Prior* prior, const Allowed& allowed) {
  const int count = maps.cells * maps.cells;
  const float *width = maps.size, *height = maps.size + count;
  const float side = prior ? static_cast<float>(std::sqrt(prior->w * prior->h)) : 1.0f;
  const float aspect = prior ? static_cast<float>(prior->w / prior->h) : 1.0f;
  const float penalty = prior ? static_cast<float>(-prior->penalty) : 0.0f;
  const float kept = prior ? static_cast<float>(1.0 - prior->influence) : 1.0f;
  const float mixed = prior ? static_cast<float>(prior->influence) : 0.0f;
  int best = -1;
  float highest = -std::numeric_limits<float>::infinity();
  for (int i = 0; i < count; ++i) {
    if (!allowed(i)) continue;
    float rank = maps.score[i];
    if (prior) {
      const float shape =
          change(std::sqrt(width[i] * height[i]), side) * change(width[i] / height[i], aspect);
      rank = rank * std::exp(penalty * (shape - 1.0f));
      rank = rank * kept + prior->window[i] * mixed;
    }
    if (rank > highest) best = i, highest = rank;
  }
  return best;
}

Prediction prediction_of(const Maps& maps, int cell) {
  const Prediction found = {share_of(maps, cell), static_cast<double>(maps.score[cell]),
                            static_cast<double>(*maps.presence), static_cast<double>(maps.quality[cell])};
  const double sum = found.share.cx + found.share.cy + found.share.w + found.share.h;
  if (!std::isfinite(sum + found.peak + found.presence + found.quality))
    throw Error(Code::bundle, message("the network gave a box of ", found.share.w, " x ", found.share.h,
                                      " with score ", found.peak, " and presence ", found.presence,
                                      "; expected finite numbers: export the bundle again"));
  return found;
}

}  // namespace

Prediction decode(const Maps& maps, const Prior* prior) {
  const int best = best_cell(maps, prior, [](int) { return true; });
  return prediction_of(maps, std::max(best, 0));  // if all ranks are NaN, prediction_of() reports the cell
}

std::optional<Prediction> decode_apart(const Maps& maps, const Prior* prior, const Region& region,
                                       const Box* others, std::size_t count) {
  const int best = best_cell(maps, prior, [&](int cell) {
    const Box box = from_region(region, share_of(maps, cell));
    return std::all_of(others, others + count,
                       [&](const Box& other) { return iou(box, other) < kMaxOverlap; });
  });
  if (best < 0) return std::nullopt;
  return prediction_of(maps, best);
}

float quality_within(const Maps& maps, const Box& box, const Region& region) {
  const double last = maps.cells - 1;
  const auto cells = [&](double from, double extent, double origin) {
    const double low = (from - origin) / region.w * maps.cells - 1.5;
    const double high = low + extent / region.w * maps.cells + 2.0;
    const int first = static_cast<int>(std::min(std::max(std::ceil(low), 0.0), last));
    const int end = static_cast<int>(std::min(std::max(std::floor(high), 0.0), last));
    return std::pair<int, int>(first, std::max(first, end));
  };
  const auto [top, bottom] = cells(box.y, box.h, region.y);
  const auto [left, right] = cells(box.x, box.w, region.x);
  int best = top * maps.cells + left;
  for (int row = top; row <= bottom; ++row)
    for (int column = left; column <= right; ++column)
      if (maps.score[row * maps.cells + column] > maps.score[best]) best = row * maps.cells + column;
  return maps.quality[best];
}

double confidence(const Prediction& prediction) { return prediction.quality * prediction.presence; }

}  // namespace edgetrack
