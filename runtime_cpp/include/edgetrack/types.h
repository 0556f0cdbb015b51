// The values that pass between the stages: frames, boxes, tracks, and the one exception.
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

// What went wrong; Python raises the class for it (errors.py: FrameError for frame), C gets the number.
enum class Code { frame = 1, box, prompt, config, not_started, bundle, engine, memory };

// Its text says what happened with which value, what was expected, and how to mend it.
class EDGETRACK_API Error : public std::runtime_error {
 public:
  Error(Code why, const std::string& text) : std::runtime_error(text), code(why) {}
  const Code code;
};

// Whose memory a frame lies in. What lies on a GPU is read by an engine of that GPU alone.
enum class Place { host, gpu };

// A picture that the caller owns: uint8, blue green red, pixels of a row packed.
struct Frame {
  const std::uint8_t* bgr;   // pixel (0, 0); on a GPU an address of its memory
  int width, height;         // at least 1
  std::ptrdiff_t row_bytes;  // distance of two rows; may be negative
  Place place = Place::host;

  // The picture of a second sensor (thermal, depth, events) of the same moment, aligned with this one: of its
  // size, in host memory, three bytes a pixel. None without.
  const std::uint8_t* x = nullptr;
  std::ptrdiff_t x_row_bytes = 0;
  bool color = true;  // false: color is missing, there is `x` alone, and `bgr` is it, too
};

// An axis-aligned rectangle in pixels of the frame, origin at the top left corner.
struct Box {
  double x, y, w, h;  // left edge, top edge, extent
};

enum class Status { searching, tracking, uncertain, lost };

// "searching", "tracking", "uncertain" or "lost".
EDGETRACK_API const char* name(Status status);

// What the box of a track rests on: the network's look at this frame, the motion of late because the deadline
// was short, or the network's last look because nothing has changed since.
enum class Basis { network, coasted, reused };

// "network", "coasted" or "reused".
EDGETRACK_API const char* name(Basis basis);

// A box that a look at the whole frame considered.
struct Candidate {
  Box box;
  double score;       // probability that it is what the text means, 0..1
  double margin = 0;  // its score, less that of the best of the others, of those that lie elsewhere
};

// What the network says of a square region of the frame: the logit that a place is the target's, above 0
// where it is.
struct MaskLogits {
  std::vector<float> values;  // side rows of side values; none unless asked for
  int side = 0;
  Box region{};  // all of the square, in pixels of the frame; it may reach out of it

  void clear() { values.clear(), side = 0, region = {}; }
};

// The pixels of a frame that are the target's: those of a rectangle inside the frame, row by row.
struct Mask {
  int x = 0, y = 0, width = 0, height = 0;  // pixels of the frame; without any pixel both sides are 0
  std::vector<std::uint8_t> inside;         // 1 for the target's, 0 for the others
  int frame_width = 0, frame_height = 0;    // in pixels
  MaskLogits logits = {};                   // what it was made from, if asked for; none if it was given

  bool empty() const { return inside.empty(); }
  void clear() { x = y = width = height = 0, inside.clear(), logits.clear(); }
  // Of a pixel of the frame that lies in the rectangle.
  std::uint8_t& pixel(int column, int row) {
    return inside[static_cast<std::size_t>(row - y) * static_cast<std::size_t>(width) +
                  static_cast<std::size_t>(column - x)];
  }
};

// What a tracker does where a text fits several things about equally well: it follows the best of them, or
// waits until one is chosen, or only one is left.
enum class OnAmbiguous { best, wait };

// What the tracker says of one frame.
struct Track {
  std::optional<Box> box;  // none while searching or lost
  double score;            // 0..1, how sure the network is
  Status status;
  std::int64_t index;  // frames since start(), which is 0
  Basis basis = Basis::network;
  std::optional<double> x_share =
      std::nullopt;  // of the second sensor in what the network saw, 0..1; none without a pair
  std::array<bool, 2> modalities = {true, false};  // what it last saw: color, the second sensor
};

}  // namespace edgetrack
