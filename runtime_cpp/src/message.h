// Puts a message together from its parts.
#pragma once

#include <sstream>
#include <string>

namespace edgetrack {

template <typename... Parts>
std::string message(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

}  // namespace edgetrack
