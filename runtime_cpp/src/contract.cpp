#include "contract.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "edgetrack/types.h"
#include "message.h"

namespace edgetrack {

namespace {

struct Shape {
  const char* name;
  const char* axes;  // one letter per axis: equal letters mean equal lengths, a digit is itself, b the number
                     // of targets
};

using Shapes = std::vector<Shape>;

struct Form {
  const char* role;
  Shapes inputs, outputs;
};

Shapes joined(Shapes one, const Shapes& two) {
  one.insert(one.end(), two.begin(), two.end());
  return one;
}

// I, S, G, D: side of the image, and c, s, g, P: side of its maps. N: tokens of the template, T of a text, M
// of both. L: layers. C and H: channels. W: width of an embedding, E of the text encoder's, R of a region's.
// A: boxes, K: those that are compared. V: side of the image of "mask", v and o of its maps; F: cells of its
// memory, Y and U: their channels. J, Z: side of the second sensor's image of template and search.
const std::vector<Form>& forms() {
  static const Shapes picture = {
      {"memory", "bLNC"}, {"anchor", "bNW"}, {"prompts", "b3W"}, {"prototype", "bC"}};
  static const Shapes known = {{"memory", "bLMC"}, {"memory_mask", "bM"}, {"film", "b2C"},
                               {"anchor", "bNW"},  {"prompts", "b3W"},    {"prototypes", "b2C"}};
  static const Shapes found = {{"score", "b1ss"},  {"offset", "b2ss"},  {"size", "b2ss"},
                               {"presence", "b1"}, {"quality", "b1ss"}, {"embedding", "bQW"}};
  static const std::vector<Form> all = {
      {"text", {{"ids", "bT"}, {"mask", "bT"}}, {{"tokens", "bTE"}}},
      {"prompt",
       {{"tokens", "bTE"}, {"mask", "bT"}},
       {{"memory", "bLTC"}, {"film", "b2C"}, {"prototype", "bC"}}},
      {"template", {{"image", "b3II"}, {"target", "b1cc"}}, picture},
      {"search", joined({{"image", "b3SS"}}, known), found},
      {"template_x", {{"image", "b3II"}, {"x", "b3JJ"}, {"present", "b2"}, {"target", "b1cc"}}, picture},
      {"search_x", joined({{"image", "b3SS"}, {"x", "b3ZZ"}, {"present", "b2"}}, known),
       joined(found, {{"share", "b1ss"}})},
      {"ground",
       joined({{"image", "b3GG"}}, known),
       {{"score", "b1gg"}, {"offset", "b2gg"}, {"size", "b2gg"}, {"presence", "b1"}, {"quality", "b1gg"}}},
      {"detect",
       {{"image", "b3DD"}},
       {{"boxes", "bA4"}, {"objectness", "bA"}, {"region", "bAR"}, {"classes", "bAX"}, {"map", "bHPP"}}},
      {"rank",
       {{"map", "bHPP"},
        {"boxes", "bK4"},
        {"region", "bKR"},
        {"classes", "bKX"},
        {"valid", "bK"},
        {"tokens", "bTE"},
        {"mask", "bT"},
        {"noun", "bTE"},
        {"noun_mask", "bT"}},
       {{"score", "bK"}}},
      {"mask",
       {{"image", "b3VV"},
        {"target", "b1vv"},
        {"keys", "b2YF"},
        {"values", "b2UF"},
        {"known", "b2"},
        {"given", "b1oo"},
        {"trust", "b1"}},
       {{"logits", "b1oo"}, {"key", "bYF"}, {"value", "bUF"}}}};
  return all;
}

std::string shown(const std::vector<std::int64_t>& shape) {
  std::string text = "(";
  for (const std::int64_t n : shape)
    text += (text.size() > 1 ? ", " : "") + (n < 0 ? "any" : std::to_string(n));
  return text + ")";
}

[[noreturn]] void refuse(const std::string& role, const std::string& why) {
  throw Error(Code::bundle, message("graph '", role, "' ", why, "; export the bundle again"));
}

// Returns 2 for "search2", 1 for a graph of one target.
std::int64_t targets_of(const std::string& role) {
  constexpr std::size_t letters = 6;
  std::int64_t targets = 1;
  if (role.compare(0, letters, "search") == 0)
    std::from_chars(role.data() + letters, role.data() + role.size(), targets);
  return targets;
}

// Throws Error unless all lengths are positive and the sum of their products is within the limit.
void check_size(const std::string& role, const GraphSpec& graph) {
  std::int64_t all = 0;
  for (const std::vector<TensorSpec>* side : {&graph.inputs, &graph.outputs})
    for (const TensorSpec& spec : *side) {
      std::int64_t count = 1;
      for (const std::int64_t length : spec.shape) {
        if (length < 1)
          refuse(role, message("has the tensor '", spec.name, "' of the shape ", shown(spec.shape),
                               "; expected lengths of at least 1"));
        count = length > kLargestGraph / count ? kLargestGraph + 1 : count * length;
      }
      all += count;  // cannot overflow: the loop ends just above the limit
      if (all > kLargestGraph)
        refuse(role, message("is too large with its tensor '", spec.name, "' of the shape ",
                             shown(spec.shape), "; expected at most ", kLargestGraph,
                             " elements in all tensors of the graph together"));
    }
}

// Derives lengths from others, and checks that they fit together.
void relate(std::map<char, std::int64_t>& known, const std::string& role) {
  if (known.count('s')) known['Q'] = known['s'] * known['s'];  // one embedding for each cell of the map
  const std::int64_t both = known.count('M') ? known['M'] : 0, own = known.count('N') ? known['N'] : 0;
  const std::int64_t text = known.count('T') ? known['T'] : 0;
  if (!both || !own) return;
  if (text ? both != own + text : both <= own)
    refuse(role, message("has a memory of ", both, " tokens, ", own, " of them from the template",
                         text ? message(" and ", text, " from the text") : std::string(),
                         "; expected the sum of the two"));
  known['T'] = both - own;
}

}  // namespace

void Contract::match(const std::string& role, const TensorSpec& spec, const char* axes, std::int64_t batch,
                     Axes& known) const {
  const std::string wanted = axes;
  const DType dtype = spec.name == "ids" ? DType::int64 : DType::float32;
  bool fits = spec.dtype == dtype && spec.shape.size() == wanted.size();
  std::vector<std::int64_t> expected;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const char axis = wanted[i];
    const auto length = known.find(axis);
    std::int64_t here = axis == 'b' ? batch : axis >= '0' && axis <= '9' ? axis - '0' : -1;
    if (length != known.end()) here = length->second;
    if (here < 0 && fits) here = known[axis] = spec.shape[i];
    fits = fits && spec.shape[i] == here;
    expected.push_back(here);
  }
  if (!fits)
    throw Error(Code::bundle,
                message("tensor '", spec.name, "' of graph '", role, "' has the shape ", shown(spec.shape),
                        " or another type; expected ", shown(expected), " of ",
                        dtype == DType::int64 ? "int64" : "float32", ": export the bundle again"));
}

