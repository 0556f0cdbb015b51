// A second sensor beside color: where it is displaced, what a pair may lack, and no frame allocates.
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "checks.h"
#include "contrast.h"
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

// Thick smoke: hardly any of a picture's light comes through.
static Pixels smoked(const Pixels& pixels) {
  std::mt19937 dice(5);
  std::uniform_int_distribution<int> noise(-2, 2);
  Pixels seen;
  for (const int level : pixels) seen.push_back(static_cast<std::uint8_t>(level / 12 + 160 + noise(dice)));
  return seen;
}

static void restored() {
  const edgetrack::Colors colors = {{2 / 255.0f, 2 / 255.0f, 2 / 255.0f}, {-1, -1, -1}, {127, 127, 127}};
  const edgetrack::Region near = {-20, 40, 100, 100},
                          wide = {-70, -10, 200, 200};  // both reach beyond the frame
  const auto cropped = [&](const Pixels& pixels, const edgetrack::Region& region, int side) {
    edgetrack::Tensor image =
        edgetrack::Tensor::zeros({"image", edgetrack::DType::float32, {1, 3, side, side}});
    edgetrack::CropScratch scratch;
    edgetrack::crop(frame_of(pixels), region, colors, image, scratch);
    return image;
  };
  const Pixels color = scene(0, 0, false), faded = smoked(color), black(color.size(), 3);
  const auto far = [&](const edgetrack::Tensor& one, const edgetrack::Tensor& two) {
    double sum = 0;
    for (std::size_t i = 0; i < one.spec.count(); ++i) sum += std::abs(one.floats()[i] - two.floats()[i]);
    return sum / static_cast<double>(one.spec.count());
  };
  edgetrack::Contrast contrast;
  const edgetrack::Tensor clean = cropped(color, wide, 256);
  const auto restore = [&](const Pixels& pixels, bool changes, const char* what) {
    const edgetrack::Tensor before = cropped(pixels, wide, 256), image = cropped(pixels, wide, 256);
    expect(contrast.restore(image, frame_of(pixels), wide, colors) == changes, what);
    expect((far(image, before) == 0) == !changes, what);
    return far(image, clean);
  };
  restore(faded, false, "without a template, nothing is restored");
  contrast.learn(cropped(color, near, 128), frame_of(color), near, colors);
  restore(color, false, "what has contrast stays as it is");
  restore(black, false, "what shows nothing stays as it is");
  const double before = far(cropped(faded, wide, 256), clean);
  expect(restore(faded, true, "smoke is seen through") < before / 2, "and what is behind it is as it was");
  const edgetrack::Tensor image = cropped(faded, wide, 256);
  contrast.restore(image, frame_of(faded), wide, colors);
  expect(image.floats()[0] == clean.floats()[0], "what lies beyond the frame stays as it is");
  contrast.clear();
  restore(faded, false, "a template that is forgotten is not restored to");
}

static void missing(const edgetrack::Model& model) {
  const edgetrack::Box box = {100, 100, 40, 30};
  const Pixels color = scene(0, 0, false), other = scene(0, 0, true);
  const auto engine = std::make_shared<edgetrack::DiceEngine>(7u);
  edgetrack::Frame pair = pair_of(color, other);
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
  policy.template_blend = 0.3, policy.template_blend_interval = 3, policy.template_blend_delay = 1;
  const edgetrack::Box box = {100, 100, 40, 30};
  Pixels color = scene(0, 0, false), other = scene(0, 0, true), faded = smoked(color);
  edgetrack::MultiTracker tracker(std::make_shared<edgetrack::DiceEngine>(7u), model, policy, {});
  for (const char* name : {"a", "b"}) tracker.add(name, nullptr, &box);
  long before = 0;
  for (int i = 0; i < 1200; ++i) {
    if (i == 900) before = allocations;
    color[0] = static_cast<std::uint8_t>(i), other[0] = static_cast<std::uint8_t>(i / 5);
    edgetrack::Frame frame = i % 7 == 3 ? frame_of(color)
                                        : pair_of(i % 11 == 5   ? other
                                                  : i % 13 == 7 ? faded
                                                                : color,
                                                  other);
    frame.color = i % 11 != 5 || !frame.x;
    for (const auto& result : tracker.update(frame))
      expect(result.track && result.track->index == i, "a track in each frame");
  }
  expect(allocations == before, "no allocation after warm-up");
}

int main() {
  edgetrack::Model model = {2.0, 4.0, {127, 127, 127}, {127, 127, 127}, {127, 127, 127}, false, 2.0};
  displaced();
  restored();
  for (const bool pairs : {false, true}) {
    model.pairs = pairs;
    missing(model);
    steady(model);
  }
  std::printf("%d failures\n", failures);
  return failures ? 1 : 0;
}
