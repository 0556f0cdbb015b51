// The target as the network knows it: template and sentence, encoded once and kept in the engine's input
// buffers.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "color.h"
#include "contrast.h"
#include "displacement.h"
#include "edgetrack/tracker.h"
#include "geometry.h"
#include "sensor.h"
#include "work.h"

namespace edgetrack {

// The inputs of "search" and "ground" besides the image.
struct Knowledge {
  Tensor memory;       // (1, layers, template tokens + text tokens, channels)
  Tensor memory_mask;  // (1, tokens)
  Tensor film;         // (1, 2, channels)
  Tensor anchor;       // (1, template tokens, width)
  Tensor prompts;      // (1, 3, width): target, background, distractor
  Tensor prototypes;   // (1, 2, channels): picture, sentence

  explicit Knowledge(const GraphSpec& search);
  void clear();
  std::array<const Tensor*, 6> tensors() const;
};

// The sentence as input of "rank": its encoded parts, and the query that relates them.
struct Spoken {
  struct Part {
    Tensor tokens, mask, noun, noun_mask;
    std::vector<Color> colors;
  };
  std::vector<Part> parts;
  std::shared_ptr<const Query> query;
};

class Target {
 public:
  // The engine's graphs must have passed a Contract.
  Target(std::shared_ptr<Engine> engine, const Model& model);

  void clear();  // forgets template and sentence
  void set_text(const Text& text, Work& work);

  // Encodes the template. `live` says which sensors of a pair work, `displacement` how the second one is
  // shifted; each that shows something gets a template of its own. The networks for color see shapes in
  // thermal images and depth as well, so the second sensor's is encoded as if it were color.
  void set_template(const Frame& frame, const Box& box, Work& work, Present live = {true, true},
                    const Displacement& displacement = {});

  // Encodes the second sensor's template, too; color's stays in use.
  void add_second(const Frame& frame, const Box& box, Work& work, const Displacement& displacement) {
    encode_template(Senses::second, frame, box, work, displacement);
  }

  // Returns which sensors there are templates of.
  Present knows() const { return knows_; }

  // Restores the contrast of a search image in host memory, if it has lost most of the template's. Returns
  // whether it was changed.
  bool restore(const Tensor& image, const Frame& frame, const Region& region) {
    return contrast_.restore(image, frame, region, colors_);
  }

  // The same for an image of the whole frame.
  bool restore_everywhere(const Tensor& image, const Frame& frame, const Region& region) {
    return contrast_.restore_everywhere(image, frame, region, colors_);
  }

  // Blends the template of color, which must be shown, with the target as it looks in `box` now: `weight` of
  // that, and the rest of the first template, which later calls start from again, so that errors do not add
  // up.
  void blend(const Frame& frame, const Box& box, Work& work, float weight);

  // Returns to the first template, if it was blended.
  void unblend();

  // Switches to the template as `senses` see the target, if there is one.
  void show(Senses senses);
  bool would_switch(Senses senses);

  // Loads the graph that portrait() needs, so that portrait() can run in another thread: the engine loads
  // graphs for one caller at a time.
  void prepare_portraits() { template_graph(); }

  // Returns the appearance of the object in a box, as a vector of unit length. The target does not change.
  std::vector<float> portrait(const Frame& frame, const Box& box, Work& work);

  // Updates the prompts from a frame in which the target was certainly found. Target and background move
  // towards the current frame, but never more than halfway from the template's; other places with high scores
  // become the distractor (UVLTrack, section 3.4). `embedding` (cells * cells, width) has rows of unit
  // length; `score` and `share` (cells * cells) are the score map and the fraction of each cell that the box
  // covers.
  void refresh(const float* embedding, const float* score, const float* share, int cells, float rate);

  const Spoken& spoken() const { return spoken_; }
  const Knowledge& everything() const { return everything_; }
  const Knowledge& words() const { return words_; }      // the sentence alone, even if there is a template
  const Knowledge& picture() const { return picture_; }  // the template alone, even if there is a sentence

  std::uint64_t change() const { return change_; }  // unique to this change among all targets

  void warm_up(Work& work);  // runs the encoding graphs on their last inputs

  // Throws Error unless the text has the length that the network expects.
  void check(const Text& text);

 private:
  struct TextGraphs;
  struct TemplateGraph;
  struct View;

  void encode(const Tokens& words, Work& work);
  void remember(const Tokens& words, std::initializer_list<Knowledge*> all, Work& work);
  TemplateGraph& run_template(Senses senses, const Frame& frame, const Box& box, Work& work,
                              const Displacement& displacement);
  const TemplateGraph& encode_template(Senses senses, const Frame& frame, const Box& box, Work& work,
                                       const Displacement& displacement);
  void adopt(const TemplateGraph& graph);
  void keep(const TemplateGraph& graph, Senses senses);
  View& view(Senses senses);
  void forget_views();
  void average(const float* embedding, const float* share, int cells);
  TextGraphs& text_graphs();
  TemplateGraph& template_graph(bool pair = false);

  std::shared_ptr<Engine> engine_;
  const double factor_;
  const Colors colors_;
  Knowledge everything_, words_, picture_;  // picture_ shares masked and template tensors
  Spoken spoken_;
  const bool ranks_;                  // whether the model needs the parts of a sentence
  const bool pairs_;                  // whether there are "template_x" and "search_x"
  const std::size_t tokens_, width_;  // tokens of the template; width of a prompt
  std::vector<float> first_;          // the template's own prompts
  std::vector<float> now_, seen_;  // (2, width): target and background, in one frame, and the running average
  std::vector<float> sum_;         // (2, width)
  bool has_seen_ = false;
  bool blended_ = false;  // whether the current view's template is
  std::uint64_t change_ = 0;
  std::shared_ptr<TextGraphs> text_;  // created on first use
  std::shared_ptr<TemplateGraph> template_, pair_template_;
  std::shared_ptr<std::array<View, 3>> views_;  // the templates by Senses
  Senses shown_ = Senses::color;                // the current view
  Present knows_ = {false, false};              // sensors that there are templates of
  Contrast contrast_;                           // of the template
};

}  // namespace edgetrack
