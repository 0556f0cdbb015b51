// Prints the ids of each line of the input, or "error CODE"; ends with the code where the bundle does not
// open.
#include <cstdio>
#include <iostream>
#include <string>

#include "edgetrack/bundle.h"

int main(int count, char** words) try {
  if (count != 2) return std::printf("usage: tokens BUNDLE\n"), 2;
  const edgetrack::Tokenizer tokenizer = edgetrack::Bundle::open(words[1]).tokenizer();
  for (std::string line; std::getline(std::cin, line);) {
    try {
      const edgetrack::Tokens text = tokenizer.encode(line).whole;
      for (std::size_t i = 0; i < text.ids.size(); ++i)
        if (text.mask[i] > 0) std::cout << (i ? " " : "") << text.ids[i];
      std::cout << "\n";
    } catch (const edgetrack::Error& error) {
      std::cout << "error " << static_cast<int>(error.code) << "\n";
    }
  }
} catch (const edgetrack::Error& error) {
  return std::fprintf(stderr, "error: %s\n", error.what()), static_cast<int>(error.code);
}
