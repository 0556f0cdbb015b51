// Finds the external weights of an ONNX file. Inference engines open these files by themselves, some of them
// anywhere on the system, so their locations are checked here before an engine gets the ONNX file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace edgetrack {

struct OutsideWeights {
  std::string location;  // as written: relative to the folder of the ONNX file, or whatever the file says
  std::uint64_t offset, length;  // bytes

  bool operator<(const OutsideWeights& other) const;
};

// Returns each location once, for all tensors at any depth, including functions, subgraphs and sparse
// tensors. `origin` names the file in error messages. Throws Error if it is not a complete ONNX file, or if a
// tensor's external data has anything but one location, offset, length and checksum.
std::vector<OutsideWeights> outside_weights(std::string_view onnx, const std::string& origin);

}  // namespace edgetrack
