// A second sensor beside color: where it is displaced, what a pair may lack, and no frame allocates.
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "checks.h"
#include "dice_engine.h"
#include "displacement.h"
#include "edgetrack/multi_tracker.h"
#include "edgetrack/tracker.h"

extern std::atomic<long> allocations;  // in allocations.cpp

constexpr int kWidth = 320, kHeight = 240;
using Pixels = std::vector<std::uint8_t>;

// Rectangles of any gray; the second sensor shows them turned over, `right` and `down` from where color does.
static Pixels scene(int right, int down, bool inverted) {
  std::mt19937 dice(3);
  std::uniform_int_distribution<int> x(-60, kWidth), y(-60, kHeight), extent(8, 60), gray(0, 255);
  Pixels pixels(3 * kWidth * kHeight, 120);
  for (int i = 0; i < 150; ++i) {
    const int left = x(dice) + right, top = y(dice) + down, w = extent(dice), h = extent(dice);
    const int shade = gray(dice);
    for (int row = std::max(top, 0); row < std::min(top + h, kHeight); ++row)
      for (int column = std::max(left, 0); column < std::min(left + w, kWidth); ++column)
        std::memset(pixels.data() + 3 * (row * kWidth + column), inverted ? 255 - shade : shade, 3);
  }
  return pixels;
}

static edgetrack::Frame frame_of(const Pixels& pixels) {
  return {pixels.data(), kWidth, kHeight, 3 * kWidth};
}

static edgetrack::Frame pair_of(const Pixels& color, const Pixels& x) {
  edgetrack::Frame frame = frame_of(color);
  frame.x = x.data(), frame.x_row_bytes = 3 * kWidth;
  return frame;
}

static void displaced() {
  const edgetrack::Region region = {80, 40, 160, 160};
  const Pixels color = scene(0, 0, false), dark(color.size(), 3);
  edgetrack::Work work;
  edgetrack::Displacement displacement;
  const auto is = [&](double x, double y, const char* what) {
    const edgetrack::Region seen = displacement.seen_from(region);
    expect(std::abs(seen.x - region.x - x) < 3 && std::abs(seen.y - region.y - y) < 3, what);
    expect(seen.w == region.w && seen.h == region.h, "the region is as large");
  };
  const auto see = [&](const Pixels& one, const Pixels& two, int frames) {
    for (int i = 0; i < frames; ++i) displacement.see(frame_of(one), frame_of(two), region, work);
  };
  see(color, scene(0, 0, true), 1);
  is(0, 0, "what is aligned stays");
  see(color, scene(20, -12, true), 4);
  is(20, -12, "a displaced picture is found within a few frames");
  see(dark, scene(0, 0, true), 4);
  is(20, -12, "a dark picture says nothing");
  see(color, scene(0, 0, true), 4);
  is(0, 0, "and back again");
}

static void missing(const edgetrack::Model& model) {
  const edgetrack::Box box = {100, 100, 40, 30};
  const Pixels color = scene(0, 0, false), other = scene(0, 0, true);
  const auto engine = std::make_shared<edgetrack::DiceEngine>(7u);
  edgetrack::Model alone = model;
  alone.pairs = false;
  edgetrack::Frame pair = pair_of(color, other);
  expect_error(edgetrack::Code::config, "takes color only",
               [&] { edgetrack::Tracker(engine, alone, {}).start(pair, nullptr, &box); });
  edgetrack::Tracker tracker(engine, model, {});
  edgetrack::Frame crowded = pair;
  crowded.x_row_bytes = 9;
  expect_error(edgetrack::Code::frame, "x has rows 9 bytes apart",
               [&] { tracker.start(crowded, nullptr, &box); });
  tracker.start(pair, nullptr, &box);
  edgetrack::Frame x_alone = pair_of(other, other);
  x_alone.color = false;
  expect(tracker.update(pair).x_share.has_value(), "a pair has a share");
  expect(tracker.update(x_alone).x_share.has_value(), "so has x alone");
  expect(!tracker.update(frame_of(color)).x_share, "color alone has none");
}

// Both pictures change in each frame, and each of them fails now and then.
static void steady(const edgetrack::Model& model) {
  edgetrack::Policy policy;
  policy.max_uncertain_frames = 3, policy.template_update_interval = 2;
  const edgetrack::Box box = {100, 100, 40, 30};
  Pixels color = scene(0, 0, false), other = scene(0, 0, true);
  edgetrack::MultiTracker tracker(std::make_shared<edgetrack::DiceEngine>(7u), model, policy, {});
  for (const char* name : {"a", "b"}) tracker.add(name, nullptr, &box);
  long before = 0;
  for (int i = 0; i < 1200; ++i) {
    if (i == 900) before = allocations;
    color[0] = static_cast<std::uint8_t>(i), other[0] = static_cast<std::uint8_t>(i / 5);
    edgetrack::Frame frame = i % 7 == 3 ? frame_of(color) : pair_of(i % 11 == 5 ? other : color, other);
    frame.color = i % 11 != 5 || !frame.x;
    for (const auto& result : tracker.update(frame))
      expect(result.track && result.track->index == i, "a track in each frame");
  }
  expect(allocations == before, "no allocation after warm-up");
}

int main() {
  edgetrack::Model model = {2.0, 4.0, {127, 127, 127}, {127, 127, 127}, {127, 127, 127}, false, 2.0};
  model.pairs = true;
  displaced();
  missing(model);
  steady(model);
  std::printf("%d failures\n", failures);
  return failures ? 1 : 0;
}
