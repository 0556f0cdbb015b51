// The picture of a target: encoded once, and for a pair of sensors once for each set of them that may be
// live.
#include <algorithm>
#include <iterator>
#include <utility>

#include "template_graph.h"

namespace edgetrack {

namespace {

constexpr Present kViews[] = {{true, true}, {true, false}, {false, true}};

std::size_t view_of(Present live) {
  return static_cast<std::size_t>(std::find(std::begin(kViews), std::end(kViews), live) - kViews);
}

}  // namespace

// What "template_x" says of some of the sensors, and what frames have added to its prompts.
struct Target::View {
  Tensor memory, anchor, prompts, prototype;
  std::vector<float> first, seen;
  bool has_seen = false;
};

void Target::set_template(const Frame& frame, const Box& box, Work& work, Present live) {
  TemplateGraph& graph = template_graph(frame.x != nullptr);
  change_ = next_change();
  views_.reset();
  const Region region = region_around(box, factor_);
  target_share(box, region, static_cast<int>(graph.share.spec.shape[3]), graph.share.floats());
  if (frame.x) {
    graph.pair.fill(graph.image, frame, region, colors_, live, work);
    set_views(graph, work);
  } else {
    work.look(*graph.call, graph.image, frame, region, colors_);
  }
  adopt(graph);
}

// Of what "template" said last.
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

// The set of sensors that is live comes last: its answers are left in the graph's outputs.
void Target::set_views(TemplateGraph& graph, Work& work) {
  float* present = graph.pair.present.floats();
  if (view_of(graph.pair.shown()) == 0) {
    views_ = std::make_shared<std::array<View, 3>>();
    for (std::size_t view : {2, 1, 0}) {
      present[0] = kViews[view][0], present[1] = kViews[view][1];
      work.run(*graph.call);
      keep(graph, view);
    }
    shown_ = 0;
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
  const std::size_t next = view_of(live);
  if (!views_ || next == shown_ || next == std::size(kViews)) return;
  change_ = next_change();
  View& before = (*views_)[shown_];
  const View& view = (*views_)[next];
  copy(everything_.prompts,
       before.prompts);  // what was learned from one set of sensors says little of another
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
