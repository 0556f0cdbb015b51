// What the network knows of a target: picture and sentence, encoded once, kept in the engine's input buffers.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "color.h"
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

// The sentence as "rank" takes it: each of its parts encoded, and how they belong together.
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
  // An engine whose graphs went through a Contract.
  Target(std::shared_ptr<Engine> engine, const Model& model);

  void clear();  // named by neither picture nor sentence
  void set_text(const Text& text, Work& work);

  // Of a pair by what both sensors show; `live` says which does, `displacement` where the second one does.
  // Where both do, what color shows is encoded as well, for when the second sensor fails.
  void set_template(const Frame& frame, const Box& box, Work& work, Present live = {true, true},
                    const Displacement& displacement = {});

  // Whether the template shows what color saw of the target.
  bool knows_color() const { return knows()[0]; }

  // Which sensors showed something when the template was set.
  Present knows() const { return knows_; }

  // The template as the sensors that give pictures now saw it, if it was set by a pair.
  void show(Present live);

  // Loads what portrait() needs, so that it may then run in another thread: the engine loads for one caller
  // at a time.
  void prepare_portraits() { template_graph(); }

  // How what is in a box looks, as a vector of unit length; nothing that is known of the target changes.
  std::vector<float> portrait(const Frame& frame, const Box& box, Work& work);

  // Renews the prompts from a frame in which the target was surely found: target and background drift towards
  // what is seen now, yet never further than half-way from the template's; what else scores high is the
  // distractor (UVLTrack, section 3.4). `embedding` (cells * cells, width) has rows of unit length; `score`
  // and `share` (cells * cells) are the score map and the share of each cell that the box covers.
  void refresh(const float* embedding, const float* score, const float* share, int cells, float rate);

  const Spoken& spoken() const { return spoken_; }
  const Knowledge& everything() const { return everything_; }
  const Knowledge& words() const { return words_; }      // the sentence alone, whatever picture there is
  const Knowledge& picture() const { return picture_; }  // the picture alone, whatever sentence there is

  std::uint64_t change() const { return change_; }  // a number that no other change of any target has

  void warm_up(Work& work, bool pairs);  // runs the graphs that encode it, on what they last encoded

  // Throws Error unless the text has the length that the network takes.
  void check(const Text& text);

 private:
  struct TextGraphs;
  struct TemplateGraph;
  struct View;

  void encode(const Tokens& words, Work& work);
  void remember(const Tokens& words, std::initializer_list<Knowledge*> all, Work& work);
  void adopt(const TemplateGraph& graph);
  void set_views(TemplateGraph& graph, Work& work);
  void keep(const TemplateGraph& graph, std::size_t view);
  void average(const float* embedding, const float* share, int cells);
  TextGraphs& text_graphs();
  TemplateGraph& template_graph(bool pair = false);

  std::shared_ptr<Engine> engine_;
  const double factor_;
  const Colors colors_;
  Knowledge everything_, words_, picture_;  // the last shares with the first what is masked or the picture's
  Spoken spoken_;
  const bool ranks_;                  // whether the parts of a sentence are wanted
  const std::size_t tokens_, width_;  // of the template; of a prompt
  std::vector<float> first_;          // the template's own prompts
  std::vector<float> now_, seen_;     // (2, width): target and background, in a frame and of late
  std::vector<float> sum_;            // (2, width)
  bool has_seen_ = false;
  std::uint64_t change_ = 0;
  std::shared_ptr<TextGraphs> text_;  // made when first needed
  std::shared_ptr<TemplateGraph> template_, pair_template_;
  std::shared_ptr<std::array<View, 2>> views_;  // of a template by a pair: by both, by color
  std::size_t shown_ = 0;                       // of them
  Present knows_ = {false, false};              // what the template shows
};

}  // namespace edgetrack
