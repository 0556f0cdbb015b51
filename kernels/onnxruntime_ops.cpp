// edgetrack::TokenSelect and edgetrack::TokenRestore for ONNX Runtime on the CPU, as a custom-op library.
//
// Only the C API is used; nothing is linked and no header of ONNX Runtime is needed, because it passes in its
// functions. A registered kernel replaces a local function of the same name, so a graph that contains the
// function runs with or without this library. Each operator exists for float32, float16 and int8 tokens.
#include <array>
#include <map>
#include <memory>
#include <mutex>

#include "onnxruntime_api.h"
#include "token_select_cpu.h"

namespace edgetrack {
namespace {

using ort::Api;

// An error of ONNX Runtime as a C++ exception.
struct StatusError {
  OrtStatus* status;
};

void require_ok(OrtStatus* status) {
  if (status != nullptr) throw StatusError{status};
}

// Runs `body`, and converts exceptions to a status, so that none crosses the C interface.
template <class Body>
OrtStatus* guarded(const Api& api, Body body) noexcept {
  try {
    body();
    return nullptr;
  } catch (const StatusError& error) {
    return error.status;
  } catch (const std::invalid_argument& error) {
    return api.CreateStatus(ort::kInvalidArgument, error.what());
  } catch (const std::exception& error) {
    return api.CreateStatus(ort::kFail, error.what());
  }
}

template <std::size_t Rank>
using Shape = std::array<std::int64_t, Rank>;

template <std::size_t Rank>
Shape<Rank> shape_of(const Api& api, const OrtValue* value, const char* name) {
  OrtTensorTypeAndShapeInfo* raw = nullptr;
  require_ok(api.GetTensorTypeAndShape(value, &raw));
  const std::unique_ptr<OrtTensorTypeAndShapeInfo, decltype(api.ReleaseTensorTypeAndShapeInfo)> info(
      raw, api.ReleaseTensorTypeAndShapeInfo);
  std::size_t rank = 0;
  require_ok(api.GetDimensionsCount(raw, &rank));
  if (rank != Rank)
    throw std::invalid_argument(std::string(name) + " has " + std::to_string(rank) + " axes; expected " +
                                std::to_string(Rank));
  Shape<Rank> shape;
  require_ok(api.GetDimensions(raw, shape.data(), Rank));
  for (const std::int64_t extent : shape) require_range(name, extent, 0, INT32_MAX);
  return shape;
}

template <class T>
const T* input(const Api& api, OrtKernelContext* context, std::size_t index, const OrtValue** value) {
  require_ok(api.KernelContext_GetInput(context, index, value));
  void* data = nullptr;  // the C API has no const accessor in every supported version
  require_ok(api.GetTensorMutableData(const_cast<OrtValue*>(*value), &data));
  return static_cast<const T*>(data);
}

template <class T, std::size_t Rank>
T* output(const Api& api, OrtKernelContext* context, std::size_t index, const Shape<Rank>& shape) {
  OrtValue* value = nullptr;
  require_ok(api.KernelContext_GetOutput(context, index, shape.data(), Rank, &value));
  void* data = nullptr;
  require_ok(api.GetTensorMutableData(value, &data));
  return static_cast<T*>(data);
}

void require_equal(const char* what, std::int64_t a, std::int64_t b) {
  if (a != b)
    throw std::invalid_argument(std::string(what) + " differ: " + std::to_string(a) + " and " +
                                std::to_string(b));
}

template <class T>
struct SelectKernel {
  const Api api;
  std::int32_t keep = 0;

  SelectKernel(const Api& ort_api, const OrtKernelInfo* info) : api(ort_api) {
    std::int64_t value = 0;
    require_ok(api.KernelInfoGetAttribute_int64(info, "keep", &value));
    require_range("keep", value, 1, kMaxTokens);
    keep = static_cast<std::int32_t>(value);
  }

