// The plugins without a GPU and without libnvinfer: shapes through a fake expression builder, formats,
// fields, serialize -> create -> clone round trips, and what is refused.
// tests/engines/test_tensorrt_plugins.py compiles and runs it.
#include <NvInferRuntime.h>
#include <NvInferRuntimePlugin.h>

#include <cstring>
#include <deque>
#include <memory>

#include "check.h"

namespace trt = nvinfer1;

// All that the library shows: TensorRT itself knows no more of it.
extern "C" trt::IPluginCreatorInterface* const* getCreators(std::int32_t& count);
extern "C" void setLoggerFinder(trt::ILoggerFinder* finder);

class FakeDimension : public trt::IDimensionExpr {
 public:
  explicit FakeDimension(std::int64_t value) : impl_(value) { mImpl = &impl_; }
  ~FakeDimension() noexcept override = default;

 private:
  struct Impl : trt::apiv::VDimensionExpr {
    std::int64_t value;
    explicit Impl(std::int64_t v) : value(v) {}
    bool isConstant() const override { return true; }
    std::int64_t getConstantValue() const override { return value; }
    bool isSizeTensor() const override { return false; }
  } impl_;
};

class FakeBuilder : public trt::IExprBuilder {
 public:
  FakeBuilder() { mImpl = &impl_; }
  ~FakeBuilder() noexcept override = default;

 private:
  struct Impl : trt::apiv::VExprBuilder {
    std::deque<FakeDimension> dimensions;
    trt::IDimensionExpr const* constant(std::int64_t value) override {
      return &dimensions.emplace_back(value);
    }
    trt::IDimensionExpr const* operation(trt::DimensionOperation, trt::IDimensionExpr const&,
                                         trt::IDimensionExpr const&) override {
      return nullptr;  // no plugin does arithmetic on dimensions
    }
    trt::IDimensionExpr const* declareSizeTensor(std::int32_t, trt::IDimensionExpr const&,
                                                 trt::IDimensionExpr const&) override {
      return nullptr;
    }
  } impl_;
};

class CountingLogger : public trt::ILogger {
 public:
  int errors = 0;
  void log(Severity severity, trt::AsciiChar const* message) noexcept override {
    std::printf("  log: %s\n", message);
    errors += severity == Severity::kERROR;
  }
};

class Finder : public trt::ILoggerFinder {
 public:
  CountingLogger logger;
  trt::ILogger* findLogger() noexcept override { return &logger; }
};

template <class Interface>
Interface* capability(trt::IPluginV3& plugin, trt::PluginCapabilityType type) {
  return static_cast<Interface*>(plugin.getCapabilityInterface(type));
}

trt::IPluginCreatorV3One& creator_of(std::int32_t index) {
  std::int32_t count = 0;
  trt::IPluginCreatorInterface* const* creators = getCreators(count);
  CHECK(count == 2);
  return *static_cast<trt::IPluginCreatorV3One*>(creators[index]);
}

using Owned = std::unique_ptr<trt::IPluginV3>;

Owned make_select(std::int32_t keep) {
  trt::PluginField const field{"keep", &keep, trt::PluginFieldType::kINT32, 1};
  trt::PluginFieldCollection const fields{1, &field};
  return Owned(creator_of(0).createPlugin("node", &fields, trt::TensorRTPhase::kBUILD));
}

std::int32_t keep_of(trt::IPluginV3& plugin) {
  auto* runtime = capability<trt::IPluginV3OneRuntime>(plugin, trt::PluginCapabilityType::kRUNTIME);
  trt::PluginFieldCollection const* fields = runtime->getFieldsToSerialize();
  CHECK(fields->nbFields == 1 && fields->fields[0].type == trt::PluginFieldType::kINT32);
  return *static_cast<std::int32_t const*>(fields->fields[0].data);
}

