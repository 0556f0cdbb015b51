#include "tensorrt_plugins.h"

#include <new>

#include "token_select_cpu.h"

namespace edgetrack {
namespace {

constexpr std::int32_t kOk = 0, kFailed = -1;

trt::ILoggerFinder* logger_finder = nullptr;  // set by TensorRT when it loads the library

void report(char const* message) noexcept {
  trt::ILogger* logger = logger_finder == nullptr ? nullptr : logger_finder->findLogger();
  if (logger != nullptr) logger->log(trt::ILogger::Severity::kERROR, message);
}

// Runs `body`. Exceptions are written to TensorRT's log, and never cross its interface.
template <class Body>
std::int32_t guarded(Body body) noexcept {
  try {
    body();
    return kOk;
  } catch (std::exception const& error) {
    report(error.what());
  }
  return kFailed;
}

void require(bool holds, char const* message) {
  if (!holds) throw std::invalid_argument(message);
}

void require_cuda(int error, char const* what) {
  if (error != cudaSuccess)
    throw std::runtime_error(std::string(what) + ": " + cudaGetErrorString(static_cast<cudaError_t>(error)));
}

bool is_linear(trt::PluginTensorDesc const& tensor, trt::DataType type) {
  return tensor.format == trt::TensorFormat::kLINEAR && tensor.type == type;
}

bool is_token_type(trt::DataType type) {
  return type == trt::DataType::kFLOAT || type == trt::DataType::kHALF || type == trt::DataType::kINT8;
}

TokenType token_type(trt::DataType type) {
  require(is_token_type(type), "tokens must be float32, float16 or int8");
  return type == trt::DataType::kFLOAT  ? TokenType::kFloat
         : type == trt::DataType::kHALF ? TokenType::kHalf
                                        : TokenType::kInt8;
}

std::int32_t extent(trt::Dims const& dims, std::int32_t axis) {
  return static_cast<std::int32_t>(dims.d[axis]);
}

template <class PluginType>
class Creator final : public trt::IPluginCreatorV3One {
 public:
  trt::IPluginV3* createPlugin(trt::AsciiChar const*, trt::PluginFieldCollection const* fields,
                               trt::TensorRTPhase) noexcept override {
    trt::IPluginV3* plugin = nullptr;
    guarded([&] {
      require(fields != nullptr, "createPlugin got no fields");
      plugin = PluginType::create(*fields);
    });
    return plugin;
  }
  trt::PluginFieldCollection const* getFieldNames() noexcept override { return &PluginType::fields(); }
  trt::AsciiChar const* getPluginName() const noexcept override { return PluginType::kName; }
  trt::AsciiChar const* getPluginVersion() const noexcept override { return "1"; }
  trt::AsciiChar const* getPluginNamespace() const noexcept override { return ""; }
};

}  // namespace

TokenSelectPlugin* TokenSelectPlugin::create(trt::PluginFieldCollection const& fields) {
  for (std::int32_t i = 0; i < fields.nbFields; ++i) {
    trt::PluginField const& field = fields.fields[i];
    if (std::strcmp(field.name, "keep") != 0) continue;
    require(field.type == trt::PluginFieldType::kINT32 && field.length == 1 && field.data != nullptr,
            "TokenSelect: the attribute keep must be one int32");
    std::int32_t const keep = *static_cast<std::int32_t const*>(field.data);
    require_range("keep", keep, 1, kMaxTokens);
    return new TokenSelectPlugin(keep);
  }
  throw std::invalid_argument("TokenSelect: the attribute keep is missing; export the model again");
}

trt::PluginFieldCollection const& TokenSelectPlugin::fields() {
  static trt::PluginField const keep{"keep", nullptr, trt::PluginFieldType::kINT32, 1};
  static trt::PluginFieldCollection const collection{1, &keep};
  return collection;
}

trt::PluginFieldCollection const* TokenSelectPlugin::getFieldsToSerialize() noexcept {
  field_ = {"keep", &keep_, trt::PluginFieldType::kINT32, 1};
  serialized_ = {1, &field_};
  return &serialized_;
}

std::int32_t TokenSelectPlugin::getOutputDataTypes(trt::DataType* out, std::int32_t outputs,
                                                   trt::DataType const* in,
                                                   std::int32_t inputs) const noexcept {
  if (inputs != kInputs || outputs != kOutputs) return kFailed;
  out[0] = in[0];
  out[1] = out[2] = trt::DataType::kINT32;
  out[3] = trt::DataType::kFLOAT;
  return kOk;
}

std::int32_t TokenSelectPlugin::getOutputShapes(trt::DimsExprs const* in, std::int32_t inputs,
                                                trt::DimsExprs const*, std::int32_t, trt::DimsExprs* out,
                                                std::int32_t outputs,
                                                trt::IExprBuilder& expressions) noexcept {
  return guarded([&] {
    require(inputs == kInputs && outputs == kOutputs, "TokenSelect has 4 inputs and 4 outputs");
    require(in[0].nbDims == 3 && in[1].nbDims == 3 && in[2].nbDims == 3 && in[3].nbDims == 1,
            "TokenSelect: expected tokens (B, N, D), keys (B, N, E), prototypes (B, P, E), threshold (B)");
    trt::IDimensionExpr const* batch = in[0].d[0];
    trt::IDimensionExpr const* keep = expressions.constant(keep_);
    require(batch != nullptr && keep != nullptr, "TokenSelect: a dimension is missing");
    out[0] = {3, {batch, keep, in[0].d[2]}};
    out[1] = {2, {batch, keep}};
    out[2] = {1, {batch}};
    out[3] = {2, {batch, in[0].d[1]}};
  });
}

bool TokenSelectPlugin::supportsFormatCombination(std::int32_t position,
                                                  trt::DynamicPluginTensorDesc const* tensors,
                                                  std::int32_t inputs, std::int32_t outputs) noexcept {
  if (inputs != kInputs || outputs != kOutputs || position < 0 || position >= kInputs + kOutputs)
    return false;
  trt::PluginTensorDesc const& tensor = tensors[position].desc;
  trt::DataType const tokens = tensors[0].desc.type;
  switch (position) {
    case 0:
      return is_token_type(tokens) && is_linear(tensor, tokens);
    case 1:  // keys
    case 4:
      return is_linear(tensor, tokens);  // selected
    case 5:                              // indices
    case 6:
      return is_linear(tensor, trt::DataType::kINT32);  // count
    default:
      return is_linear(tensor, trt::DataType::kFLOAT);  // prototypes, threshold, scores
  }
}

std::int32_t TokenSelectPlugin::configurePlugin(trt::DynamicPluginTensorDesc const* in, std::int32_t inputs,
                                                trt::DynamicPluginTensorDesc const*,
                                                std::int32_t outputs) noexcept {
  return guarded([&] {
    require(inputs == kInputs && outputs == kOutputs, "TokenSelect has 4 inputs and 4 outputs");
    require(in[0].max.nbDims == 3 && in[2].max.nbDims == 3, "TokenSelect: tokens and prototypes have 3 axes");
    require_range("the largest number of tokens", in[0].max.d[1], keep_, kMaxTokens);
    require_range("the smallest number of tokens", in[0].min.d[1], keep_, kMaxTokens);
    require_range("the width of a key", in[2].max.d[2], 1, kMaxKeyWidth);
    require_range("the number of prototypes", in[2].max.d[1], 1, kMaxPrototypes);
  });
}

std::int32_t TokenSelectPlugin::onShapeChange(trt::PluginTensorDesc const* in, std::int32_t inputs,
                                              trt::PluginTensorDesc const*, std::int32_t outputs) noexcept {
  return guarded([&] {
    require(inputs == kInputs && outputs == kOutputs, "TokenSelect has 4 inputs and 4 outputs");
    trt::Dims const &tokens = in[0].dims, &keys = in[1].dims, &prototypes = in[2].dims;
    require(tokens.nbDims == 3 && keys.nbDims == 3 && prototypes.nbDims == 3 && keys.d[0] == tokens.d[0] &&
                keys.d[1] == tokens.d[1] && prototypes.d[0] == tokens.d[0] && prototypes.d[2] == keys.d[2] &&
                in[3].dims.nbDims == 1 && in[3].dims.d[0] == tokens.d[0],
            "TokenSelect: expected tokens (B, N, D), keys (B, N, E), prototypes (B, P, E), threshold (B)");
    shape_ = {extent(tokens, 0), extent(tokens, 1),     extent(tokens, 2),
              extent(keys, 2),   extent(prototypes, 1), keep_};
    check(shape_);
    type_ = token_type(in[0].type);
    blocks_ = 0;
    require_cuda(edgetrack_token_select_blocks(static_cast<std::int32_t>(type_), &shape_, &blocks_),
                 "TokenSelect: the properties of the GPU cannot be read");
  });
}

std::int32_t TokenSelectPlugin::enqueue(trt::PluginTensorDesc const*, trt::PluginTensorDesc const*,
                                        void const* const* in, void* const* out, void*,
                                        cudaStream_t stream) noexcept {
  return guarded([&] {
    TokenSelectBuffers const buffers{in[0],
                                     in[1],
                                     static_cast<float const*>(in[2]),
                                     static_cast<float const*>(in[3]),
                                     out[0],
                                     static_cast<std::int32_t*>(out[1]),
                                     static_cast<std::int32_t*>(out[2]),
                                     static_cast<float*>(out[3])};
    require_cuda(edgetrack_token_select(static_cast<std::int32_t>(type_), &shape_, &buffers, blocks_, stream),
                 "TokenSelect: the kernel cannot be launched");
  });
}

TokenRestorePlugin* TokenRestorePlugin::create(trt::PluginFieldCollection const&) {
  return new TokenRestorePlugin;
}

trt::PluginFieldCollection const& TokenRestorePlugin::fields() {
  static trt::PluginFieldCollection const none{0, nullptr};
  return none;
}

trt::PluginFieldCollection const* TokenRestorePlugin::getFieldsToSerialize() noexcept { return &fields(); }

std::int32_t TokenRestorePlugin::getOutputDataTypes(trt::DataType* out, std::int32_t outputs,
                                                    trt::DataType const* in,
                                                    std::int32_t inputs) const noexcept {
  if (inputs != kInputs || outputs != kOutputs) return kFailed;
  out[0] = in[0];
  return kOk;
}

std::int32_t TokenRestorePlugin::getOutputShapes(trt::DimsExprs const* in, std::int32_t inputs,
                                                 trt::DimsExprs const*, std::int32_t, trt::DimsExprs* out,
                                                 std::int32_t outputs, trt::IExprBuilder&) noexcept {
  if (inputs != kInputs || outputs != kOutputs) return kFailed;
  out[0] = in[0];
  return kOk;
}

bool TokenRestorePlugin::supportsFormatCombination(std::int32_t position,
                                                   trt::DynamicPluginTensorDesc const* tensors,
                                                   std::int32_t inputs, std::int32_t outputs) noexcept {
  if (inputs != kInputs || outputs != kOutputs || position < 0 || position >= kInputs + kOutputs)
    return false;
  trt::DataType const tokens = tensors[0].desc.type;
  if (position == 2) return is_linear(tensors[2].desc, trt::DataType::kINT32);
  return is_token_type(tokens) && is_linear(tensors[position].desc, tokens);
}

std::int32_t TokenRestorePlugin::configurePlugin(trt::DynamicPluginTensorDesc const*, std::int32_t inputs,
                                                 trt::DynamicPluginTensorDesc const*,
                                                 std::int32_t outputs) noexcept {
  return inputs == kInputs && outputs == kOutputs ? kOk : kFailed;
}

std::int32_t TokenRestorePlugin::onShapeChange(trt::PluginTensorDesc const* in, std::int32_t inputs,
                                               trt::PluginTensorDesc const*, std::int32_t) noexcept {
  return guarded([&] {
    require(inputs == kInputs, "TokenRestore has 3 inputs");
    trt::Dims const &tokens = in[0].dims, &selected = in[1].dims, &indices = in[2].dims;
    require(tokens.nbDims == 3 && selected.nbDims == 3 && indices.nbDims == 2 &&
                selected.d[0] == tokens.d[0] && selected.d[2] == tokens.d[2] && indices.d[0] == tokens.d[0] &&
                indices.d[1] == selected.d[1],
            "TokenRestore: expected tokens (B, N, D), selected (B, K, D), indices (B, K)");
  });
}

std::int32_t TokenRestorePlugin::enqueue(trt::PluginTensorDesc const* in, trt::PluginTensorDesc const*,
                                         void const* const* inputs, void* const* outputs, void*,
                                         cudaStream_t stream) noexcept {
  return guarded([&] {
    TokenType const type = token_type(in[0].type);
    std::int32_t const element = type == TokenType::kFloat ? 4 : type == TokenType::kHalf ? 2 : 1;
    TokenRestoreShape const shape{extent(in[0].dims, 0), extent(in[0].dims, 1), extent(in[1].dims, 1),
                                  extent(in[0].dims, 2) * element};
    require_cuda(edgetrack_token_restore(&shape, inputs[0], inputs[1],
                                         static_cast<std::int32_t const*>(inputs[2]), outputs[0], stream),
                 "TokenRestore: the kernel cannot be launched");
  });
}

}  // namespace edgetrack

extern "C" nvinfer1::IPluginCreatorInterface* const* getCreators(std::int32_t& count) {
  static edgetrack::Creator<edgetrack::TokenSelectPlugin> select;
  static edgetrack::Creator<edgetrack::TokenRestorePlugin> restore;
  static nvinfer1::IPluginCreatorInterface* const creators[] = {&select, &restore};
  count = 2;
  return creators;
}

extern "C" void setLoggerFinder(nvinfer1::ILoggerFinder* finder) { edgetrack::logger_finder = finder; }
