// Where an ONNX file keeps weights outside of itself. Inference engines follow such places by themselves,
// some of them to any file of the system: so they are read and judged here, before an engine sees the file.
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

// Each place once, of all tensors at any depth: of functions, subgraphs and sparse tensors, too. `origin`
// names the file in messages. Throws Error when it is no whole ONNX file, or says of a tensor's place
// anything but one location, offset, length and checksum.
std::vector<OutsideWeights> outside_weights(std::string_view onnx, const std::string& origin);

}  // namespace edgetrack
