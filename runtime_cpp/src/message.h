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

}  // namespace edgetrack