void test_round_trips() {
  const Owned plugin = make_select(128);
  CHECK(plugin != nullptr && keep_of(*plugin) == 128);
  const Owned clone(plugin->clone());
  CHECK(clone.get() != plugin.get() && keep_of(*clone) == 128);
  auto* runtime = capability<trt::IPluginV3OneRuntime>(*plugin, trt::PluginCapabilityType::kRUNTIME);
  const Owned attached(runtime->attachToContext(nullptr));
  CHECK(attached.get() != plugin.get() && keep_of(*attached) == 128);
  trt::PluginFieldCollection const* serialized = runtime->getFieldsToSerialize();
  const Owned again(creator_of(0).createPlugin("node", serialized, trt::TensorRTPhase::kRUNTIME));
  CHECK(again != nullptr && keep_of(*again) == 128);
  auto* core = capability<trt::IPluginV3OneCore>(*again, trt::PluginCapabilityType::kCORE);
  CHECK(std::strcmp(core->getPluginName(), "TokenSelect") == 0);
  CHECK(std::strcmp(core->getPluginVersion(), "1") == 0 && std::strcmp(core->getPluginNamespace(), "") == 0);
}

void test_what_is_refused(CountingLogger& logger) {
  const int before = logger.errors;
  CHECK(make_select(0) == nullptr && make_select(1025) == nullptr);
  trt::PluginFieldCollection const none{0, nullptr};
  CHECK(creator_of(0).createPlugin("node", &none, trt::TensorRTPhase::kBUILD) == nullptr);
  CHECK(creator_of(0).createPlugin("node", nullptr, trt::TensorRTPhase::kBUILD) == nullptr);
  float const wrong = 4.0f;
  trt::PluginField const field{"keep", &wrong, trt::PluginFieldType::kFLOAT32, 1};
  trt::PluginFieldCollection const fields{1, &field};
  CHECK(creator_of(0).createPlugin("node", &fields, trt::TensorRTPhase::kBUILD) == nullptr);
  CHECK(logger.errors == before + 5);
}

void test_shapes() {
  const Owned plugin = make_select(128);
  auto* build = capability<trt::IPluginV3OneBuild>(*plugin, trt::PluginCapabilityType::kBUILD);
  CHECK(build->getNbOutputs() == 4 && build->getWorkspaceSize(nullptr, 4, nullptr, 4) == 0);
  FakeBuilder builder;
  FakeDimension const b(2), n(400), d(192), e(64), p(3);
  trt::DimsExprs in[4] = {{3, {&b, &n, &d}}, {3, {&b, &n, &e}}, {3, {&b, &p, &e}}, {1, {&b}}}, out[4] = {};
  CHECK(build->getOutputShapes(in, 4, nullptr, 0, out, 4, builder) == 0);
  CHECK(out[0].nbDims == 3 && out[0].d[0] == &b && out[0].d[1]->getConstantValue() == 128 &&
        out[0].d[2] == &d);
  CHECK(out[1].nbDims == 2 && out[1].d[0] == &b && out[1].d[1]->getConstantValue() == 128);
  CHECK(out[2].nbDims == 1 && out[2].d[0] == &b);
  CHECK(out[3].nbDims == 2 && out[3].d[0] == &b && out[3].d[1] == &n);
  in[3].nbDims = 2;
  CHECK(build->getOutputShapes(in, 4, nullptr, 0, out, 4, builder) != 0);
  CHECK(build->getOutputShapes(in, 3, nullptr, 0, out, 4, builder) != 0);
}

// How many of all combinations of types and formats `plugin` supports, when asked the way TensorRT does.
int supported(trt::IPluginV3OneBuild& build, std::int32_t inputs, std::int32_t outputs) {
  trt::DataType const types[] = {trt::DataType::kFLOAT, trt::DataType::kHALF, trt::DataType::kINT8,
                                 trt::DataType::kINT32, trt::DataType::kBOOL, trt::DataType::kINT64};
  trt::TensorFormat const formats[] = {trt::TensorFormat::kLINEAR, trt::TensorFormat::kCHW32,
                                       trt::TensorFormat::kHWC8};
  trt::DynamicPluginTensorDesc tensors[8] = {};
  const auto extend = [&](auto&& self, std::int32_t position) -> int {
    if (position == inputs + outputs) return 1;
    int found = 0;
    for (const auto type : types) {
      for (const auto format : formats) {
        tensors[position].desc.type = type;
        tensors[position].desc.format = format;
        if (build.supportsFormatCombination(position, tensors, inputs, outputs))
          found += self(self, position + 1);
      }
    }
    return found;
  };
  return extend(extend, 0);
}

