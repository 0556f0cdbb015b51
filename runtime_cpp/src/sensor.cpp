#include "sensor.h"

#include <algorithm>
#include <cstring>

namespace edgetrack {

namespace {

constexpr int kFrozenFrames = 3;       // in a row with the same bytes
constexpr float kBlankRange = 0.016f;  // of a crop's values, where a gray level is 1 / 127.5
constexpr int kSampledRows = 48, kSampledColumns = 64;

Frame second_of(const Frame& frame) { return {frame.x, frame.width, frame.height, frame.x_row_bytes}; }

// Of a grid of pixels (FNV-1a).
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

// A picture that shows something does so within its first pixels, as a rule.
bool blank(const Tensor& image) {
  const float* values = image.floats();
  float least = values[0], most = values[0];
  return std::all_of(values, values + image.spec.count(), [&](float value) {
    least = std::min(least, value), most = std::max(most, value);
    return most - least < kBlankRange;
  });
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
  return color || second ? Present{color, second} : Present{true, true};  // nothing at all moves
}

void PairInputs::fill(const Tensor& image, const Frame& frame, const Region& region, const Colors& colors,
                      Present live, Work& work) const {
  const std::array<const Tensor*, 2> pictures = {&image, &x};
  const std::array<Frame, 2> frames = {frame, second_of(frame)};
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    if (live[i])
      work.crop_into(*pictures[i], frames[i], region, colors);
    else
      std::memset(pictures[i]->data.get(), 0, pictures[i]->spec.bytes());
  }
  const Present shows = {live[0] && !blank(image), live[1] && !blank(x)};
  const Present& there = shows[0] || shows[1] ? shows : live;
  for (std::size_t i = 0; i < there.size(); ++i) present.floats()[i] = there[i] ? 1.0f : 0.0f;
}

double share_within(const float* shares, const float* covered, std::size_t cells) {
  double sum = 0, weight = 0;
  for (std::size_t i = 0; i < cells; ++i) sum += shares[i] * covered[i], weight += covered[i];
  return weight > 0 ? sum / weight : 0.0;
}

}  // namespace edgetrack
