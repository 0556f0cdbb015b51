// The template of a target: encoded once for each sensor that shows it.
#include <utility>

#include "template_graph.h"

namespace edgetrack {

// The outputs of a template graph, and the updates of its prompts.
struct Target::View {
  Tensor memory, anchor, prompts, prototype;  // allocated once
  std::vector<float> first, seen;
  bool has_seen = false, is_there = false;
};

void Target::set_template(const Frame& frame, const Box& box, Work& work, Present live,
                          const Displacement& displacement) {
  change_ = next_change();
  forget_views();
  contrast_.clear();
  knows_ = {true, false};
  if (frame.x) {
    const Region region = region_around(box, factor_);
    knows_ = showing(frame, region, displacement.seen_from(region), live);
  }
  if (knows_ == Present{true, true}) encode_template(Senses::second, frame, box, work, displacement);
  if (!knows_[0] && pairs_) encode_template(Senses::both, frame, box, work, displacement);
  shown_ = knows_[0] ? Senses::color : Senses::second;
  adopt(encode_template(shown_, frame, box, work, displacement));
}

// Returns the graph, whose outputs describe the target in `box`.
Target::TemplateGraph& Target::run_template(Senses senses, const Frame& frame, const Box& box, Work& work,
                                            const Displacement& displacement) {
  TemplateGraph& graph = template_graph(senses == Senses::both);
  const Region region = region_around(box, factor_), second = displacement.seen_from(region);
  target_share(box, region, static_cast<int>(graph.share.spec.shape[3]), graph.share.floats());
  if (senses == Senses::both) {
    graph.pair.fill(graph.image, frame, region, second, colors_, {knows_[0], knows_[1]}, work);
    work.run(*graph.call);
  } else if (senses == Senses::second) {
    work.look(*graph.call, graph.image, second_of(frame), second, colors_);
  } else {
    work.look(*graph.call, graph.image, frame, region, colors_);
  }
  return graph;
}

// Makes the target in `box` the template of a view.
const Target::TemplateGraph& Target::encode_template(Senses senses, const Frame& frame, const Box& box,
                                                     Work& work, const Displacement& displacement) {
  const TemplateGraph& graph = run_template(senses, frame, box, work, displacement);
  if (senses == Senses::color && frame.place == Place::host) {
    contrast_.learn(graph.image, frame, region_around(box, factor_), colors_);
    work.crop_into(graph.image, frame, letterbox(frame), colors_);
    contrast_.learn_everywhere(graph.image, frame, letterbox(frame), colors_);
  }
  if (senses != Senses::both) knows_[senses == Senses::second] = true;
  keep(graph, senses);
  return graph;
}

void Target::blend(const Frame& frame, const Box& box, Work& work, float weight) {
  const TemplateGraph& now = run_template(Senses::color, frame, box, work, {});
  const View& first = view(Senses::color);
  change_ = next_change();
  mix_tokens(first.memory, now.memory, weight, everything_.memory);
  const float *one = first.anchor.floats(), *two = now.anchor.floats();
  float* anchor = everything_.anchor.floats();
  for (std::size_t i = 0; i < tokens_ * width_; ++i) anchor[i] = (1 - weight) * one[i] + weight * two[i];
  for (std::size_t token = 0; token < tokens_; ++token) make_unit(anchor + token * width_, width_);
  blended_ = true;
}

void Target::unblend() {
  if (!blended_) return;
  change_ = next_change();
  copy_tokens(view(shown_).memory, everything_.memory, 0);
  copy(view(shown_).anchor, everything_.anchor);
  blended_ = false;
}

// From the last outputs of "template".
void Target::adopt(const TemplateGraph& graph) {
  copy_tokens(graph.memory, everything_.memory, 0);
  for (const Knowledge* known : {&everything_, &picture_}) {
    std::fill_n(known->memory_mask.floats(), tokens_, 1.0f);
    copy_prototype(graph.prototype, known->prototypes, 0);
  }
  copy(graph.anchor, everything_.anchor);
  copy(graph.prompts, everything_.prompts);
  std::copy_n(graph.prompts.floats(), first_.size(), first_.begin());
  has_seen_ = blended_ = false;
}

Target::View& Target::view(Senses senses) { return (*views_)[static_cast<std::size_t>(senses)]; }

void Target::keep(const TemplateGraph& graph, Senses senses) {
  if (!views_) views_ = std::make_shared<std::array<View, 3>>();
  View& kept = view(senses);
  for (const auto& [from, to] : {std::pair{&graph.memory, &kept.memory},
                                 {&graph.anchor, &kept.anchor},
                                 {&graph.prompts, &kept.prompts},
                                 {&graph.prototype, &kept.prototype}}) {
    if (!to->data) *to = Tensor::zeros(from->spec);
    copy(*from, *to);
  }
  kept.first.assign(graph.prompts.floats(), graph.prompts.floats() + first_.size());
  kept.seen.assign(seen_.size(), 0.0f);
  kept.has_seen = false;
  kept.is_there = true;
}

void Target::forget_views() {
  if (views_)
    for (View& kept : *views_) kept.is_there = false;
}

bool Target::would_switch(Senses senses) { return views_ && senses != shown_ && view(senses).is_there; }

void Target::show(Senses senses) {
  if (!would_switch(senses)) return;
  change_ = next_change();
  View& before = view(shown_);
  const View& next = view(senses);
  // What was learned from one sensor does not apply to the other.
  copy(everything_.prompts, before.prompts);
  before.seen = seen_, before.has_seen = has_seen_;
  copy_tokens(next.memory, everything_.memory, 0);
  for (const Knowledge* known : {&everything_, &picture_})
    copy_prototype(next.prototype, known->prototypes, 0);
  copy(next.anchor, everything_.anchor);
  copy(next.prompts, everything_.prompts);
  first_ = next.first, seen_ = next.seen, has_seen_ = next.has_seen;
  shown_ = senses;
  blended_ = false;
}

}  // namespace edgetrack