void test_formats() {
  const Owned select = make_select(1);
  auto* build = capability<trt::IPluginV3OneBuild>(*select, trt::PluginCapabilityType::kBUILD);
  CHECK(supported(*build, 4, 4) == 3);  // one each for float32, float16 and int8 tokens
  trt::PluginFieldCollection const none{0, nullptr};
  const Owned restore(creator_of(1).createPlugin("node", &none, trt::TensorRTPhase::kBUILD));
  CHECK(supported(*capability<trt::IPluginV3OneBuild>(*restore, trt::PluginCapabilityType::kBUILD), 3, 1) ==
        3);
  trt::DataType const in[4] = {trt::DataType::kHALF, trt::DataType::kHALF, trt::DataType::kFLOAT,
                               trt::DataType::kFLOAT};
  trt::DataType out[4] = {};
  CHECK(build->getOutputDataTypes(out, 4, in, 4) == 0);
  CHECK(out[0] == trt::DataType::kHALF && out[1] == trt::DataType::kINT32 &&
        out[2] == trt::DataType::kINT32 && out[3] == trt::DataType::kFLOAT);
}

trt::DynamicPluginTensorDesc dynamic(trt::Dims min, trt::Dims max) {
  trt::DynamicPluginTensorDesc tensor{};
  tensor.min = min;
  tensor.max = max;
  return tensor;
}

void test_limits_of_a_dynamic_build() {
  const Owned plugin = make_select(128);
  auto* build = capability<trt::IPluginV3OneBuild>(*plugin, trt::PluginCapabilityType::kBUILD);
  trt::DynamicPluginTensorDesc const out[4] = {};
  const auto configure = [&](std::int64_t fewest, std::int64_t most, std::int64_t width) {
    trt::DynamicPluginTensorDesc const in[4] = {dynamic({3, {1, fewest, 192}}, {3, {8, most, 192}}),
                                                dynamic({3, {1, fewest, width}}, {3, {8, most, width}}),
                                                dynamic({3, {1, 2, width}}, {3, {8, 2, width}}),
                                                dynamic({1, {1}}, {1, {8}})};
    return build->configurePlugin(in, 4, out, 4);
  };
  CHECK(configure(128, 1024, 768) == 0);
  CHECK(configure(127, 1024, 768) != 0);
  CHECK(configure(128, 1025, 768) != 0);
  CHECK(configure(128, 1024, 769) != 0);
}

void test_shapes_that_do_not_fit_are_refused_before_a_launch() {
  const Owned plugin = make_select(4);
  auto* runtime = capability<trt::IPluginV3OneRuntime>(*plugin, trt::PluginCapabilityType::kRUNTIME);
  trt::PluginTensorDesc in[4] = {}, out[4] = {};
  in[0].dims = {3, {1, 16, 8}};
  in[1].dims = {3, {1, 15, 8}};  // one key too few
  in[2].dims = {3, {1, 2, 8}};
  in[3].dims = {1, {1}};
  CHECK(runtime->onShapeChange(in, 4, out, 4) != 0);
  void const* const inputs[4] = {};
  void* const outputs[4] = {};
  CHECK(runtime->enqueue(in, out, inputs, outputs, nullptr, nullptr) != 0);  // no shape was accepted yet
}

int main() {
  Finder finder;
  setLoggerFinder(&finder);
  test_round_trips();
  test_what_is_refused(finder.logger);
  test_shapes();
  test_formats();
  test_limits_of_a_dynamic_build();
  test_shapes_that_do_not_fit_are_refused_before_a_launch();
  std::puts("ok");
}
