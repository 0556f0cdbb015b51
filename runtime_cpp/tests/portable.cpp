// What must be the same bit for bit on every kind of processor: crops, and tracks on an engine of dice.
// Prints one number for each.
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <random>
#include <vector>

#include "crop.h"
#include "dice_engine.h"
#include "edgetrack/tracker.h"

using namespace edgetrack;

namespace {

// FNV-1a.
struct Digest {
  std::uint64_t value = 0xcbf29ce484222325u;

  void add(const void* data, std::size_t size) {
    const auto* bytes = static_cast<const unsigned char*>(data);
    for (std::size_t i = 0; i < size; ++i) value = (value ^ bytes[i]) * 0x100000001b3u;
  }
};

std::vector<std::uint8_t> noise(std::mt19937& dice, std::size_t size) {
  std::vector<std::uint8_t> pixels(size);
  for (std::uint8_t& pixel : pixels) pixel = static_cast<std::uint8_t>(dice() >> 13);
  return pixels;
}

void crops() {
  std::mt19937 dice(1);
  const auto share = [&] { return static_cast<double>(dice() >> 8) / (1 << 24); };
  const std::vector<std::uint8_t> pixels = noise(dice, 160 * 120 * 3);
  const float mean[3] = {123.7f, 116.3f, 103.5f}, std[3] = {58.4f, 57.1f, 57.4f},
              fill[3] = {103.5f, 116.3f, 123.7f};
  const Colors colors = colors_of(mean, std, fill);
  const int side = 96;
  std::vector<float> out(3 * side * side);
  CropScratch scratch;
  Digest digest;
  for (int i = 0; i < 40; ++i) {
    const double extent = 10 + 200 * share();
    const Region region = {share() * 160 - extent / 2, share() * 120 - extent / 2, extent, extent};
    crop({pixels.data(), 160, 120, 480}, region, colors, side, side, out.data(), scratch);
    digest.add(out.data(), out.size() * sizeof out[0]);
  }
  std::printf("crops %016" PRIx64 "\n", digest.value);
}

void tracks() {
  const Model model = {2.0, 4.0, {0, 0, 0}, {1, 1, 1}, {0, 0, 0}};
  Digest digest;
  for (unsigned seed = 0; seed < 8; ++seed) {
    std::mt19937 dice(seed);
    const std::vector<std::uint8_t> pixels = noise(dice, 64 * 48 * 3);
    const Frame frame = {pixels.data(), 64, 48, 192};
    const Text text = {{{1, 2, 3, 4, 0, 0}, {1, 1, 1, 1, 0, 0}}, {}, {}};
    Tracker tracker(std::make_shared<DiceEngine>(seed), model, {});
    for (int i = 0; i < 150; ++i) {
      const Track track = i ? tracker.update(frame) : tracker.start(frame, &text, nullptr);
      const Box box = track.box.value_or(Box{});
      const double row[] = {box.x, box.y, box.w, box.h, track.score, static_cast<double>(track.status)};
      digest.add(row, sizeof row);
    }
  }
  std::printf("tracks %016" PRIx64 "\n", digest.value);
}

}  // namespace

int main() {
  crops();
  tracks();
}
