#include "pace.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "message.h"

namespace edgetrack {

namespace {

constexpr double kAgility = 0.5;  // weight of the latest measurement in the new velocity
constexpr double kSlowest = 2;  // longest single skipped frame, relative to all that may be skipped in a row

}  // namespace

Deadline::Deadline(std::optional<double> ms) : ms_(ms) {
  if (ms && !(std::isfinite(*ms) && *ms > 0))
    throw Error(Code::config,
                message("deadline_ms is ", *ms,
                        "; expected a positive number of milliseconds, or none for no deadline"));
}

double Deadline::left_s() const {
  if (!ms_) return std::numeric_limits<double>::infinity();
  return *ms_ / 1e3 - std::chrono::duration<double>(Clock::now() - begun_).count() - promised_s_;
}

void check_comparable(const Frame& frame, bool static_check) {
  if (static_check && frame.place == Place::gpu)
    throw Error(
        Code::config,
        "static_check compares pixels of the frame on the CPU, but this frame is in GPU memory; create "
        "the tracker without static_check, or pass frames in host memory");
}

double Cost::seconds() const {
  const std::size_t known = std::min(count_, latest_.size());
  if (known == 0) return 0;
  std::array<double, 9> sorted = latest_;
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>((known - 1) / 2);
  std::nth_element(sorted.begin(), middle, sorted.begin() + static_cast<std::ptrdiff_t>(known));
  return *middle;
}

void Motion::start(const Box& box, const Clock& clock) {
  cx_ = box.x + box.w / 2, cy_ = box.y + box.h / 2;
  vx_ = vy_ = 0;
  seen_ = clock.now();
}

void Motion::see(const Box& box, const Clock& clock) {
  const double cx = box.x + box.w / 2, cy = box.y + box.h / 2;
  const double frames = std::max(clock.now() - seen_, clock.elapsed());
  vx_ += kAgility * ((cx - cx_) / frames - vx_);
  vy_ += kAgility * ((cy - cy_) / frames - vy_);
  cx_ = cx, cy_ = cy, seen_ = clock.now();
}

Box Motion::ahead(const Box& box, const Frame& frame, const Clock& clock) const {
  const auto [dx, dy] = step(clock);
  const auto slide = [](double at, double step, double extent, double size) {
    return std::clamp(at + step, std::min(0.0, at), std::max(size - extent, at));
  };
  return {slide(box.x, dx, box.w, frame.width), slide(box.y, dy, box.h, frame.height), box.w, box.h};
}

void Snapshot::take(const Frame& frame, const Region& region) {
  width_ = frame.width, height_ = frame.height;
  for (std::size_t i = 0; i < kSide; ++i) {
    const double share = (static_cast<double>(i) + 0.5) / kSide;
    // Samples outside the frame repeat its border.
    columns_[i] = static_cast<int>(std::clamp(std::floor(region.x + share * region.w), 0.0, width_ - 1.0));
    rows_[i] = static_cast<int>(std::clamp(std::floor(region.y + share * region.w), 0.0, height_ - 1.0));
  }
  std::uint8_t* out = samples_.data();
  for (const int y : rows_)
    for (const int x : columns_) out = std::copy_n(frame.bgr + y * frame.row_bytes + 3 * x, 3, out);
}

bool Snapshot::resembles(const Frame& frame, double limit) const {
  if (frame.width != width_ || frame.height != height_) return false;
  for (int top = 0; top < kSide; top += kBlock)
    for (int left = 0; left < kSide; left += kBlock)
      if (!block_resembles(frame, limit, top, left)) return false;
  return true;
}

bool Snapshot::block_resembles(const Frame& frame, double limit, int top, int left) const {
  int sum = 0;
  for (int j = top; j < top + kBlock; ++j) {
    const std::uint8_t* row = frame.bgr + rows_[static_cast<std::size_t>(j)] * frame.row_bytes;
    const std::uint8_t* then = samples_.data() + 3 * (j * kSide + left);
    for (int i = left; i < left + kBlock; ++i)
      for (int c = 0; c < 3; ++c)
        sum += std::abs(row[3 * columns_[static_cast<std::size_t>(i)] + c] - *then++);
  }
  return sum <= limit * (kBlock * kBlock * 3);
}

double Pace::speed() const {
  const auto [dx, dy] = step();
  return std::sqrt(dx * dx + dy * dy);
}

void Pace::start(const Box& box) {
  motion_.start(box, clock_);
  snapshot_.clear();
  anchor_ = box;
  skipped_ = rested_ = 0;
}

// With a slow camera, one frame may be skipped although it lasts longer than the total that may be skipped.
bool Pace::may_skip(int most) const {
  return skipped_ + clock_.elapsed() <= (skipped_ > 0 ? 1 : kSlowest) * most;
}

std::optional<Basis> Pace::without_network(const Frame& frame, Basis last, bool late) const {
  const bool still = static_check && last != Basis::coasted && rested_ >= policy_.static_min_runs;
  if (still && may_skip(policy_.max_reused_frames) && snapshot_.resembles(frame, policy_.static_max_diff))
    return Basis::reused;
  if (late && may_skip(policy_.max_coasted_frames)) return Basis::coasted;
  return std::nullopt;
}

void Pace::see(const Frame& frame, const Region& region, const Box* found) {
  skipped_ = 0;
  if (found && iou(anchor_, *found) >= policy_.static_iou) {
    ++rested_;
  } else {
    rested_ = 0;
    if (found) anchor_ = *found;
  }
  if (found) motion_.see(*found, clock_);
  if (static_check) snapshot_.take(frame, region);
}

}  // namespace edgetrack
