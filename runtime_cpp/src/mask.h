// The outline of what a box holds: the graph "mask", its memory, and from its logits to pixels of the frame.
#pragma once

#include <memory>
#include <vector>

#include "contract.h"
#include "geometry.h"
#include "pace.h"
#include "target.h"
#include "work.h"

namespace edgetrack {

// The network's logits of a square region, row by row, where they lie.
struct LogitGrid {
  const float* values;
  int side;
  Region region;

  // At the center of a pixel of the frame, bilinear; far below 0 outside of the region.
  float at(int x, int y) const;
};

// The pixels of the frame whose logits are above 0, cut to their extent; empty when there is none.
void outline(const LogitGrid& logits, int frame_width, int frame_height, Mask& mask,
             std::vector<float>& scratch);

// Outlines one target from frame to frame. The memory has two crops: the first that was surely the target,
// and the last one.
class Masker {
 public:
  // Throws Error when the bundle has no "mask".
  Masker(Engine& engine, const Model& model);

  void forget();  // what the target looked like

  // Whether masks come with a copy of their logits.
  void keep_logits(bool keep) { keeps_logits_ = keep; }

  // The mask of what `box` holds; valid until the next call. `renew`: it is surely the target, and is
  // remembered.
  void see(const Frame& frame, const Box& box, const Colors& colors, bool renew, Work& work);

  // Where the target is that is given by its mask alone: its extent. Throws Error when it has no pixel.
  static Box extent_of(const std::uint8_t* given, int frame_width, int frame_height);

  // As see(), of a first frame with a mask that is given, and remembered as it is: (height, width) of the
  // frame, nonzero on the target.
  void learn(const Frame& frame, const Box& box, const Colors& colors, const std::uint8_t* given, Work& work);

  // Where to look for the mask of a box, after the mask of another: mostly in the box, and a little where the
  // last mask would be now, which knows of parts that the box misses.
  Box expected(const Box& before, const Box& now) const;

  // Moves the mask along with a box that has moved without a look.
  void shift(const Box& from, const Box& to, const Frame& frame);

  Cost cost;  // of a look

  void clear() { mask_.clear(); }
  void warm_up(Work& work);

  const Mask& mask() const { return mask_; }

  // Pixels that two masks claim go to the one whose logit is greater (the soft aggregation of STM, Oh et al.,
  // ICCV 2019, of which the largest share wins).
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
