// The values that stages exchange: frames, boxes, tracks; and the exception class.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "edgetrack/api.h"

namespace edgetrack {

// The kind of an error; Python raises the matching class (errors.py: FrameError for frame), C gets the
// number.
enum class Code { frame = 1, box, prompt, config, not_started, bundle, engine, memory };

// Its message says what happened with which value, what was expected, and how to fix it.
class EDGETRACK_API Error : public std::runtime_error {
 public:
  Error(Code why, const std::string& text) : std::runtime_error(text), code(why) {}
  const Code code;
};

// The memory of a frame. A frame in GPU memory can only be read by an engine on that GPU.
enum class Place { host, gpu };

// An image owned by the caller: uint8, BGR, with the pixels of a row packed.
struct Frame {
  const std::uint8_t* bgr;   // pixel (0, 0); on a GPU an address of its memory
  int width, height;         // at least 1
  std::ptrdiff_t row_bytes;  // distance of two rows; may be negative
  Place place = Place::host;

  // The image of a second sensor (thermal, depth, events) taken at the same time, aligned with this one and
  // of its size, in host memory, three bytes per pixel. Null without one.
  const std::uint8_t* x = nullptr;
  std::ptrdiff_t x_row_bytes = 0;
  bool color = true;  // false: color is missing; there is only `x`, and `bgr` is the same image
};

// An axis-aligned rectangle in pixels of the frame, origin at the top left corner.
struct Box {
  double x, y, w, h;  // left edge, top edge, extent
};

enum class Status { searching, tracking, uncertain, lost };

// "searching", "tracking", "uncertain" or "lost".
EDGETRACK_API const char* name(Status status);

// Where the box of a track comes from: inference on this frame, the recent velocity because the deadline
// was too short, or the last inference because nothing has changed since.
enum class Basis { network, coasted, reused };

// "network", "coasted" or "reused".
EDGETRACK_API const char* name(Basis basis);

// A box from a full-frame search.
struct Candidate {
  Box box;
  double score;       // probability that it is the target, 0..1
  double margin = 0;  // its score minus that of the best candidate at another position
};

// The network's output for a square region of the frame: logits that are above 0 on the target.
struct MaskLogits {
  std::vector<float> values;  // side rows of side values; empty unless requested
  int side = 0;
  Box region{};  // the square, in pixels of the frame; it may extend beyond the frame

  void clear() { values.clear(), side = 0, region = {}; }
};

// The target's mask: the pixels of a rectangle inside the frame, row by row.
struct Mask {
  int x = 0, y = 0, width = 0, height = 0;  // pixels of the frame; without any pixel both sides are 0
  std::vector<std::uint8_t> inside;         // 1 on the target, else 0
  int frame_width = 0, frame_height = 0;    // in pixels
  MaskLogits logits = {};                   // the network's output, if requested; none for a given mask

  bool empty() const { return inside.empty(); }
  void clear() { x = y = width = height = 0, inside.clear(), logits.clear(); }
  // The value of a pixel of the frame that is in the rectangle.
  std::uint8_t& pixel(int column, int row) {
    return inside[static_cast<std::size_t>(row - y) * static_cast<std::size_t>(width) +
                  static_cast<std::size_t>(column - x)];
  }
};

// What a tracker does if a text fits several objects about equally well: it follows the best one, or waits
// until one is chosen or only one is left.
enum class OnAmbiguous { best, wait };

// The tracker's result for one frame.
struct Track {
  std::optional<Box> box;  // none while searching or lost
  double score;            // confidence, 0..1
  Status status;
  std::int64_t index;  // frames since start(), which is 0
  Basis basis = Basis::network;
  std::optional<double> x_share =
      std::nullopt;  // share of the second sensor in the network's input, 0..1; none without a pair
  std::array<bool, 2> modalities = {true, false};  // images that were searched: color, the second sensor
};

}  // namespace edgetrack
