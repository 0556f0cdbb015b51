#include "contrast.h"

#include <algorithm>
#include <cmath>

namespace edgetrack {

namespace {

constexpr int kBlockSide = 8;        // side of a block in pixels, whose mean hardly contains noise
constexpr int kBlocksAcross = 16;    // the same for whole frames, as a fraction of the image's side
constexpr int kLeastBlocks = 16;     // minimum number of blocks
constexpr float kFaded = 3;          // loss of contrast, as a factor, from which it is restored
constexpr float kPoor = 12;          // contrast below which it is restored, in gray levels
constexpr float kMostGain = 32;      // maximum gain
constexpr float kNoContrast = 1;     // contrast of an image that shows nothing, in gray levels
constexpr double kTolerated = 8;     // noise that the network tolerates, in gray levels; more is smoothed
constexpr double kWidestFilter = 4;  // maximum standard deviation of the filter, in pixels

int side_of(const Tensor& image) { return static_cast<int>(image.spec.shape[3]); }

}  // namespace

Contrast::Area Contrast::inside(const Frame& frame, const Region& region, int side) {
  const auto first = [&](double origin, double extent) {
    return static_cast<int>(std::clamp(std::ceil(-origin / extent * side), 0.0, double(side)));
  };
  const auto end = [&](double origin, double extent, int size) {
    return static_cast<int>(std::clamp(std::floor((size - origin) / extent * side), 0.0, double(side)));
  };
  return {first(region.x, region.w), first(region.y, region.h), end(region.x, region.w, frame.width),
          end(region.y, region.h, frame.height)};
}

std::optional<Contrast::Measured> Contrast::measure(const Tensor& image, const Area& area, int block,
                                                    const Colors& colors) {
  const int side = side_of(image);
  std::array<double, 3> sums{};
  double total = 0, squares = 0;
  int blocks = 0;
  const auto pixels = static_cast<float>(block * block);
  for (int y = area.top; y + block <= area.bottom; y += block)
    for (int x = area.left; x + block <= area.right; x += block) {
      float level = 0;
      for (std::size_t c = 0; c < 3; ++c) {
        const float* line = image.floats() + (static_cast<int>(c) * side + y) * side + x;
        float sum = 0;
        for (int row = 0; row < block; ++row, line += side)
          for (int i = 0; i < block; ++i) sum += line[i];
        sums[c] += sum / pixels;
        level += sum / pixels / colors.scale[c] / 3;
      }
      total += level, squares += static_cast<double>(level) * level, ++blocks;
    }
  if (blocks < kLeastBlocks) return std::nullopt;
  Measured found{};
  for (std::size_t c = 0; c < 3; ++c) found.mean[c] = static_cast<float>(sums[c] / blocks);
  const double mean = total / blocks;
  found.spread = static_cast<float>(std::sqrt(std::max(squares / blocks - mean * mean, 0.0)));
  return found;
}

// Returns the standard deviation of the noise in green (Immerkaer, CVIU 1996). `step` is the distance in
// pixels of the crop between neighbors in the frame.
double Contrast::noise(const Tensor& image, const Area& area, int step) {
  const int side = side_of(image);
  const float* green = image.floats() + side * side;
  double sum = 0;
  int count = 0;
  for (int y = area.top + step; y + step < area.bottom; ++y) {
    const float* row = green + y * side;
    const float *above = row - step * side, *below = row + step * side;
    float edges = 0;
    for (int x = area.left + step; x + step < area.right; ++x, ++count)
      edges += std::abs(above[x - step] + above[x + step] + below[x - step] + below[x + step] + 4 * row[x] -
                        2 * (above[x] + below[x] + row[x - step] + row[x + step]));
    sum += edges;
  }
  return count ? std::sqrt(std::acos(-1.0) / 2) / 6 * sum / count : 0.0;
}

// Sets the weights of a Gaussian filter.
void Contrast::set_filter(double sigma) {
  radius_ = std::min(static_cast<int>(std::ceil(2.5 * sigma)), kRadius);
  float sum = 0;
  for (int i = -radius_; i <= radius_; ++i)
    sum += weights_[static_cast<std::size_t>(i + radius_)] =
        i ? static_cast<float>(std::exp(-i * i / (2 * sigma * sigma))) : 1.0f;
  for (float& weight : weights_) weight /= sum;
}

void Contrast::learn(const Tensor& image, const Frame& frame, const Region& region, const Colors& colors) {
  side_ = side_of(image);
  template_ = measure(image, inside(frame, region, side_), kBlockSide, colors);
}

void Contrast::learn_everywhere(const Tensor& image, const Frame& frame, const Region& region,
                                const Colors& colors) {
  const Part part = whole(image, frame, region);
  whole_ = measure(image, part.counted, part.block, colors);
}

Contrast::Part Contrast::whole(const Tensor& image, const Frame& frame, const Region& region) {
  const Area area = inside(frame, region, side_of(image));
  return {area, area, std::max(1, side_of(image) / kBlocksAcross)};
}

bool Contrast::restore(const Tensor& image, const Frame& frame, const Region& region, const Colors& colors) {
  const int side = side_of(image), margin = std::max(side - side_, 0) / 2;
  const Area area = inside(frame, region, side);
  const Area near = {std::max(area.left, margin), std::max(area.top, margin),
                     std::min(area.right, side - margin), std::min(area.bottom, side - margin)};
  return restore(image, {area, near, kBlockSide}, region, template_, colors);
}

bool Contrast::restore_everywhere(const Tensor& image, const Frame& frame, const Region& region,
                                  const Colors& colors) {
  return restore(image, whole(image, frame, region), region, whole_, colors);
}

bool Contrast::restore(const Tensor& image, const Part& part, const Region& region,
                       const std::optional<Measured>& before, const Colors& colors) {
  if (!before) return false;
  const int side = side_of(image);
  const std::optional<Measured> now = measure(image, part.counted, part.block, colors);
  plane_.resize(static_cast<std::size_t>(side) * static_cast<std::size_t>(side));  // allocates once
  line_.resize(static_cast<std::size_t>(side + 2 * kRadius));
  if (!now || now->spread < kNoContrast || now->spread > std::min(kPoor, before->spread / kFaded))
    return false;
  const int step = std::max(1, static_cast<int>(std::lround(side / region.w)));
  const double noisy = noise(image, part.counted, step) / colors.scale[1];
  if (now->spread < noisy * step / part.block) return false;  // noise alone has as much: nothing is left
  const float gain = std::min(before->spread / now->spread, kMostGain);
  // White noise is reduced by 2 * sqrt(pi) * sigma.
  const double sigma = gain * noisy * step / kTolerated / (2 * std::sqrt(std::acos(-1.0)));
  set_filter(std::min(sigma, kWidestFilter));
  const Area& area = part.area;
  for (std::size_t c = 0; c < 3; ++c) {
    float* plane = image.floats() + static_cast<int>(c) * side * side;
    smooth(plane, side, area);
    const float black = colors.shift[c], white = 255 * colors.scale[c] + colors.shift[c];
    for (int y = area.top; y < area.bottom; ++y)
      for (int x = area.left; x < area.right; ++x) {
        float& value = plane[y * side + x];
        value = std::clamp(before->mean[c] + gain * (value - now->mean[c]), black, white);
      }
  }
  return true;
}

// A separable Gaussian filter; the border of the area is repeated.
void Contrast::smooth(float* plane, int side, const Area& area) {
  const int width = area.right - area.left;
  for (int y = area.top; y < area.bottom; ++y) {
    const float* row = plane + y * side + area.left;
    for (int i = 0; i < width + 2 * radius_; ++i)
      line_[static_cast<std::size_t>(i)] = row[std::clamp(i - radius_, 0, width - 1)];
    float* out = plane_.data() + y * side + area.left;
    std::fill_n(out, width, 0.0f);
    for (int k = 0; k <= 2 * radius_; ++k) {
      const float weight = weights_[static_cast<std::size_t>(k)], *from = line_.data() + k;
      for (int x = 0; x < width; ++x) out[x] += weight * from[x];
    }
  }
  for (int y = area.top; y < area.bottom; ++y) {
    float* out = plane + y * side + area.left;
    std::fill_n(out, width, 0.0f);
    for (int k = -radius_; k <= radius_; ++k) {
      const int from = std::clamp(y + k, area.top, area.bottom - 1);
      const float weight = weights_[static_cast<std::size_t>(k + radius_)];
      const float* row = plane_.data() + from * side + area.left;
      for (int x = 0; x < width; ++x) out[x] += weight * row[x];
    }
  }
}

}  // namespace edgetrack