  void compute(OrtKernelContext* context) const {
    const OrtValue* values[4];
    TokenSelectBuffers buffers{};
    buffers.tokens = input<T>(api, context, 0, &values[0]);
    buffers.keys = input<T>(api, context, 1, &values[1]);
    buffers.prototypes = input<float>(api, context, 2, &values[2]);
    buffers.threshold = input<float>(api, context, 3, &values[3]);
    const auto tokens = shape_of<3>(api, values[0], "tokens"), keys = shape_of<3>(api, values[1], "keys");
    const auto prototypes = shape_of<3>(api, values[2], "prototypes");
    const auto threshold = shape_of<1>(api, values[3], "threshold");
    require_equal("the batches of tokens and keys", tokens[0], keys[0]);
    require_equal("the batches of tokens and prototypes", tokens[0], prototypes[0]);
    require_equal("the batches of tokens and threshold", tokens[0], threshold[0]);
    require_equal("the numbers of tokens and keys", tokens[1], keys[1]);
    require_equal("the widths of keys and prototypes", keys[2], prototypes[2]);
    const auto narrow = [](std::int64_t extent) { return static_cast<std::int32_t>(extent); };
    const TokenSelectShape shape{narrow(tokens[0]), narrow(tokens[1]),     narrow(tokens[2]),
                                 narrow(keys[2]),   narrow(prototypes[1]), keep};
    check(shape);
    buffers.selected = output<T, 3>(api, context, 0, {tokens[0], keep, tokens[2]});
    buffers.indices = output<std::int32_t, 2>(api, context, 1, {tokens[0], keep});
    buffers.count = output<std::int32_t, 1>(api, context, 2, {tokens[0]});
    buffers.scores = output<float, 2>(api, context, 3, {tokens[0], tokens[1]});
    token_select_of<T>(shape, buffers);
  }
};

template <class T>
struct RestoreKernel {
  const Api api;

  RestoreKernel(const Api& ort_api, const OrtKernelInfo*) : api(ort_api) {}

  void compute(OrtKernelContext* context) const {
    const OrtValue* values[3];
    const T* tokens = input<T>(api, context, 0, &values[0]);
    const T* selected = input<T>(api, context, 1, &values[1]);
    const std::int32_t* indices = input<std::int32_t>(api, context, 2, &values[2]);
    const auto whole = shape_of<3>(api, values[0], "tokens"), part = shape_of<3>(api, values[1], "selected");
    const auto places = shape_of<2>(api, values[2], "indices");
    require_equal("the batches of tokens and selected", whole[0], part[0]);
    require_equal("the batches of tokens and indices", whole[0], places[0]);
    require_equal("the numbers of selected tokens and indices", part[1], places[1]);
    require_equal("the widths of tokens and selected", whole[2], part[2]);
    require_range("the number of tokens", whole[1], 1, kMaxTokens);
    require_range("the width of a token", whole[2], 1, kMaxWidth);
    const TokenRestoreShape shape{static_cast<std::int32_t>(whole[0]), static_cast<std::int32_t>(whole[1]),
                                  static_cast<std::int32_t>(part[1]),
                                  static_cast<std::int32_t>(whole[2] * static_cast<int>(sizeof(T)))};
    token_restore(shape, tokens, selected, indices, output<T, 3>(api, context, 0, whole));
  }
};

template <class Kernel>
struct Op : ort::CustomOp {
  using Types = std::vector<int>;
  const char* name;
  Types inputs, outputs;

