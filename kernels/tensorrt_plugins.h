// edgetrack's operators as TensorRT plugins (IPluginV3), for TensorRT 10.3 to 11 from one source.
//
// Only this file and tensorrt_plugins.cpp depend on TensorRT; the functions of cuda_kernels.h do the work.
#pragma once

#include <NvInferRuntime.h>
#include <NvInferRuntimePlugin.h>

#include "cuda_kernels.h"

namespace edgetrack {

namespace trt = nvinfer1;

// Common base of edgetrack's plugins. `Self` provides kName, a copy of itself, and the virtual functions.
template <class Self>
class Plugin : public trt::IPluginV3,
               public trt::IPluginV3OneCore,
               public trt::IPluginV3OneBuild,
               public trt::IPluginV3OneRuntime {
 public:
  trt::IPluginCapability* getCapabilityInterface(trt::PluginCapabilityType type) noexcept override {
    switch (type) {
      case trt::PluginCapabilityType::kCORE:
        return static_cast<trt::IPluginV3OneCore*>(this);
      case trt::PluginCapabilityType::kBUILD:
        return static_cast<trt::IPluginV3OneBuild*>(this);
      case trt::PluginCapabilityType::kRUNTIME:
        return static_cast<trt::IPluginV3OneRuntime*>(this);
    }
    return nullptr;
  }
  trt::IPluginV3* clone() noexcept override {
    return new (std::nothrow) Self(static_cast<const Self&>(*this));
  }
  trt::IPluginV3* attachToContext(trt::IPluginResourceContext*) noexcept override { return clone(); }
  trt::AsciiChar const* getPluginName() const noexcept override { return Self::kName; }
  trt::AsciiChar const* getPluginVersion() const noexcept override { return "1"; }
  trt::AsciiChar const* getPluginNamespace() const noexcept override { return ""; }
  std::int32_t getNbOutputs() const noexcept override { return Self::kOutputs; }
};

// tokens (B, N, D), keys (B, N, E), prototypes (B, P, E), threshold (B)
//   -> selected (B, K, D), indices (B, K), count (B), scores (B, N)
class TokenSelectPlugin final : public Plugin<TokenSelectPlugin> {
 public:
  static constexpr char const* kName = "TokenSelect";
  static constexpr std::int32_t kInputs = 4, kOutputs = 4;

  explicit TokenSelectPlugin(std::int32_t keep) : keep_(keep) {}
  // Takes `keep` from the fields; throws std::invalid_argument.
  static TokenSelectPlugin* create(trt::PluginFieldCollection const& fields);
  static trt::PluginFieldCollection const& fields();

  std::int32_t keep() const { return keep_; }
  std::int32_t configurePlugin(trt::DynamicPluginTensorDesc const* in, std::int32_t inputs,
                               trt::DynamicPluginTensorDesc const* out,
                               std::int32_t outputs) noexcept override;
  std::int32_t getOutputDataTypes(trt::DataType* out, std::int32_t outputs, trt::DataType const* in,
                                  std::int32_t inputs) const noexcept override;
  std::int32_t getOutputShapes(trt::DimsExprs const* in, std::int32_t inputs, trt::DimsExprs const*,
                               std::int32_t, trt::DimsExprs* out, std::int32_t outputs,
                               trt::IExprBuilder& expressions) noexcept override;
  bool supportsFormatCombination(std::int32_t position, trt::DynamicPluginTensorDesc const* tensors,
                                 std::int32_t inputs, std::int32_t outputs) noexcept override;
  std::int32_t onShapeChange(trt::PluginTensorDesc const* in, std::int32_t inputs,
                             trt::PluginTensorDesc const* out, std::int32_t outputs) noexcept override;
  std::int32_t enqueue(trt::PluginTensorDesc const*, trt::PluginTensorDesc const*, void const* const* in,
                       void* const* out, void*, cudaStream_t stream) noexcept override;
  trt::PluginFieldCollection const* getFieldsToSerialize() noexcept override;

 private:
  std::int32_t keep_;
  std::int32_t blocks_ = 0;  // 0 until onShapeChange
  TokenType type_ = TokenType::kFloat;
  TokenSelectShape shape_{};
  trt::PluginField field_{};
  trt::PluginFieldCollection serialized_{};
};

// tokens (B, N, D), selected (B, K, D), indices (B, K) -> tokens (B, N, D)
class TokenRestorePlugin final : public Plugin<TokenRestorePlugin> {
 public:
  static constexpr char const* kName = "TokenRestore";
  static constexpr std::int32_t kInputs = 3, kOutputs = 1;

  static TokenRestorePlugin* create(trt::PluginFieldCollection const& fields);
  static trt::PluginFieldCollection const& fields();

  std::int32_t configurePlugin(trt::DynamicPluginTensorDesc const* in, std::int32_t inputs,
                               trt::DynamicPluginTensorDesc const* out,
                               std::int32_t outputs) noexcept override;
  std::int32_t getOutputDataTypes(trt::DataType* out, std::int32_t outputs, trt::DataType const* in,
                                  std::int32_t inputs) const noexcept override;
  std::int32_t getOutputShapes(trt::DimsExprs const* in, std::int32_t inputs, trt::DimsExprs const*,
                               std::int32_t, trt::DimsExprs* out, std::int32_t outputs,
                               trt::IExprBuilder& expressions) noexcept override;
  bool supportsFormatCombination(std::int32_t position, trt::DynamicPluginTensorDesc const* tensors,
                                 std::int32_t inputs, std::int32_t outputs) noexcept override;
  std::int32_t onShapeChange(trt::PluginTensorDesc const* in, std::int32_t inputs,
                             trt::PluginTensorDesc const* out, std::int32_t outputs) noexcept override;
  std::int32_t enqueue(trt::PluginTensorDesc const* in, trt::PluginTensorDesc const*,
                       void const* const* inputs, void* const* outputs, void*,
                       cudaStream_t stream) noexcept override;
  trt::PluginFieldCollection const* getFieldsToSerialize() noexcept override;
};

}  // namespace edgetrack

extern "C" {
ET_EXPORT nvinfer1::IPluginCreatorInterface* const* getCreators(std::int32_t& count);
ET_EXPORT void setLoggerFinder(nvinfer1::ILoggerFinder* finder);
}
