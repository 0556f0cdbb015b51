#include "color.h"

#include <algorithm>
#include <map>

#include "phrase_words.h"
#include "relations.h"

namespace edgetrack {

namespace {

constexpr double kLeastEvidence = 0.1;  // remaining factor of a score if no pixel has the color
constexpr double kEnoughPixels = 0.12;  // fraction of such pixels from which an object has the color
// Up to the first fraction, an object is "not red"; from the second on, it is not. They separate the objects
// that sentences about training images mean from those that they exclude.
constexpr double kStray = 0.1, kColored = 0.4;
constexpr double kMiddle = 0.2;  // fraction of a box's side at each end that may be background
constexpr int kSamples = 24;     // along each side

const std::map<std::string, Color>& color_words() {
  static const std::map<std::string, Color> words = {
      {"red", Color::red},       {"orange", Color::orange}, {"yellow", Color::yellow},
      {"golden", Color::yellow}, {"green", Color::green},   {"blue", Color::blue},
      {"purple", Color::purple}, {"violet", Color::purple}, {"pink", Color::pink},
      {"brown", Color::brown},   {"black", Color::black},   {"gray", Color::gray},
      {"grey", Color::gray},     {"silver", Color::gray},   {"white", Color::white}};
  return words;
}

}  // namespace

std::optional<Color> color_of(const std::string& word) {
  const auto found = color_words().find(word);
  return found == color_words().end() ? std::nullopt : std::optional(found->second);
}

std::vector<Color> colors_of(const std::string& phrase) {
  const Sentence words = words_of(phrase);
  const std::size_t head = std::min(head_length(words), words.size());
  std::vector<Color> colors;
  for (std::size_t i = 0; i + 1 < head; ++i)  // the last word is the noun
    if (const auto color = color_of(words[i].low)) colors.push_back(*color);
  return colors;
}

bool has_color(Color color, float red, float green, float blue) {
  const float value = std::max({red, green, blue}), chroma = value - std::min({red, green, blue});
  const float saturation = value > 0 ? chroma / value : 0;
  if (color == Color::black) return value < 60 || (value < 85 && saturation < 0.35f);
  if (color == Color::white) return value >= 150 && saturation < 0.22f;
  if (color == Color::gray) return value >= 60 && value < 195 && saturation < 0.25f;
  if (saturation < 0.25f || value < 45) return false;
  float hue = 0;  // degrees
  if (value == red)
    hue = 60 * (green - blue) / chroma;
  else if (value == green)
    hue = 60 * (blue - red) / chroma + 120;
  else
    hue = 60 * (red - green) / chroma + 240;
  if (hue < 0) hue += 360;
  switch (color) {
    case Color::red:
      return hue <= 16 || hue >= 340;
    case Color::orange:
      return hue >= 10 && hue <= 45 && value >= 110;
    case Color::yellow:
      return hue >= 38 && hue <= 70;
    case Color::green:
      return hue >= 65 && hue <= 175;
    case Color::blue:
      return hue >= 170 && hue <= 265;
    case Color::purple:
      return hue >= 250 && hue <= 325;
    case Color::pink:
      return hue >= 300 || (hue <= 20 && saturation < 0.6f && value >= 150);
    default:  // brown
      return hue >= 5 && hue <= 50 && value < 190;
  }
}

bool differ_by_color(const std::string& one, const std::string& other) {
  const auto bare = [](const std::string& phrase) {
    std::vector<std::string> kept;
    for (const Word& word : words_of(phrase))
      if (!color_of(word.low)) kept.push_back(word.low);
    return kept;
  };
  return bare(one) == bare(other);
}

double color_share(Color color, const Tensor& image, const float mean[3], const float std[3], double x1,
                   double y1, double x2, double y2) {
  const auto side = static_cast<int>(image.spec.shape[3]);
  const std::size_t plane = static_cast<std::size_t>(side) * static_cast<std::size_t>(side);
  const auto pixel = [side](double low, double high, int i) {
    const double share = kMiddle + (1 - 2 * kMiddle) * (i + 0.5) / kSamples;
    return static_cast<std::size_t>(
        std::clamp(static_cast<int>((low + share * (high - low)) * side), 0, side - 1));
  };
  int count = 0;
  for (int row = 0; row < kSamples; ++row)
    for (int column = 0; column < kSamples; ++column) {
      const float* at =
          image.floats() + pixel(y1, y2, row) * static_cast<std::size_t>(side) + pixel(x1, x2, column);
      count += has_color(color, at[0] * std[0] + mean[0], at[plane] * std[1] + mean[1],
                         at[2 * plane] * std[2] + mean[2]);
    }
  return static_cast<double>(count) / (kSamples * kSamples);
}

double color_evidence(double share) {
  return kLeastEvidence + (1 - kLeastEvidence) * std::min(1.0, share / kEnoughPixels);
}

double is_colored(double share) { return ramp(share, kStray, kColored); }

}  // namespace edgetrack
