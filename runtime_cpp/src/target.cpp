#include "target.h"

#include <algorithm>
#include <cstring>

#include "contract.h"
#include "message.h"
#include "phrase.h"
#include "template_graph.h"

namespace edgetrack {

namespace {

constexpr float kRival = 0.25f;  // minimum fraction of the best score at which another place is a distractor

}  // namespace

Knowledge::Knowledge(const GraphSpec& search)
    : memory(Tensor::zeros(named(search.inputs, "memory"))),
      memory_mask(Tensor::zeros(named(search.inputs, "memory_mask"))),
      film(Tensor::zeros(named(search.inputs, "film"))),
      anchor(Tensor::zeros(named(search.inputs, "anchor"))),
      prompts(Tensor::zeros(named(search.inputs, "prompts"))),
      prototypes(Tensor::zeros(named(search.inputs, "prototypes"))) {}

void Knowledge::clear() {
  for (const Tensor* tensor : tensors()) std::memset(tensor->data.get(), 0, tensor->spec.bytes());
}

std::array<const Tensor*, 6> Knowledge::tensors() const {
  return {&memory, &memory_mask, &film, &anchor, &prompts, &prototypes};
}

struct Target::TextGraphs {
  Tensor ids, mask, tokens, memory, film, prototype;
  std::unique_ptr<Call> encode, prompt;

