// Puts a message together from its parts.
#pragma once

#include <locale>
#include <sstream>
#include <string>

namespace edgetrack {

template <typename... Parts>
std::string message(const Parts&... parts) {
  std::ostringstream out;
  out.imbue(std::locale::classic());  // 0.5 and 1000 whatever locale the program has set
  (out << ... << parts);
  return out.str();
}

// The beginning of a text of somebody else's, which may hold what a terminal obeys, as printable ASCII.
inline std::string printable(const std::string& text) {
  constexpr std::size_t longest = 80;
  std::string shown = text.substr(0, longest);
  for (char& c : shown)
    if (c < ' ' || c > '~') c = '?';
  return shown;
}

}  // namespace edgetrack
