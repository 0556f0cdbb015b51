// Color words, which pixels decide better than a small network does.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "edgetrack/engine.h"
#include "edgetrack/types.h"

namespace edgetrack {

enum class Color { red, orange, yellow, green, blue, purple, pink, brown, black, gray, white };

// The color that a word in lower case names; nothing for another word.
std::optional<Color> color_of(const std::string& word);

// The colors before the noun of a phrase: red of "small red car"; none of "man in red" and of "the orange".
std::vector<Color> colors_of(const std::string& phrase);

// Whether a pixel may be called so; red, green and blue are 0..255. Names overlap: a dark orange is brown,
// too.
bool has_color(Color color, float red, float green, float blue);

// From 0.1, without such pixels in the middle of the box, to 1, where enough of them are of that color.
// `image` is (1, 3, S, S), normalized by mean and std; the corners of the box are shares of it.
double color_evidence(Color color, const Tensor& image, const float mean[3], const float std[3], double x1,
                      double y1, double x2, double y2);

}  // namespace edgetrack
