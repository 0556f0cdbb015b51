// Which frames of a followed target may do without the network: what it costs here, how the target moves, and
// whether anything has changed.
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

// When the answer is wanted; the clock runs from the construction.
class Deadline {
 public:
  // Without a number: never. Throws Error unless it is positive and finite.
  explicit Deadline(std::optional<double> ms);
  double left_s() const;                                    // infinite when never; less what is promised
  void promise(double seconds) { promised_s_ += seconds; }  // work of others before the answer

 private:
  using Clock = std::chrono::steady_clock;
  const Clock::time_point begun_ = Clock::now();
  const std::optional<double> ms_;
  double promised_s_ = 0;
};

// Throws Error for a frame in GPU memory when its pixels are to be compared on the CPU.
void check_comparable(const Frame& frame, bool static_check);

// What one network takes here: the median of its last runs, so that a few slow ones do not count.
class Cost {
 public:
  void add(double seconds) { latest_[count_++ % latest_.size()] = seconds; }
  double seconds() const;  // 0 before the first run

 private:
  std::array<double, 9> latest_{};
  std::size_t count_ = 0;
};

// The center of a box at a steady velocity: differences of what the network saw, exponentially smoothed.
class Motion {
 public:
  void start(const Box& box, const Clock& clock);  // at rest
  void see(const Box& box, const Clock& clock);
  // Pixels from the last frame to this one.
  std::pair<double, double> step(const Clock& clock) const {
    return {vx_ * clock.elapsed(), vy_ * clock.elapsed()};
  }
  // That much later, of the same size: it stops at the frame's border rather than leave it.
  Box ahead(const Box& box, const Frame& frame, const Clock& clock) const;

 private:
  double cx_ = 0, cy_ = 0, vx_ = 0, vy_ = 0;  // pixels, and pixels a frame of the clock
  double seen_ = 0;                           // when
};

// A coarse grid of a region as the network last saw it.
class Snapshot {
 public:
  void take(const Frame& frame, const Region& region);
  void clear() { width_ = height_ = 0; }
  // Whether each block of the grid differs by at most `limit` of 0..255 on average. False without a picture.
  bool resembles(const Frame& frame, double limit) const;

 private:
  static constexpr int kSide = 64, kBlock = 8;  // samples
  bool block_resembles(const Frame& frame, double limit, int top, int left) const;

  int width_ = 0, height_ = 0;                 // of the frame
  std::array<int, kSide> columns_{}, rows_{};  // where the samples lie, in pixels of the frame
  std::array<std::uint8_t, kSide * kSide * 3> samples_{};
};

class Pace {
 public:
  // The clock must outlive it.
  Pace(const Policy& policy, const Clock& clock) : policy_(policy), clock_(clock) {}

  bool static_check = false;

  // A target is followed from here on.
  void start(const Box& box);

  // What the box of a tracked target may rest on instead of the network, if on anything; `last` is what the
  // box before rests on.
  std::optional<Basis> without_network(const Frame& frame, Basis last, bool late) const;
  void skip() { skipped_ += clock_.elapsed(); }  // the network does not run in this frame
  double speed() const;                          // pixels from the last frame to this one
  std::pair<double, double> step() const { return motion_.step(clock_); }
  Box ahead(const Box& box, const Frame& frame) const { return motion_.ahead(box, frame, clock_); }

  // The network has run on `region`; without `found` it was too unsure to move the box.
  void see(const Frame& frame, const Region& region, const Box* found);

 private:
  bool may_skip(int most) const;  // one more frame without the network

  const Policy policy_;
  const Clock& clock_;
  Motion motion_;
  Snapshot snapshot_;
  double skipped_ = 0;  // frames of the clock since the network ran
  Box anchor_{};        // where the target came to rest
  int rested_ = 0;      // runs of the network in a row that found it there
};

}  // namespace edgetrack
