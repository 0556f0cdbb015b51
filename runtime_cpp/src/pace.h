// Decides in which frames a followed target needs no inference, from the measured cost of the network, the
// motion of the target, and whether anything has changed.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include "clock.h"
#include "edgetrack/tracker.h"
#include "geometry.h"

namespace edgetrack {

// The time by which the result is needed. The clock starts at construction.
class Deadline {
 public:
  // Without a number there is no deadline. Throws Error unless it is positive and finite.
  explicit Deadline(std::optional<double> ms);
  double left_s() const;  // remaining time minus promised work; infinite without a deadline
  void promise(double seconds) { promised_s_ += seconds; }  // other work before the result
  void settle() { promised_s_ = 0; }                        // the promised work is done

 private:
  using Clock = std::chrono::steady_clock;
  const Clock::time_point begun_ = Clock::now();
  const std::optional<double> ms_;
  double promised_s_ = 0;
};

// Throws Error for a frame in GPU memory if static_check needs to compare its pixels on the CPU.
void check_comparable(const Frame& frame, bool static_check);

// The measured time of one network: the median of its last runs, so that a few slow ones do not count.
class Cost {
 public:
  void add(double seconds) { latest_[count_++ % latest_.size()] = seconds; }
  double seconds() const;  // 0 before the first run

 private:
  std::array<double, 9> latest_{};
  std::size_t count_ = 0;
};

// The motion of a box's center at constant velocity: differences of the network's boxes, exponentially
// smoothed.
class Motion {
 public:
  void start(const Box& box, const Clock& clock);  // at rest
  void see(const Box& box, const Clock& clock);
  // Returns the motion from the last frame to this one, in pixels.
  std::pair<double, double> step(const Clock& clock) const {
    return {vx_ * clock.elapsed(), vy_ * clock.elapsed()};
  }
  // Returns the box moved by one step, with the same size; it stops at the frame's border.
  Box ahead(const Box& box, const Frame& frame, const Clock& clock) const;

 private:
  double cx_ = 0, cy_ = 0, vx_ = 0, vy_ = 0;  // pixels, and pixels per clock frame
  double seen_ = 0;                           // time of the last box
};

// A coarse grid of samples of a region as the network last saw it.
class Snapshot {
 public:
  void take(const Frame& frame, const Region& region);
  void clear() { width_ = height_ = 0; }
  // Whether each block of the grid differs by at most `limit` (of 0..255) on average. False before take().
  bool resembles(const Frame& frame, double limit) const;

 private:
  static constexpr int kSide = 64, kBlock = 8;  // samples
  bool block_resembles(const Frame& frame, double limit, int top, int left) const;

  int width_ = 0, height_ = 0;                 // of the frame
  std::array<int, kSide> columns_{}, rows_{};  // positions of the samples, in pixels of the frame
  std::array<std::uint8_t, kSide * kSide * 3> samples_{};
};

class Pace {
 public:
  // The clock must outlive it.
  Pace(const Policy& policy, const Clock& clock) : policy_(policy), clock_(clock) {}

  bool static_check = false;

  // Starts following a target at this box.
  void start(const Box& box);

  // Returns the basis on which a box can be given without inference, or nothing if inference is needed;
  // `last` is the basis of the previous box.
  std::optional<Basis> without_network(const Frame& frame, Basis last, bool late) const;
  void skip() { skipped_ += clock_.elapsed(); }  // call if the network does not run in this frame
  double speed() const;                          // pixels from the last frame to this one
  std::pair<double, double> step() const { return motion_.step(clock_); }
  Box ahead(const Box& box, const Frame& frame) const { return motion_.ahead(box, frame, clock_); }

  // Call after the network has run on `region`; `found` is null if it was too uncertain to move the box.
  void see(const Frame& frame, const Region& region, const Box* found);

 private:
  bool may_skip(int most) const;  // whether one more frame can go without inference

  const Policy policy_;
  const Clock& clock_;
  Motion motion_;
  Snapshot snapshot_;
  double skipped_ = 0;  // clock frames since the network ran
  Box anchor_{};        // where the target came to rest
  int rested_ = 0;      // consecutive runs of the network that found it there
};

}  // namespace edgetrack
