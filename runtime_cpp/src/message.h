// Builds messages from their parts.
#pragma once

#include <locale>
#include <sstream>
#include <string>

namespace edgetrack {

template <typename... Parts>
std::string message(const Parts&... parts) {
  std::ostringstream out;
  out.imbue(std::locale::classic());  // numbers look like 0.5 and 1000 in any locale of the program
  (out << ... << parts);
  return out.str();
}

// Returns the beginning of an untrusted text as printable ASCII, because it may contain terminal control
// sequences.
inline std::string printable(const std::string& text) {
  constexpr std::size_t longest = 80;
  std::string shown = text.substr(0, longest);
  for (char& c : shown)
    if (c < ' ' || c > '~') c = '?';
  return shown;
}

}  // namespace edgetrack
