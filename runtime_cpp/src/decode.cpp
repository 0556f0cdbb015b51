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

// The ratio of two sizes, the larger over the smaller: 1 = equal.
float change(float value, float reference) {
  const float ratio = value / reference;
  return std::max(ratio, 1.0f / ratio);
}

int best_cell(const Maps& maps, const Prior* prior) {
  const int count = maps.cells * maps.cells;
  const float *width = maps.size, *height = maps.size + count;
  const float side = prior ? static_cast<float>(std::sqrt(prior->w * prior->h)) : 1.0f;
  const float aspect = prior ? static_cast<float>(prior->w / prior->h) : 1.0f;
  const float penalty = prior ? static_cast<float>(-prior->penalty) : 0.0f;
  const float kept = prior ? static_cast<float>(1.0 - prior->influence) : 1.0f;
  const float mixed = prior ? static_cast<float>(prior->influence) : 0.0f;
  int best = 0;
  float highest = -std::numeric_limits<float>::infinity();
  for (int i = 0; i < count; ++i) {
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

}  // namespace

Prediction decode(const Maps& maps, const Prior* prior) {
  const int cell = best_cell(maps, prior), count = maps.cells * maps.cells;
  const int row = cell / maps.cells, column = cell % maps.cells;
  const double dx = maps.offset[cell], dy = maps.offset[count + cell];
  const Prediction found = {
      {(column + 0.5 + dx) / maps.cells, (row + 0.5 + dy) / maps.cells, static_cast<double>(maps.size[cell]),
       static_cast<double>(maps.size[count + cell])},
      static_cast<double>(maps.score[cell]),
      static_cast<double>(*maps.presence),
      static_cast<double>(maps.quality[cell])};
  const double sum = found.share.cx + found.share.cy + found.share.w + found.share.h;
  if (!std::isfinite(sum + found.peak + found.presence + found.quality))
    throw Error(Code::bundle, message("the network gave a box of ", found.share.w, " x ", found.share.h,
                                      " with score ", found.peak, " and presence ", found.presence,
                                      "; expected finite numbers: export the bundle again"));
  return found;
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
