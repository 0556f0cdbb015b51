#include "mask.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace edgetrack {

namespace {

constexpr float kNowhere = -20.0f;  // the logit outside the region
constexpr double kOfMask = 0.3;     // weight of the last mask in the search area of the next one

// Converts a frame pixel to a position in the grid of logits, along one axis.
float place_of(int pixel, double origin, double extent, int side) {
  return static_cast<float>((pixel + 0.5 - origin) / extent * side - 0.5);
}

// Returns the range of pixels, first and one past the last, whose centers lie between two positions in the
// grid.
std::pair<int, int> pixels_between(double low, double high, double origin, double extent, int side,
                                   int size) {
  const double first = origin + (low + 0.5) * extent / side - 0.5;
  const double last = origin + (high + 0.5) * extent / side - 0.5;
  const auto bounded = [&](double pixel) { return static_cast<int>(std::clamp(pixel, 0.0, double(size))); };
  return {bounded(std::ceil(first)), bounded(std::floor(last) + 1)};
}

// The nonempty rows and columns; right and bottom are inclusive.
struct Extent {
  int left, top, right, bottom;
  bool empty() const { return right < left; }
};

// Returns the extent of those of width x height values, row by row, for which `holds` is true.
template <typename Value, typename Holds>
Extent extent_where(const Value* values, int width, int height, const Holds& holds) {
  Extent extent = {width, height, -1, -1};
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      if (holds(values[std::ptrdiff_t{y} * width + x])) {
        extent.left = std::min(extent.left, x), extent.right = std::max(extent.right, x);
        extent.top = std::min(extent.top, y), extent.bottom = std::max(extent.bottom, y);
      }
  return extent;
}

bool is_inside(std::uint8_t value) { return value != 0; }

// Computes the fraction of each of side x side cells of a region that a mask of the whole frame covers, from
// 4 x 4 samples per cell.
void shares_of(const std::uint8_t* given, int width, int height, const Region& region, int side, float* out) {
  constexpr int kSharePoints = 4;
  const int fine = side * kSharePoints;
  const auto pixel_at = [&](int sample, double origin) {
    return static_cast<std::ptrdiff_t>(std::floor(origin + (sample + 0.5) * region.w / fine));
  };
  std::fill_n(out, side * side, 0.0f);
  for (int j = 0; j < fine; ++j) {
    const std::ptrdiff_t y = pixel_at(j, region.y);
    if (y < 0 || y >= height) continue;
    for (int i = 0; i < fine; ++i) {
      const std::ptrdiff_t x = pixel_at(i, region.x);
      if (x < 0 || x >= width || !given[y * width + x]) continue;
      out[j / kSharePoints * side + i / kSharePoints] += 1.0f / (kSharePoints * kSharePoints);
    }
  }
}

// Crops the mask to its pixels; empty if there are none.
void shrink(Mask& mask) {
  const auto [left, top, right, bottom] =
      extent_where(mask.inside.data(), mask.width, mask.height, is_inside);
  if (right < left) return mask.clear();
  const std::size_t before = static_cast<std::size_t>(mask.width);
  const std::size_t width = static_cast<std::size_t>(right - left + 1);
  for (int y = top; y <= bottom; ++y)
    std::memmove(mask.inside.data() + static_cast<std::size_t>(y - top) * width,
                 mask.inside.data() + static_cast<std::size_t>(y) * before + static_cast<std::size_t>(left),
                 width);
  mask.x += left, mask.y += top;
  mask.width = right - left + 1, mask.height = bottom - top + 1;
  mask.inside.resize(width * static_cast<std::size_t>(mask.height));
}

}  // namespace

float LogitGrid::at(int x, int y) const {
  const float u = place_of(x, region.x, region.w, side), v = place_of(y, region.y, region.h, side);
  if (u <= -1 || v <= -1 || u >= static_cast<float>(side) || v >= static_cast<float>(side)) return kNowhere;
  const float left = std::floor(u), top = std::floor(v);
  const auto value = [&](float column, float row) {
    const int i = static_cast<int>(column), j = static_cast<int>(row);
    return i < 0 || j < 0 || i >= side || j >= side ? kNowhere : values[j * side + i];
  };
  const float across = u - left, down = v - top;
  const float above = value(left, top) * (1 - across) + value(left + 1, top) * across;
  const float below = value(left, top + 1) * (1 - across) + value(left + 1, top + 1) * across;
  return above * (1 - down) + below * down;
}