void Contract::set(char axis, std::int64_t length) {
  const auto [known, is_new] = known_.emplace(axis, length);
  if (!is_new && known->second != length)
    throw Error(Code::bundle, message("the manifest has the length ", length, ", but the graphs have ",
                                      known->second, "; export the bundle again"));
}

void Contract::take(const std::string& role, const GraphSpec& graph) {
  const std::int64_t batch = targets_of(role);
  const std::string single = batch > 1 ? "search" : role;
  const auto form =
      std::find_if(forms().begin(), forms().end(), [&](const Form& f) { return f.role == single; });
  if (form == forms().end()) throw Error(Code::config, message("graph '", role, "' is unknown"));
  check_size(role, graph);
  Axes known = known_;  // a rejected graph leaves no trace
  relate(known, role);
  for (const auto& [wanted, specs] :
       {std::pair(&form->inputs, &graph.inputs), {&form->outputs, &graph.outputs}}) {
    for (const Shape& shape : *wanted) {
      const auto spec =
          std::find_if(specs->begin(), specs->end(), [&](const auto& s) { return s.name == shape.name; });
      if (spec == specs->end())
        refuse(role, message("has no tensor '", shape.name, "', which this version of edgetrack needs"));
      match(role, *spec, shape.axes, batch, known);
      relate(known, role);
    }
  }
  if (graph.inputs.size() != form->inputs.size())
    refuse(role, message("has ", graph.inputs.size(), " inputs; expected ", form->inputs.size()));
  known_ = std::move(known);
}

namespace {

class CheckedEngine final : public Engine {
 public:
  explicit CheckedEngine(std::shared_ptr<Engine> engine) : engine_(std::move(engine)) {}

  GraphSpec graph(const std::string& role) override {
    GraphSpec spec = engine_->graph(role);
    contract_.take(role, spec);
    return spec;
  }

  std::unique_ptr<Call> bind(const std::string& role, const std::vector<Tensor>& inputs,
                             const std::vector<Tensor>& outputs) override {
    return engine_->bind(role, inputs, outputs);
  }

  bool concurrent() const override { return engine_->concurrent(); }

 private:
  const std::shared_ptr<Engine> engine_;
  Contract contract_;
};

}  // namespace

std::shared_ptr<Engine> checked(std::shared_ptr<Engine> engine) {
  return std::make_shared<CheckedEngine>(std::move(engine));
}

const TensorSpec& named(const std::vector<TensorSpec>& specs, const char* name) {
  const auto spec = std::find_if(specs.begin(), specs.end(), [&](const auto& s) { return s.name == name; });
  if (spec == specs.end()) throw Error(Code::bundle, message("there is no tensor '", name, "'"));
  return *spec;
}

}  // namespace edgetrack