  explicit TextGraphs(Engine& engine) {
    const GraphSpec text = engine.graph("text"), prompts = engine.graph("prompt");
    ids = Tensor::zeros(named(text.inputs, "ids"));
    mask = Tensor::zeros(named(text.inputs, "mask"));
    tokens = Tensor::zeros(named(text.outputs, "tokens"));
    memory = Tensor::zeros(named(prompts.outputs, "memory"));
    film = Tensor::zeros(named(prompts.outputs, "film"));
    prototype = Tensor::zeros(named(prompts.outputs, "prototype"));
    encode = engine.bind("text", {ids, mask}, {tokens});
    prompt = engine.bind("prompt", {tokens, mask}, {memory, film, prototype});
  }
};

Target::Target(std::shared_ptr<Engine> engine, const Model& model)
    : engine_(std::move(engine)),
      factor_(model.template_factor),
      colors_(colors_of(model.mean, model.std, model.fill)),
      everything_(engine_->graph("search")),
      words_(engine_->graph("search")),
      picture_(everything_),
      ranks_(model.ranks),
      pairs_(model.pairs),
      tokens_(static_cast<std::size_t>(everything_.anchor.spec.shape[1])),
      width_(static_cast<std::size_t>(everything_.prompts.spec.shape[2])),
      first_(3 * width_),
      now_(2 * width_),
      seen_(2 * width_),
      sum_(2 * width_) {
  for (Tensor* own : {&picture_.memory_mask, &picture_.film, &picture_.prototypes})
    *own = Tensor::zeros(own->spec);
}

void Target::clear() {
  change_ = next_change();
  everything_.clear();
  words_.clear();
  picture_.clear();
  spoken_ = {};
  forget_views();
  contrast_.clear();
  knows_ = {false, false};
  std::fill(first_.begin(), first_.end(), 0.0f);
  has_seen_ = blended_ = false;
}

Target::TextGraphs& Target::text_graphs() {
  if (!text_) text_ = std::make_shared<TextGraphs>(*engine_);
  return *text_;
}

Target::TemplateGraph& Target::template_graph(bool pair) {
  std::shared_ptr<TemplateGraph>& graph = pair ? pair_template_ : template_;
  if (!graph) graph = std::make_shared<TemplateGraph>(*engine_, pair);
  return *graph;
}

void Target::check(const Text& text) {
  const std::size_t length = static_cast<std::size_t>(everything_.memory.spec.shape[2]) - tokens_;
  const auto check_length = [&](const Tokens& words) {
    if (words.ids.size() != length || words.mask.size() != length)
      throw Error(Code::prompt, message("the text has ", words.ids.size(), " ids and ", words.mask.size(),
                                        " mask values; expected ", length, " of each"));
  };
  check_length(text.whole);
  for (const Text::Part& part : text.parts) check_length(part.phrase), check_length(part.noun);
  if (ranks_ && (!text.query || text.parts.empty() || text.parts.size() != text.query->parts.size()))
    throw Error(Code::prompt, "the text was not parsed; expected the result of Tokenizer::encode()");
}

void Target::remember(const Tokens& words, std::initializer_list<Knowledge*> all, Work& work) {
  TextGraphs& graphs = text_graphs();
  encode(words, work);
  work.run(*graphs.prompt);
  for (const Knowledge* known : all) {
    copy_tokens(graphs.memory, known->memory, tokens_);
    std::copy(words.mask.begin(), words.mask.end(), known->memory_mask.floats() + tokens_);
    copy(graphs.film, known->film);
    copy_prototype(graphs.prototype, known->prototypes, 1);
  }
}

// Runs "text"; the result is in its outputs.
void Target::encode(const Tokens& words, Work& work) {
  TextGraphs& graphs = text_graphs();
  std::copy(words.ids.begin(), words.ids.end(), graphs.ids.integers());
  std::copy(words.mask.begin(), words.mask.end(), graphs.mask.floats());
  work.run(*graphs.encode);
}

void Target::set_text(const Text& text, Work& work) {
  TextGraphs& graphs = text_graphs();
  change_ = next_change();
  spoken_ = {};
  for (std::size_t i = 0; ranks_ && i < text.parts.size(); ++i) {
    Spoken::Part part = {Tensor::zeros(graphs.tokens.spec), Tensor::zeros(graphs.mask.spec),
                         Tensor::zeros(graphs.tokens.spec), Tensor::zeros(graphs.mask.spec),
                         colors_of(text.query->parts[i].phrase)};
    encode(text.parts[i].phrase, work);
    copy(graphs.tokens, part.tokens), copy(graphs.mask, part.mask);
    encode(text.parts[i].noun, work);
    copy(graphs.tokens, part.noun), copy(graphs.mask, part.noun_mask);
    spoken_.parts.push_back(std::move(part));
  }
  spoken_.query = text.query;
  if (ranks_) {
    remember(text.parts.front().phrase, {&words_}, work);  // geometry handles the rest of the sentence
    remember(text.whole, {&everything_}, work);
  } else {
    remember(text.whole, {&words_, &everything_}, work);
  }
}

void Target::warm_up(Work& work) {
  for (Call* call : {text_graphs().encode.get(), text_graphs().prompt.get(), template_graph().call.get()})
    for (int i = 0; i < 2; ++i) work.run(*call);
  if (pairs_)
    for (int i = 0; i < 2; ++i) work.run(*template_graph(true).call);
}

std::vector<float> Target::portrait(const Frame& frame, const Box& box, Work& work) {
  const TemplateGraph& graph = run_template(Senses::color, frame, box, work, {});
  return {graph.prompts.floats(), graph.prompts.floats() + width_};
}

// Puts the mean direction of the target's cells, and of the cells that it does not touch, into now_.
void Target::average(const float* embedding, const float* share, int cells) {
  const std::size_t count = static_cast<std::size_t>(cells) * static_cast<std::size_t>(cells);
  const float enough = std::min(0.5f, *std::max_element(share, share + count));
  std::fill(now_.begin(), now_.end(), 0.0f);
  for (std::size_t n = 0; n < count; ++n) {
    const float inside = share[n] >= enough ? share[n] : 0.0f;
    const float outside = 1.0f - std::min(share[n] * 1e3f, 1.0f);
    const float* token = embedding + n * width_;
    if (inside != 0.0f)
      for (std::size_t i = 0; i < width_; ++i) now_[i] += inside * token[i];
    if (outside != 0.0f)
      for (std::size_t i = 0; i < width_; ++i) now_[width_ + i] += outside * token[i];
  }
  make_unit(now_.data(), width_);
  make_unit(now_.data() + width_, width_);
}

void Target::refresh(const float* embedding, const float* score, const float* share, int cells, float rate) {
  change_ = next_change();
  average(embedding, share, cells);
  for (std::size_t i = 0; i < seen_.size(); ++i)
    seen_[i] = has_seen_ ? seen_[i] * (1 - rate) + now_[i] * rate : now_[i];
  has_seen_ = true;
  sum_ = seen_;
  for (std::size_t row = 0; row < 2; ++row) {
    float* unit = sum_.data() + row * width_;
    make_unit(unit, width_);
    for (std::size_t i = 0; i < width_; ++i) unit[i] = first_[row * width_ + i] + unit[i];
    make_unit(unit, width_);
  }
  float* prompts = everything_.prompts.floats();
  std::copy(sum_.begin(), sum_.end(), prompts);
  const int count = cells * cells;
  int best = 0;
  float rival = -1.0f;
  for (int n = 0; n < count; ++n) {
    const float here = score[n] * (1.0f - std::min(share[n] * 1e3f, 1.0f));
    if (here > rival) best = n, rival = here;
  }
  float* distractor = prompts + 2 * width_;
  std::fill_n(distractor, width_, 0.0f);
  if (rival < kRival * *std::max_element(score, score + count)) return;
  const float* token = embedding + static_cast<std::size_t>(best) * width_;
  for (std::size_t i = 0; i < width_; ++i) distractor[i] = token[i] + 0.3f * now_[width_ + i];
  make_unit(distractor, width_);
}

}  // namespace edgetrack
