// kernels/onnxruntime_api.h beside ONNX Runtime's own header: every index, signature and constant, at compile
// time.
#include <onnxruntime_c_api.h>

#include <cstddef>
#include <type_traits>

#include "onnxruntime_api.h"

namespace {

namespace ours = edgetrack::ort;

// Whether a type of ours is passed as theirs is: enumerations cross as int.
template <class Ours, class Theirs>
struct Same {
  static constexpr bool value = [] {
    if constexpr (std::is_enum_v<Theirs>)
      return std::is_same_v<Ours, int> && sizeof(Theirs) == sizeof(int);
    else
      return std::is_same_v<Ours, Theirs>;
  }();
};
template <class Ours, class Theirs>
struct Same<const Ours, const Theirs> : Same<Ours, Theirs> {};
template <class Ours, class Theirs>
struct Same<Ours*, Theirs*> : Same<Ours, Theirs> {};
template <>
struct Same<ours::CustomOp, OrtCustomOp> : std::true_type {};
template <class R, class... A, class S, class... B>
struct Same<R(A...), S(B...)> {
  static constexpr bool value = [] {
    if constexpr (sizeof...(A) != sizeof...(B))
      return false;
    else
      return Same<R, S>::value && (Same<A, B>::value && ...);
  }();
};
template <class R, class... A, class S, class... B>  // theirs throw nothing
struct Same<R(A...), S(B...) noexcept> : Same<R(A...), S(B...)> {};

#define CHECK_FUNCTION(index, name, result, ...)                                           \
  static_assert(offsetof(OrtApi, name) == (index) * sizeof(void*), "the index of " #name); \
  static_assert(Same<decltype(ours::Api::name), decltype(OrtApi::name)>::value, "the signature of " #name);
EDGETRACK_ORT_API(CHECK_FUNCTION)

#define CHECK_FIELD(name)                                                                 \
  static_assert(offsetof(ours::CustomOp, name) == offsetof(OrtCustomOp, name),            \
                "the place of CustomOp::" #name);                                         \
  static_assert(Same<decltype(ours::CustomOp::name), decltype(OrtCustomOp::name)>::value, \
                "CustomOp:"                                                               \
                ":" #name);
CHECK_FIELD(version)
CHECK_FIELD(CreateKernel)
CHECK_FIELD(GetName)
CHECK_FIELD(GetExecutionProviderType)
CHECK_FIELD(GetInputType)
CHECK_FIELD(GetInputTypeCount)
CHECK_FIELD(GetOutputType)
CHECK_FIELD(GetOutputTypeCount)
CHECK_FIELD(KernelCompute)
CHECK_FIELD(KernelDestroy)
CHECK_FIELD(GetInputCharacteristic)
CHECK_FIELD(GetOutputCharacteristic)
CHECK_FIELD(GetInputMemoryType)
CHECK_FIELD(GetVariadicInputMinArity)
CHECK_FIELD(GetVariadicInputHomogeneity)
CHECK_FIELD(GetVariadicOutputMinArity)
CHECK_FIELD(GetVariadicOutputHomogeneity)
CHECK_FIELD(CreateKernelV2)
CHECK_FIELD(KernelComputeV2)
CHECK_FIELD(InferOutputShapeFn)
CHECK_FIELD(GetStartVersion)
CHECK_FIELD(GetEndVersion)
CHECK_FIELD(GetMayInplace)
CHECK_FIELD(ReleaseMayInplace)
CHECK_FIELD(GetAliasMap)
CHECK_FIELD(ReleaseAliasMap)
static_assert(ORT_API_VERSION > ours::kApiVersion || sizeof(ours::CustomOp) == sizeof(OrtCustomOp));

static_assert(ORT_API_VERSION >= ours::kApiVersion);
static_assert(offsetof(ours::ApiBase, GetApi) == offsetof(OrtApiBase, GetApi));
static_assert(Same<decltype(ours::ApiBase::GetApi), decltype(OrtApiBase::GetApi)>::value);
static_assert(offsetof(ours::ApiBase, GetVersionString) == offsetof(OrtApiBase, GetVersionString));

static_assert(ours::kFail == ORT_FAIL && ours::kInvalidArgument == ORT_INVALID_ARGUMENT &&
              ours::kNotImplemented == ORT_NOT_IMPLEMENTED);
static_assert(ours::kFloat == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT &&
              ours::kFloat16 == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16 &&
              ours::kInt8 == ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8 &&
              ours::kInt32 == ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32 &&
              ours::kInt64 == ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64);
static_assert(ours::kLogErrors == ORT_LOGGING_LEVEL_ERROR && ours::kArenaAllocator == OrtArenaAllocator &&
              ours::kDefaultMemory == OrtMemTypeDefault && ours::kRequired == INPUT_OUTPUT_REQUIRED);

}  // namespace

int main() {}