void outline(const LogitGrid& logits, int frame_width, int frame_height, Mask& mask,
             std::vector<float>& scratch) {
  mask.clear();
  const Extent extent =
      extent_where(logits.values, logits.side, logits.side, [](float value) { return value > 0; });
  if (extent.empty()) return;
  const Region& region = logits.region;
  const auto [x0, x1] =
      pixels_between(extent.left - 1, extent.right + 1, region.x, region.w, logits.side, frame_width);
  const auto [y0, y1] =
      pixels_between(extent.top - 1, extent.bottom + 1, region.y, region.h, logits.side, frame_height);
  if (x0 >= x1 || y0 >= y1) return;
  mask.inside.reserve(static_cast<std::size_t>(frame_width) * static_cast<std::size_t>(frame_height));
  scratch.reserve(static_cast<std::size_t>(frame_width));  // later frames of this size do not allocate
  mask.x = x0, mask.y = y0, mask.width = x1 - x0, mask.height = y1 - y0;
  mask.frame_width = frame_width, mask.frame_height = frame_height;
  const std::size_t width = static_cast<std::size_t>(mask.width);
  mask.inside.resize(width * static_cast<std::size_t>(mask.height));
  scratch.resize(width);  // a row of the logits, blended from two, is resampled along the columns
  std::vector<float>& places = scratch;
  for (int x = x0; x < x1; ++x)
    places[static_cast<std::size_t>(x - x0)] = place_of(x, region.x, region.w, logits.side);
  const int last = logits.side - 1;
  for (int y = y0; y < y1; ++y) {
    const float v = place_of(y, region.y, region.h, logits.side);
    const float top = std::floor(v), down = v - top;
    const int row = static_cast<int>(top);
    const float* above = row >= 0 && row <= last ? logits.values + row * logits.side : nullptr;
    const float* below = row + 1 >= 0 && row + 1 <= last ? logits.values + (row + 1) * logits.side : nullptr;
    std::uint8_t* out = mask.inside.data() + static_cast<std::size_t>(y - y0) * width;
    for (std::size_t i = 0; i < width; ++i) {
      const float u = places[i], left = std::floor(u), across = u - left;
      const int column = static_cast<int>(left);
      const auto blended = [&](int at) {
        if (at < 0 || at > last) return kNowhere;
        return (above ? above[at] : kNowhere) * (1 - down) + (below ? below[at] : kNowhere) * down;
      };
      out[i] = blended(column) * (1 - across) + blended(column + 1) * across > 0;
    }
  }
  shrink(mask);
}

Masker::Masker(Engine& engine, const Model& model) : factor_(model.mask_factor) {
  if (!(factor_ > 0))
    throw Error(
        Code::config,
        "this model has no graph 'mask', so it cannot compute masks; open a model that has one, such as "
        "edgetrack-256, or export this model again with --masks");
  const GraphSpec graph = engine.graph("mask");
  const auto input = [&](const char* tensor) { return Tensor::zeros(named(graph.inputs, tensor)); };
  const auto output = [&](const char* tensor) { return Tensor::zeros(named(graph.outputs, tensor)); };
  image_ = input("image"), target_ = input("target"), keys_ = input("keys"), values_ = input("values");
  known_ = input("known"), given_ = input("given"), trust_ = input("trust");
  logits_ = output("logits"), key_ = output("key"), value_ = output("value");
  call_ =
      engine.bind("mask", {image_, target_, keys_, values_, known_, given_, trust_}, {logits_, key_, value_});
}

void Masker::forget() {
  known_.floats()[0] = known_.floats()[1] = 0.0f;
  clear();
}

void Masker::run(const Frame& frame, const Box& box, const Colors& colors, Work& work) {
  region_ = region_around(box, factor_);
  target_share(box, region_, static_cast<int>(target_.spec.shape[3]), target_.floats());
  work.look(*call_, image_, frame, region_, colors);
}

void Masker::see(const Frame& frame, const Box& box, const Colors& colors, bool renew, Work& work) {
  const double before_s = work.timing.crop_s + work.timing.network_s;
  run(frame, box, colors, work);
  cost.add(work.timing.crop_s + work.timing.network_s - before_s);
  outline(logits(), frame.width, frame.height, mask_, scratch_);
  if (keeps_logits_ && !mask_.empty()) {
    const float* values = logits_.floats();
    mask_.logits.values.assign(values, values + logits_.spec.count());
    mask_.logits.side = logits().side;
    mask_.logits.region = {region_.x, region_.y, region_.w, region_.h};
  }
  if (renew && !mask_.empty()) remember(known_.floats()[0] > 0 ? 1 : 0);
}

