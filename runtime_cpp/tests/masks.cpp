// Masks in C++: whatever the network says they hold together, and bad ones are refused.
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "checks.h"
#include "dice_engine.h"
#include "edgetrack/tracker.h"

// Whatever the network says, a mask lies in the frame and is no larger than its pixels.
int main() {
  edgetrack::Model model = {2.0, 4.0, {0, 0, 0}, {1, 1, 1}, {0, 0, 0}};
  std::vector<std::uint8_t> pixels(64 * 48 * 3), inside(64 * 48);
  const edgetrack::Frame frame = {pixels.data(), 64, 48, 192};
  const edgetrack::Box box = {40, 30, 20, 15};
  edgetrack::Tracker without(std::make_shared<edgetrack::DiceEngine>(3u), model, {});
  expect_error(edgetrack::Code::config, "no graph 'mask'", [&] { without.set_masks(true); });
  expect_error(edgetrack::Code::config, "masks are off",
               [&] { without.start(frame, nullptr, &box, std::nullopt, inside.data()); });
  model.mask_factor = 2.0;
  for (const unsigned seed : {1u, 2u, 3u, 4u}) {
    edgetrack::Tracker tracker(std::make_shared<edgetrack::DiceEngine>(seed), model, {});
    const bool logits = seed % 2 == 0;
    tracker.set_masks(true, logits);
    expect_error(edgetrack::Code::box, "no pixel",
                 [&] { tracker.start(frame, nullptr, nullptr, std::nullopt, inside.data()); });
    tracker.start(frame, nullptr, &box);
    long seen = 0;
    for (int i = 0; i < 300; ++i) {
      const edgetrack::Track track = i % 5 ? tracker.update(frame) : tracker.update(frame, 1e-6);
      const edgetrack::Mask& mask = tracker.mask();
      expect(track.box || mask.empty(), "no mask without a box");
      const auto side = static_cast<std::size_t>(mask.logits.side);
      expect(mask.logits.values.size() == side * side, "all logits of a square");
      expect((side > 0) == (logits && !mask.empty()), "logits with a mask, if asked for");
      expect((mask.logits.region.w > 0) == (side > 0), "logits lie somewhere");
      if (mask.empty()) continue;
      ++seen;
      expect(mask.x >= 0 && mask.y >= 0 && mask.x + mask.width <= 64 && mask.y + mask.height <= 48,
             "a mask in the frame");
      const auto size = static_cast<std::size_t>(mask.width) * static_cast<std::size_t>(mask.height);
      expect(mask.inside.size() == size, "a byte for each pixel");
      const auto width = static_cast<std::size_t>(mask.width);
      bool edges[2] = {false, false};
      for (std::size_t k = 0; k < width; ++k)
        edges[0] |= mask.inside[k] != 0, edges[1] |= mask.inside[size - 1 - k] != 0;
      expect(edges[0] && edges[1], "no empty row at its edges");
    }
    expect(seen > 20, "masks came up");
  }
  std::printf("%d failures\n", failures);
  return failures ? 1 : 0;
}
