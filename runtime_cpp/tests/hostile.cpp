// Graphs that are not what they should be, one length of one tensor at a time and then several, reach all
// that reads and writes tensors: each is refused as a bundle, or it does no harm. To be run under the
// sanitizers.
#include <cmath>
#include <cstdio>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "dice_engine.h"
#include "edgetrack/multi_tracker.h"
#include "edgetrack/tracker.h"
#include "message.h"
#include "phrase.h"

using namespace edgetrack;

namespace {

using Change = std::function<void(const std::string& role, GraphSpec& graph)>;

// Writes every element of its outputs and reads every element of its inputs, as a network would.
class HostileEngine final : public Engine {
 public:
  explicit HostileEngine(const Change& change) : change_(change) {}

  GraphSpec graph(const std::string& role) override {
    GraphSpec spec = dice_.graph(role);
    change_(role, spec);
    return spec;
  }

  std::unique_ptr<Call> bind(const std::string& role, const std::vector<Tensor>& inputs,
                             const std::vector<Tensor>& outputs) override {
    return std::make_unique<Reading>(dice_.bind(role, inputs, outputs), inputs);
  }

 private:
  struct Reading final : Call {
    Reading(std::unique_ptr<Call> dice, const std::vector<Tensor>& tensors)
        : call(std::move(dice)), inputs(tensors) {}
    void run() override {
      for (const Tensor& tensor : inputs)
        for (std::size_t i = 0; i < tensor.spec.bytes(); ++i)
          sum += static_cast<const char*>(tensor.data.get())[i];
      call->run();
    }
    std::unique_ptr<Call> call;
    const std::vector<Tensor> inputs;
    unsigned sum = 0;
  };

  DiceEngine dice_{7};
  const Change change_;
};

int failures = 0, refused = 0, harmless = 0;

void check_box(const Track& track, const std::string& what) {
  const Box box = track.box.value_or(Box{0, 0, 1, 1});
  if (std::isfinite(box.x + box.y + box.w + box.h) && box.w > 0 && box.h > 0) return;
  ++failures;
  std::printf("FAILED: %s: a box of %g, %g, %g, %g\n", what.c_str(), box.x, box.y, box.w, box.h);
}

void follow(const std::shared_ptr<Engine>& engine, const std::string& what, bool ranks) {
  const Model model = {2.0, 4.0, {0, 0, 0}, {1, 1, 1}, {0, 0, 0}, ranks};
  Policy policy;
  policy.reverify_interval = policy.template_update_interval = policy.max_uncertain_frames = 2;
  policy.template_blend = 0.3, policy.template_blend_interval = 3, policy.template_blend_delay = 1;
  policy.template_update_threshold = 0.1;
  std::vector<std::uint8_t> pixels(64 * 48 * 3, 90);
  const Frame frame = {pixels.data(), 64, 48, 192};
  const Tokens words = {{1, 2, 3, 4, 0, 0}, {1, 1, 1, 1, 0, 0}};
  const auto query = std::make_shared<const Query>(parse("the second red car left of the bus"));
  const Text text = {words, std::vector<Text::Part>(query->parts.size(), {words, words}), query};
  const Box box = {10, 10, 20, 20};
  Tracker tracker(engine, model, policy);
  check_box(tracker.start(frame, &text, nullptr), what);
  for (int i = 0; i < 6; ++i) check_box(tracker.update(frame), what);
  tracker.start(frame, &text, &box);
  for (int i = 0; i < 6; ++i) check_box(tracker.update(frame), what);
  MultiTracker several(engine, model, policy, {2, 4});
  for (const char* name : {"a", "b", "c", "d", "e"}) several.add(name, &text, &box);
  for (int i = 0; i < 6; ++i)
    for (const MultiTracker::Result& result : several.update(frame)) {
      if (result.failure) std::rethrow_exception(result.failure);
      check_box(*result.track, what);
    }
}

void attempt(const std::string& what, const Change& change) {
  try {
    for (const bool ranks : {false, true}) follow(std::make_shared<HostileEngine>(change), what, ranks);
    ++harmless;
  } catch (const Error& error) {
    // the text that comes here has as many tokens as before, which other graphs may agree not to take
    if (error.code == Code::bundle || error.code == Code::prompt)
      ++refused;
    else
      ++failures, std::printf("FAILED: %s: %s\n", what.c_str(), error.what());
  } catch (const std::exception& error) {
    ++failures, std::printf("FAILED: %s: %s\n", what.c_str(), error.what());
  }
}

TensorSpec& tensor_of(GraphSpec& graph, std::size_t index) {
  return index < graph.inputs.size() ? graph.inputs[index] : graph.outputs[index - graph.inputs.size()];
}

constexpr std::int64_t kLengths[] = {-1, 0, 1, 3, 64, 4096, std::int64_t{1} << 31, std::int64_t{1} << 62};

void each_length(const std::string& role) {
  DiceEngine dice(7);
  GraphSpec plain = dice.graph(role);
  for (std::size_t t = 0; t < plain.inputs.size() + plain.outputs.size(); ++t) {
    const TensorSpec spec = tensor_of(plain, t);
    const std::string what = role + " " + spec.name;
    const auto change = [&](const std::function<void(TensorSpec&)>& to) {
      attempt(what, [&](const std::string& asked, GraphSpec& graph) {
        if (asked == role) to(tensor_of(graph, t));
      });
    };
    for (std::size_t axis = 0; axis < spec.shape.size(); ++axis)
      for (const std::int64_t length : kLengths) change([&](TensorSpec& own) { own.shape[axis] = length; });
    change([](TensorSpec& own) { own.shape.pop_back(); });
    change([](TensorSpec& own) { own.shape.push_back(1); });
    change([](TensorSpec& own) { own.shape.clear(); });
    change([](TensorSpec& own) { own.dtype = own.dtype == DType::int64 ? DType::float32 : DType::int64; });
    change([](TensorSpec& own) { own.dtype = DType::other; });
    change([](TensorSpec& own) { own.name += "2"; });
  }
}

// Changes that agree with each other where a dice falls so: of several graphs, and of several axes to one
// length.
void many_at_once(unsigned seed) {
  std::mt19937 dice(seed);
  const auto one_of = [&](std::size_t count) { return static_cast<std::size_t>(dice() % count); };
  const std::int64_t from[] = {1, 2, 3, 4, 6, 8, 10, 16, 32, 256};
  const std::int64_t old = from[one_of(std::size(from))], now = kLengths[2 + one_of(std::size(kLengths) - 2)];
  const bool in_all = one_of(2) == 0;
  const std::string roles[] = {"text",    "prompt", "template", "search", "search2",
                               "search4", "ground", "detect",   "rank"};
  const std::string role = roles[one_of(std::size(roles))];
  attempt(message("seed ", seed), [=](const std::string& asked, GraphSpec& graph) {
    if (!in_all && asked != role) return;
    for (std::vector<TensorSpec>* side : {&graph.inputs, &graph.outputs})
      for (TensorSpec& spec : *side)
        for (std::int64_t& length : spec.shape)
          if (length == old) length = now;
  });
}

}  // namespace

int main() {
  attempt("nothing changed", [](const std::string&, GraphSpec&) {});
  if (harmless != 1) ++failures, std::printf("FAILED: what is right was refused\n");
  for (const char* role :
       {"text", "prompt", "template", "search", "search2", "search4", "ground", "detect", "rank"})
    each_length(role);
  for (unsigned seed = 0; seed < 120; ++seed) many_at_once(seed);
  std::printf("%d refused, %d harmless, %d failures\n", refused, harmless, failures);
  return failures ? 1 : 0;
}
