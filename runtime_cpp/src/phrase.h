// stub
#pragma once
#include <string>
#include <vector>

#include "edgetrack/types.h"
namespace edgetrack {
struct Part {
  std::string phrase, noun;
};
struct Query {
  std::vector<Part> parts;
  bool plain() const { return true; }
};
inline Query parse(const std::string& s) { return {{{s, s.substr(s.find_last_of(' ') + 1)}}}; }
inline std::vector<double> resolve(const Query&, const std::vector<Box>&, double, double,
                                   const std::vector<std::vector<double>>& s) {
  return s[0];
}
}  // namespace edgetrack
