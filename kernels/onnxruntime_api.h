// The part of ONNX Runtime's C API that edgetrack uses. It is declared here, so that no build needs ONNX
// Runtime's own header.
//
// ONNX Runtime returns one table of functions, which new versions only extend: indices and signatures of
// version kApiVersion remain valid in all later libraries. tests/engines/test_onnxruntime_api.py compares
// them, and the layout of CustomOp, with ONNX Runtime's header if it is installed.
#pragma once

#include <cstddef>
#include <cstdint>

// ONNX Runtime's own types; edgetrack only ever has pointers to them.
struct OrtAllocator;
struct OrtApi;
struct OrtCustomOpDomain;
struct OrtEnv;
struct OrtIoBinding;
struct OrtKernelContext;
struct OrtKernelInfo;
struct OrtMemoryInfo;
struct OrtRunOptions;
struct OrtSession;
struct OrtSessionOptions;
struct OrtShapeInferContext;
struct OrtStatus;
struct OrtTensorTypeAndShapeInfo;
struct OrtTypeInfo;
struct OrtValue;

namespace edgetrack::ort {

constexpr std::uint32_t kApiVersion = 18;  // of ONNX Runtime 1.18

// Values of enumerations, which cross the interface as int.
constexpr int kFail = 1, kInvalidArgument = 2, kNotImplemented = 9;          // OrtErrorCode
constexpr int kFloat = 1, kInt8 = 3, kInt32 = 6, kInt64 = 7, kFloat16 = 10;  // ONNXTensorElementDataType
constexpr int kLogErrors = 3;                                                // OrtLoggingLevel
constexpr int kArenaAllocator = 1, kDefaultMemory = 0;                       // OrtAllocatorType, OrtMemType
constexpr int kRequired = 0;  // OrtCustomOpInputOutputCharacteristic

struct ApiBase {
  const OrtApi* (*GetApi)(std::uint32_t version);  // null if the library is older
  const char* (*GetVersionString)();
};

// An operator, as of version kApiVersion; null functions have their defaults.
struct CustomOp {
  std::uint32_t version;
  void* (*CreateKernel)(const CustomOp*, const OrtApi*, const OrtKernelInfo*);
  const char* (*GetName)(const CustomOp*);
  const char* (*GetExecutionProviderType)(const CustomOp*);
  int (*GetInputType)(const CustomOp*, std::size_t index);
  std::size_t (*GetInputTypeCount)(const CustomOp*);
  int (*GetOutputType)(const CustomOp*, std::size_t index);
  std::size_t (*GetOutputTypeCount)(const CustomOp*);
  void (*KernelCompute)(void* kernel, OrtKernelContext*);
  void (*KernelDestroy)(void* kernel);
  int (*GetInputCharacteristic)(const CustomOp*, std::size_t index);
  int (*GetOutputCharacteristic)(const CustomOp*, std::size_t index);
  int (*GetInputMemoryType)(const CustomOp*, std::size_t index);
  int (*GetVariadicInputMinArity)(const CustomOp*);
  int (*GetVariadicInputHomogeneity)(const CustomOp*);
  int (*GetVariadicOutputMinArity)(const CustomOp*);
  int (*GetVariadicOutputHomogeneity)(const CustomOp*);
  OrtStatus* (*CreateKernelV2)(const CustomOp*, const OrtApi*, const OrtKernelInfo*, void** kernel);
  OrtStatus* (*KernelComputeV2)(void* kernel, OrtKernelContext*);
  OrtStatus* (*InferOutputShapeFn)(const CustomOp*, OrtShapeInferContext*);
  int (*GetStartVersion)(const CustomOp*);
  int (*GetEndVersion)(const CustomOp*);
  std::size_t (*GetMayInplace)(int** inputs, int** outputs);
  void (*ReleaseMayInplace)(int* inputs, int* outputs);
  std::size_t (*GetAliasMap)(int** inputs, int** outputs);
  void (*ReleaseAliasMap)(int* inputs, int* outputs);
};

// FUNCTION(index in the table, name, result, parameters...)
#define EDGETRACK_ORT_API(FUNCTION)                                                                          \
  FUNCTION(0, CreateStatus, OrtStatus*, int code, const char* text)                                          \
  FUNCTION(2, GetErrorMessage, const char*, const OrtStatus*)                                                \
  FUNCTION(3, CreateEnv, OrtStatus*, int log_level, const char* log_name, OrtEnv**)                          \
  FUNCTION(7, CreateSession, OrtStatus*, const OrtEnv*, const char* path, const OrtSessionOptions*,          \
           OrtSession**)                                                                                     \
  FUNCTION(10, CreateSessionOptions, OrtStatus*, OrtSessionOptions**)                                        \
  FUNCTION(22, SetSessionLogSeverityLevel, OrtStatus*, OrtSessionOptions*, int log_level)                    \
  FUNCTION(24, SetIntraOpNumThreads, OrtStatus*, OrtSessionOptions*, int threads)                            \
  FUNCTION(25, SetInterOpNumThreads, OrtStatus*, OrtSessionOptions*, int threads)                            \
  FUNCTION(26, CreateCustomOpDomain, OrtStatus*, const char* name, OrtCustomOpDomain**)                      \
  FUNCTION(27, CustomOpDomain_Add, OrtStatus*, OrtCustomOpDomain*, const CustomOp*)                          \
  FUNCTION(28, AddCustomOpDomain, OrtStatus*, OrtSessionOptions*, OrtCustomOpDomain*)                        \
  FUNCTION(30, SessionGetInputCount, OrtStatus*, const OrtSession*, std::size_t*)                            \
  FUNCTION(31, SessionGetOutputCount, OrtStatus*, const OrtSession*, std::size_t*)                           \
  FUNCTION(33, SessionGetInputTypeInfo, OrtStatus*, const OrtSession*, std::size_t index, OrtTypeInfo**)     \
  FUNCTION(34, SessionGetOutputTypeInfo, OrtStatus*, const OrtSession*, std::size_t index, OrtTypeInfo**)    \
  FUNCTION(36, SessionGetInputName, OrtStatus*, const OrtSession*, std::size_t index, OrtAllocator*, char**) \
  FUNCTION(37, SessionGetOutputName, OrtStatus*, const OrtSession*, std::size_t index, OrtAllocator*,        \
           char**)                                                                                           \
  FUNCTION(49, CreateTensorWithDataAsOrtValue, OrtStatus*, const OrtMemoryInfo*, void* data,                 \
           std::size_t bytes, const std::int64_t* shape, std::size_t rank, int type, OrtValue**)             \
  FUNCTION(51, GetTensorMutableData, OrtStatus*, OrtValue*, void**)                                          \
  FUNCTION(55, CastTypeInfoToTensorInfo, OrtStatus*, const OrtTypeInfo*, const OrtTensorTypeAndShapeInfo**)  \
  FUNCTION(60, GetTensorElementType, OrtStatus*, const OrtTensorTypeAndShapeInfo*, int* type)                \
  FUNCTION(61, GetDimensionsCount, OrtStatus*, const OrtTensorTypeAndShapeInfo*, std::size_t* rank)          \
  FUNCTION(62, GetDimensions, OrtStatus*, const OrtTensorTypeAndShapeInfo*, std::int64_t* shape,             \
           std::size_t rank)                                                                                 \
  FUNCTION(65, GetTensorTypeAndShape, OrtStatus*, const OrtValue*, OrtTensorTypeAndShapeInfo**)              \
  FUNCTION(69, CreateCpuMemoryInfo, OrtStatus*, int allocator, int memory, OrtMemoryInfo**)                  \
  FUNCTION(76, AllocatorFree, OrtStatus*, OrtAllocator*, void*)                                              \
  FUNCTION(78, GetAllocatorWithDefaultOptions, OrtStatus*, OrtAllocator**)                                   \
  FUNCTION(86, KernelInfoGetAttribute_int64, OrtStatus*, const OrtKernelInfo*, const char* name,             \
           std::int64_t*)                                                                                    \
  FUNCTION(90, KernelContext_GetInput, OrtStatus*, const OrtKernelContext*, std::size_t index,               \
           const OrtValue**)                                                                                 \
  FUNCTION(91, KernelContext_GetOutput, OrtStatus*, OrtKernelContext*, std::size_t index,                    \
           const std::int64_t* shape, std::size_t rank, OrtValue**)                                          \
  FUNCTION(92, ReleaseEnv, void, OrtEnv*)                                                                    \
  FUNCTION(93, ReleaseStatus, void, OrtStatus*)                                                              \
  FUNCTION(94, ReleaseMemoryInfo, void, OrtMemoryInfo*)                                                      \
  FUNCTION(95, ReleaseSession, void, OrtSession*)                                                            \
  FUNCTION(96, ReleaseValue, void, OrtValue*)                                                                \
  FUNCTION(98, ReleaseTypeInfo, void, OrtTypeInfo*)                                                          \
  FUNCTION(99, ReleaseTensorTypeAndShapeInfo, void, OrtTensorTypeAndShapeInfo*)                              \
  FUNCTION(100, ReleaseSessionOptions, void, OrtSessionOptions*)                                             \
  FUNCTION(130, AddSessionConfigEntry, OrtStatus*, OrtSessionOptions*, const char* key, const char* value)   \
  FUNCTION(133, RunWithBinding, OrtStatus*, OrtSession*, const OrtRunOptions*, const OrtIoBinding*)          \
  FUNCTION(134, CreateIoBinding, OrtStatus*, OrtSession*, OrtIoBinding**)                                    \
  FUNCTION(135, ReleaseIoBinding, void, OrtIoBinding*)                                                       \
  FUNCTION(136, BindInput, OrtStatus*, OrtIoBinding*, const char* name, const OrtValue*)                     \
  FUNCTION(137, BindOutput, OrtStatus*, OrtIoBinding*, const char* name, const OrtValue*)                    \
  FUNCTION(228, RegisterCustomOpsLibrary_V2, OrtStatus*, OrtSessionOptions*, const char* path)

// The functions of one library, by name.
struct Api {
#define EDGETRACK_ORT_MEMBER(index, name, result, ...) result (*name)(__VA_ARGS__);
  EDGETRACK_ORT_API(EDGETRACK_ORT_MEMBER)
#undef EDGETRACK_ORT_MEMBER

  // `table` is what ApiBase::GetApi(kApiVersion) returned, not null.
  explicit Api(const OrtApi* table) {
    using Any = void (*)();
    const auto slots = reinterpret_cast<const Any*>(table);
#define EDGETRACK_ORT_TAKE(index, name, result, ...) \
  name = reinterpret_cast<result (*)(__VA_ARGS__)>(slots[index]);
    EDGETRACK_ORT_API(EDGETRACK_ORT_TAKE)
#undef EDGETRACK_ORT_TAKE
  }
};

}  // namespace edgetrack::ort