Box Masker::extent_of(const std::uint8_t* given, int frame_width, int frame_height) {
  const auto [left, top, right, bottom] = extent_where(given, frame_width, frame_height, is_inside);
  if (right < left)
    throw Error(Code::box, "the mask has no pixel of the target; expected nonzero values on it");
  return {double(left), double(top), double(right - left + 1), double(bottom - top + 1)};
}

void Masker::learn(const Frame& frame, const Box& box, const Colors& colors, const std::uint8_t* given,
                   Work& work) {
  shares_of(given, frame.width, frame.height, region_around(box, factor_),
            static_cast<int>(given_.spec.shape[3]), given_.floats());
  trust_.floats()[0] = 1.0f;
  run(frame, box, colors, work);
  trust_.floats()[0] = 0.0f;
  std::fill_n(given_.floats(), given_.spec.count(), 0.0f);
  known_.floats()[0] = known_.floats()[1] = 0.0f;
  remember(0);
  mask_ = {0, 0, frame.width, frame.height, {}, frame.width, frame.height, {}};
  mask_.inside.resize(static_cast<std::size_t>(frame.width) * static_cast<std::size_t>(frame.height));
  std::transform(given, given + mask_.inside.size(), mask_.inside.begin(),
                 [](std::uint8_t v) { return v != 0; });
  shrink(mask_);
}

Box Masker::expected(const Box& before, const Box& now) const {
  if (mask_.empty()) return now;
  const double dx = now.x + now.w / 2 - before.x - before.w / 2;
  const double dy = now.y + now.h / 2 - before.y - before.h / 2;
  const auto mixed = [](double box, double mask) { return box + kOfMask * (mask - box); };
  return {mixed(now.x, mask_.x + dx), mixed(now.y, mask_.y + dy), mixed(now.w, mask_.width),
          mixed(now.h, mask_.height)};
}

void Masker::shift(const Box& from, const Box& to, const Frame& frame) {
  if (mask_.empty()) return;
  const int dx = static_cast<int>(std::lround(to.x + to.w / 2 - from.x - from.w / 2));
  const int dy = static_cast<int>(std::lround(to.y + to.h / 2 - from.y - from.h / 2));
  mask_.x += dx, mask_.y += dy;
  region_.x += dx, region_.y += dy;  // part() compares logits in this region
  if (mask_.logits.side > 0) mask_.logits.region.x += dx, mask_.logits.region.y += dy;
  for (int y = 0; y < mask_.height; ++y)  // pixels outside the frame are dropped
    for (int x = 0; x < mask_.width; ++x)
      if (mask_.x + x < 0 || mask_.y + y < 0 || mask_.x + x >= frame.width || mask_.y + y >= frame.height)
        mask_.pixel(mask_.x + x, mask_.y + y) = 0;
  mask_.frame_width = frame.width, mask_.frame_height = frame.height;
  shrink(mask_);
}

// The memory's slots are contiguous.
void Masker::remember(std::size_t slot) {
  std::memcpy(keys_.floats() + slot * key_.spec.count(), key_.floats(), key_.spec.bytes());
  std::memcpy(values_.floats() + slot * value_.spec.count(), value_.floats(), value_.spec.bytes());
  known_.floats()[slot] = 1.0f;
}

void part(Masker& one, Masker& two) {
  Mask &first = one.mask_, &second = two.mask_;
  const LogitGrid of_first = one.logits(), of_second = two.logits();
  const int left = std::max(first.x, second.x),
            right = std::min(first.x + first.width, second.x + second.width);
  const int top = std::max(first.y, second.y),
            bottom = std::min(first.y + first.height, second.y + second.height);
  for (int y = top; y < bottom; ++y)
    for (int x = left; x < right; ++x) {
      std::uint8_t &mine = first.pixel(x, y), &theirs = second.pixel(x, y);
      if (mine && theirs) (of_first.at(x, y) >= of_second.at(x, y) ? theirs : mine) = 0;
    }
  shrink(first);
  shrink(second);
}

void Masker::warm_up(Work& work) { work.run(*call_); }

LogitGrid Masker::logits() const {
  return {logits_.floats(), static_cast<int>(logits_.spec.shape[3]), region_};
}

}  // namespace edgetrack
