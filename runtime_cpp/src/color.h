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

// Whether two phrases are the same apart from color words: "red small car" and "small car".
bool differ_by_color(const std::string& one, const std::string& other);

// Returns the fraction of the pixels in the middle of the box that have that color. `image` is (1, 3, S, S),
// normalized by mean and std; the corners of the box are fractions of its side.
double color_share(Color color, const Tensor& image, const float mean[3], const float std[3], double x1,
                   double y1, double x2, double y2);

// Returns 0.1 if no pixel has a color, rising to 1 if enough pixels have it.
double color_evidence(double share);

// Returns how surely an object is of a color that it must not have, 0..1. A few pixels do not count: skin,
// lights and shadows have them.
double is_colored(double share);

}  // namespace edgetrack