  Op(const char* op_name, Types input_types, Types output_types)
      : ort::CustomOp{}, name(op_name), inputs(std::move(input_types)), outputs(std::move(output_types)) {
    version = ort::kApiVersion;
    GetName = [](const ort::CustomOp* op) { return self(op).name; };
    GetExecutionProviderType = [](const ort::CustomOp*) -> const char* { return nullptr; };  // the CPU's
    GetInputTypeCount = [](const ort::CustomOp* op) { return self(op).inputs.size(); };
    GetOutputTypeCount = [](const ort::CustomOp* op) { return self(op).outputs.size(); };
    GetInputType = [](const ort::CustomOp* op, std::size_t i) { return self(op).inputs[i]; };
    GetOutputType = [](const ort::CustomOp* op, std::size_t i) { return self(op).outputs[i]; };
    GetInputCharacteristic =
        GetOutputCharacteristic = [](const ort::CustomOp*, std::size_t) { return ort::kRequired; };
    GetInputMemoryType = [](const ort::CustomOp*, std::size_t) { return ort::kDefaultMemory; };
    CreateKernelV2 = [](const ort::CustomOp*, const OrtApi* table, const OrtKernelInfo* info, void** kernel) {
      const Api api(table);
      return guarded(api, [&] { *kernel = new Kernel(api, info); });
    };
    KernelComputeV2 = [](void* kernel, OrtKernelContext* context) {
      const Kernel& op = *static_cast<const Kernel*>(kernel);
      return guarded(op.api, [&] { op.compute(context); });
    };
    KernelDestroy = [](void* kernel) { delete static_cast<Kernel*>(kernel); };
  }

  static const Op& self(const ort::CustomOp* op) { return *static_cast<const Op*>(op); }
};

// Both operators for tokens of one type.
template <class T>
struct Ops {
  Op<SelectKernel<T>> select;
  Op<RestoreKernel<T>> restore;

  explicit Ops(int tokens)
      : select("TokenSelect", {tokens, tokens, ort::kFloat, ort::kFloat},
               {tokens, ort::kInt32, ort::kInt32, ort::kFloat}),
        restore("TokenRestore", {tokens, tokens, ort::kInt32}, {tokens}) {}

  void add_to(const Api& api, OrtCustomOpDomain* domain) const {
    require_ok(api.CustomOpDomain_Add(domain, &select));
    require_ok(api.CustomOpDomain_Add(domain, &restore));
  }
};

// ONNX Runtime keeps pointers to the domain and its operators as long as any session exists. A process may
// have two copies of ONNX Runtime, Python's onnxruntime and a libonnxruntime: each gets its own domain.
OrtCustomOpDomain* domain_of(const OrtApi* table) {
  static const Ops<float> floats(ort::kFloat);
  static const Ops<Half> halves(ort::kFloat16);
  static const Ops<std::int8_t> bytes(ort::kInt8);
  static std::mutex mutex;
  static std::map<const OrtApi*, OrtCustomOpDomain*> domains;
  const std::lock_guard<std::mutex> turn(mutex);
  OrtCustomOpDomain*& domain = domains[table];
  if (domain == nullptr) {
    const Api api(table);
    OrtCustomOpDomain* created = nullptr;
    require_ok(api.CreateCustomOpDomain("edgetrack", &created));
    floats.add_to(api, created);
    halves.add_to(api, created);
    bytes.add_to(api, created);
    domain = created;
  }
  return domain;
}

}  // namespace
}  // namespace edgetrack

#if defined(_WIN32)
#define ET_EXPORT __declspec(dllexport)
#else
#define ET_EXPORT __attribute__((visibility("default")))
#endif

// The entry point that RegisterCustomOpsLibrary_V2 of ONNX Runtime looks for.
extern "C" ET_EXPORT OrtStatus* RegisterCustomOps(OrtSessionOptions* options,
                                                  const edgetrack::ort::ApiBase* base) {
  namespace ort = edgetrack::ort;
  const OrtApi* table = base->GetApi(ort::kApiVersion);
  if (table == nullptr)
    return ort::Api(base->GetApi(1))
        .CreateStatus(
            ort::kNotImplemented,
            "edgetrack's operators need ONNX Runtime 1.18 or later; run: pip install --upgrade onnxruntime");
  const ort::Api api(table);
  return edgetrack::guarded(
      api, [&] { edgetrack::require_ok(api.AddCustomOpDomain(options, edgetrack::domain_of(table))); });
}
