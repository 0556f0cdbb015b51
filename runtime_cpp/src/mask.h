// Segments the object in a box: the graph "mask", its memory, and the conversion of its logits to pixels of
// the frame.
#pragma once

#include <memory>
#include <vector>

#include "contract.h"
#include "geometry.h"
#include "pace.h"
#include "target.h"
#include "work.h"

namespace edgetrack {

// The network's logits of a square region, row by row; a view, without a copy.
struct LogitGrid {
  const float* values;
  int side;
  Region region;

  // Returns the logit at the center of a frame pixel, bilinear; far below 0 outside the region.
  float at(int x, int y) const;
};

// Sets the mask to the frame pixels whose logits are above 0, cropped to their bounding box; empty if there
// is none.
void outline(const LogitGrid& logits, int frame_width, int frame_height, Mask& mask,
             std::vector<float>& scratch);

// Segments one target from frame to frame. Its memory has two crops: the first one that certainly showed the
// target, and the most recent one.
class Masker {
 public:
  // Throws Error if the bundle has no "mask".
  Masker(Engine& engine, const Model& model);

  void forget();  // clears the memory of the target

  // Sets whether masks come with a copy of their logits.
  void keep_logits(bool keep) { keeps_logits_ = keep; }

  // Computes the mask of the object in `box`; valid until the next call. `renew`: the box certainly has the
  // target, so its crop goes into the memory.
  void see(const Frame& frame, const Box& box, const Colors& colors, bool renew, Work& work);

  // Returns the bounding box of a mask from the user. Throws Error if the mask is empty.
  static Box extent_of(const std::uint8_t* given, int frame_width, int frame_height);

  // Like see(), for a first frame with a mask from the user, which goes into the memory unchanged. `given` is
  // (height, width) of the frame, nonzero on the target.
  void learn(const Frame& frame, const Box& box, const Colors& colors, const std::uint8_t* given, Work& work);

  // Returns where to look for the mask of box `now`, after the mask of box `before`: mostly the box, and
  // partly the last mask moved along, because it includes parts of the target that the box misses.
  Box expected(const Box& before, const Box& now) const;

  // Moves the mask along with a box that moved without inference.
  void shift(const Box& from, const Box& to, const Frame& frame);

  Cost cost;  // time of one call of the network

  void clear() { mask_.clear(); }
  void warm_up(Work& work);

  const Mask& mask() const { return mask_; }

  // Assigns pixels that both masks claim to the one with the greater logit (the soft aggregation of STM, Oh
  // et al., ICCV 2019, of which the largest probability wins).
  friend void part(Masker& one, Masker& two);

 private:
  LogitGrid logits() const;
  void run(const Frame& frame, const Box& box, const Colors& colors, Work& work);
  void remember(std::size_t slot);

  const double factor_;
  Tensor image_, target_, keys_, values_, known_, given_, trust_, logits_, key_, value_;
  std::unique_ptr<Call> call_;
  Region region_{};
  bool keeps_logits_ = false;
  Mask mask_;
  std::vector<float> scratch_;
};

}  // namespace edgetrack
