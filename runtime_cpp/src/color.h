// Color words, which are checked on the pixels: that is more reliable than a small network.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "edgetrack/engine.h"
#include "edgetrack/types.h"

namespace edgetrack {

enum class Color { red, orange, yellow, green, blue, purple, pink, brown, black, gray, white };

// Returns the color that a lower-case word names, or nothing if it is not a color word.
std::optional<Color> color_of(const std::string& word);

// Returns the colors before the noun of a phrase: red for "small red car"; none for "man in red" or "the
// orange".
std::vector<Color> colors_of(const std::string& phrase);

// Whether a pixel can be called by that color name; red, green and blue are 0..255. Names overlap: a dark
// orange is also brown.
bool has_color(Color color, float red, float green, float blue);

// Returns 0.1 if the middle of the box has no pixels of that color, rising to 1 if enough pixels have it.
// `image` is (1, 3, S, S), normalized by mean and std; the corners of the box are fractions of its side.
double color_evidence(Color color, const Tensor& image, const float mean[3], const float std[3], double x1,
                      double y1, double x2, double y2);

}  // namespace edgetrack
