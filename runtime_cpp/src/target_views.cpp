// The template of a target: encoded once, and for a pair of sensors also from color alone.
#include <utility>

#include "template_graph.h"

namespace edgetrack {

namespace {

// If the second sensor fails, the template from color alone finds the target best; if color fails, the one
// from both sensors does.
enum : std::size_t { kBoth, kColor };

}  // namespace

// The outputs of "template_x" for both sensors or for color, and the updates of its prompts.
struct Target::View {
  Tensor memory, anchor, prompts, prototype;
  std::vector<float> first, seen;
  bool has_seen = false;
};

void Target::set_template(const Frame& frame, const Box& box, Work& work, Present live,
                          const Displacement& displacement) {
  TemplateGraph& graph = template_graph(frame.x != nullptr);
  change_ = next_change();
  views_.reset();
  contrast_.clear();
  const Region region = region_around(box, factor_);
  target_share(box, region, static_cast<int>(graph.share.spec.shape[3]), graph.share.floats());
  if (frame.x) {
    graph.pair.fill(graph.image, frame, region, displacement.seen_from(region), colors_, live, work);
    if (graph.pair.shown()[0]) contrast_.learn(graph.image, frame, region, colors_);
    set_views(graph, work);
  } else {
    work.look(*graph.call, graph.image, frame, region, colors_);
    if (frame.place == Place::host) contrast_.learn(graph.image, frame, region, colors_);
    knows_ = {true, false};
  }
  adopt(graph);
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
  has_seen_ = false;
}

// The view with all live sensors comes last, so that it remains in the graph's outputs.
void Target::set_views(TemplateGraph& graph, Work& work) {
  knows_ = graph.pair.shown();
  if (knows_ == Present{true, true}) {
    views_ = std::make_shared<std::array<View, 2>>();
    float& with_x = graph.pair.present.floats()[1];
    with_x = 0;
    work.run(*graph.call);
    keep(graph, kColor);
    with_x = 1;
    work.run(*graph.call);
    keep(graph, kBoth);
    shown_ = kBoth;
  } else {
    work.run(*graph.call);
  }
}

void Target::keep(const TemplateGraph& graph, std::size_t number) {
  View& view = (*views_)[number];
  for (const auto& [from, to] : {std::pair{&graph.memory, &view.memory},
                                 {&graph.anchor, &view.anchor},
                                 {&graph.prompts, &view.prompts},
                                 {&graph.prototype, &view.prototype}}) {
    *to = Tensor::zeros(from->spec);
    copy(*from, *to);
  }
  view.first.assign(graph.prompts.floats(), graph.prompts.floats() + first_.size());
  view.seen.assign(seen_.size(), 0.0f);
}

void Target::show(Present live) {
  const std::size_t next = live == Present{true, false} ? kColor : kBoth;
  if (!views_ || next == shown_) return;
  change_ = next_change();
  View& before = (*views_)[shown_];
  const View& view = (*views_)[next];
  // Updates learned from both sensors do not apply to color alone.
  copy(everything_.prompts, before.prompts);
  before.seen = seen_, before.has_seen = has_seen_;
  copy_tokens(view.memory, everything_.memory, 0);
  for (const Knowledge* known : {&everything_, &picture_})
    copy_prototype(view.prototype, known->prototypes, 0);
  copy(view.anchor, everything_.anchor);
  copy(view.prompts, everything_.prompts);
  first_ = view.first, seen_ = view.seen, has_seen_ = view.has_seen;
  shown_ = next;
}

}  // namespace edgetrack
