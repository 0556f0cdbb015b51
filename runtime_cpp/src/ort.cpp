#include "edgetrack/ort.h"

#include <dlfcn.h>

#include <cstdlib>
#include <map>
#include <mutex>

#include "message.h"
#include "onnxruntime_api.h"

namespace edgetrack {

namespace {

// As edgetrack/engines/ort.py has it: a thread that waits for the next operator spins for 50 us before it
// sleeps; none spins between frames. The optimizer that is left out turns integer matrix products with a bias
// back into float ones.
constexpr const char* kSettings[][2] = {{"session.intra_op.allow_spinning", "1"},
                                        {"session.intra_op.spin_duration_us", "50"},
                                        {"session.force_spinning_stop", "1"},
                                        {"optimization.disable_specified_optimizers", "MatMulAddFusion"}};

template <typename T>
using Handle = std::unique_ptr<T, void (*)(T*)>;

ort::Api load(const std::string& wanted) {
  const char* named = std::getenv("EDGETRACK_ONNXRUNTIME_LIBRARY");
  const std::string first = !wanted.empty() ? wanted : named ? named : "libonnxruntime.so.1";
  void* library =
      dlopen(first.c_str(), RTLD_NOW | RTLD_LOCAL);  // stays open: its threads cannot be taken down
  const std::string problem = library ? "" : dlerror();
  if (!library && wanted.empty() && !named) library = dlopen("libonnxruntime.so", RTLD_NOW | RTLD_LOCAL);
  if (!library)
    throw Error(Code::engine,
                message("ONNX Runtime cannot be opened (", problem, "); run: pip install onnxruntime, ",
                        "and give the file onnxruntime/capi/libonnxruntime.so.* of it by the ",
                        "environment variable EDGETRACK_ONNXRUNTIME_LIBRARY"));
  using GetBase = const ort::ApiBase* (*)();
  const auto get = reinterpret_cast<GetBase>(dlsym(library, "OrtGetApiBase"));
  const OrtApi* table = get ? get()->GetApi(ort::kApiVersion) : nullptr;
  if (!table)
    throw Error(Code::engine, message(first, " is not ONNX Runtime 1.", ort::kApiVersion,
                                      " or later; run: ", "pip install -U onnxruntime"));
  return ort::Api(table);
}

// What sessions and bindings share.
struct Runtime {
  const ort::Api api;
  Handle<OrtEnv> env;
  Handle<OrtMemoryInfo> memory;

  explicit Runtime(const std::string& library)
      : api(load(library)), env(nullptr, api.ReleaseEnv), memory(nullptr, api.ReleaseMemoryInfo) {
    env.reset(make<OrtEnv>([&](OrtEnv** out) { return api.CreateEnv(ort::kLogErrors, "edgetrack", out); }));
    memory.reset(make<OrtMemoryInfo>([&](OrtMemoryInfo** out) {
      return api.CreateCpuMemoryInfo(ort::kArenaAllocator, ort::kDefaultMemory, out);
    }));
  }

  void check(OrtStatus* status, const std::string& what = "") const {
    if (!status) return;
    const Handle<OrtStatus> owned(status, api.ReleaseStatus);
    throw Error(what.empty() ? Code::engine : Code::bundle,
                message("ONNX Runtime ", what.empty() ? "failed" : what, " (", api.GetErrorMessage(status),
                        ")", what.empty() ? "" : "; export the bundle again"));
  }

  template <typename T, typename Create>
  T* make(const Create& create) const {
    T* made = nullptr;
    check(create(&made));
    return made;
  }
};

using Session = std::shared_ptr<OrtSession>;

class OrtCall final : public Call {
 public:
  OrtCall(std::shared_ptr<Runtime> runtime, Session session, const std::vector<Tensor>& inputs,
          const std::vector<Tensor>& outputs)
      : runtime_(std::move(runtime)),
        session_(std::move(session)),
        binding_(nullptr, runtime_->api.ReleaseIoBinding),
        tensors_(inputs) {
    const ort::Api& api = runtime_->api;
    binding_.reset(runtime_->make<OrtIoBinding>(
        [&](OrtIoBinding** out) { return api.CreateIoBinding(session_.get(), out); }));
    for (const Tensor& tensor : inputs)
      runtime_->check(api.BindInput(binding_.get(), tensor.spec.name.c_str(), value(tensor).get()));
    for (const Tensor& tensor : outputs)
      runtime_->check(api.BindOutput(binding_.get(), tensor.spec.name.c_str(), value(tensor).get()));
    tensors_.insert(tensors_.end(), outputs.begin(), outputs.end());
  }

  void run() override {
    runtime_->check(runtime_->api.RunWithBinding(session_.get(), nullptr, binding_.get()));
  }

 private:
  // The tensor's memory; the binding keeps what it needs of the value.
  Handle<OrtValue> value(const Tensor& tensor) const {
    const int type = tensor.spec.dtype == DType::int64 ? ort::kInt64 : ort::kFloat;
    return {runtime_->make<OrtValue>([&](OrtValue** out) {
              return runtime_->api.CreateTensorWithDataAsOrtValue(
                  runtime_->memory.get(), tensor.data.get(), tensor.spec.bytes(), tensor.spec.shape.data(),
                  tensor.spec.shape.size(), type, out);
            }),
            runtime_->api.ReleaseValue};
  }

  const std::shared_ptr<Runtime> runtime_;
  const Session session_;
  Handle<OrtIoBinding> binding_;
  std::vector<Tensor> tensors_;  // keeps the memory
};

class OrtEngine final : public Engine {
 public:
  OrtEngine(const Bundle& bundle, const OrtOptions& options)
      : paths_(bundle.paths), options_(options), runtime_(std::make_shared<Runtime>(options.file)) {}

  GraphSpec graph(const std::string& role) override {
    const Session session = open(role);
    GraphSpec spec;
    std::size_t inputs = 0, outputs = 0;
    runtime_->check(runtime_->api.SessionGetInputCount(session.get(), &inputs));
    runtime_->check(runtime_->api.SessionGetOutputCount(session.get(), &outputs));
    for (std::size_t i = 0; i < inputs; ++i) spec.inputs.push_back(tensor(session.get(), i, true));
    for (std::size_t i = 0; i < outputs; ++i) spec.outputs.push_back(tensor(session.get(), i, false));
    return spec;
  }

  std::unique_ptr<Call> bind(const std::string& role, const std::vector<Tensor>& inputs,
                             const std::vector<Tensor>& outputs) override {
    return std::make_unique<OrtCall>(runtime_, open(role), inputs, outputs);
  }

  bool concurrent() const override { return true; }

 private:
  Session open(const std::string& role) {
    const std::lock_guard<std::mutex> turn(mutex_);  // trackers in several threads may ask first
    Session& session = sessions_[role];
    if (!session) session = load(role);
    return session;
  }

  Session load(const std::string& role) const {
    const ort::Api& api = runtime_->api;
    const auto path = paths_.find(role);
    if (path == paths_.end())
      throw Error(Code::config, message("graph '", role, "' is unknown; expected one of the bundle's"));
    const Handle<OrtSessionOptions> options(runtime_->make<OrtSessionOptions>([&](OrtSessionOptions** out) {
      return api.CreateSessionOptions(out);
    }),
                                            api.ReleaseSessionOptions);
    // "ground" runs beside "search", whose threads it would hold up with several of its own.
    runtime_->check(api.SetIntraOpNumThreads(options.get(), role == "ground" ? 1 : options_.threads));
    runtime_->check(api.SetInterOpNumThreads(options.get(), 1));
    runtime_->check(api.SetSessionLogSeverityLevel(options.get(), ort::kLogErrors));
    for (const auto& [key, value] : kSettings)
      runtime_->check(api.AddSessionConfigEntry(options.get(), key, value));
    if (!options_.affinities.empty())
      runtime_->check(api.AddSessionConfigEntry(options.get(), "session.intra_op_thread_affinities",
                                                options_.affinities.c_str()));
    if (!options_.operators.empty()) {
      const Handle<OrtStatus> failed(
          api.RegisterCustomOpsLibrary_V2(options.get(), options_.operators.c_str()), api.ReleaseStatus);
      if (failed)
        throw Error(Code::engine, message("the operators ", options_.operators, " cannot be registered (",
                                          api.GetErrorMessage(failed.get()),
                                          "); expected the libedgetrack_ops of this version: ",
                                          "it lies beside Python's edgetrack/_runtime.*.so"));
    }
    OrtSession* session = nullptr;
    runtime_->check(api.CreateSession(runtime_->env.get(), path->second.c_str(), options.get(), &session),
                    "cannot load " + path->second);
    const std::shared_ptr<Runtime> runtime = runtime_;  // outlives the session
    return {session, [runtime](OrtSession* done) { runtime->api.ReleaseSession(done); }};
  }

  TensorSpec tensor(OrtSession* session, std::size_t index, bool input) const {
    const ort::Api& api = runtime_->api;
    OrtAllocator* allocator = nullptr;
    runtime_->check(api.GetAllocatorWithDefaultOptions(&allocator));
    char* text = nullptr;
    runtime_->check(input ? api.SessionGetInputName(session, index, allocator, &text)
                          : api.SessionGetOutputName(session, index, allocator, &text));
    TensorSpec spec{text, DType::other, {}};
    runtime_->check(api.AllocatorFree(allocator, text));
    const Handle<OrtTypeInfo> info(runtime_->make<OrtTypeInfo>([&](OrtTypeInfo** out) {
      return input ? api.SessionGetInputTypeInfo(session, index, out)
                   : api.SessionGetOutputTypeInfo(session, index, out);
    }),
                                   api.ReleaseTypeInfo);
    const OrtTensorTypeAndShapeInfo* shape = nullptr;
    runtime_->check(api.CastTypeInfoToTensorInfo(info.get(), &shape));
    if (!shape) return spec;  // not a tensor
    int type = 0;
    std::size_t rank = 0;
    runtime_->check(api.GetTensorElementType(shape, &type));
    runtime_->check(api.GetDimensionsCount(shape, &rank));
    spec.shape.resize(rank);
    runtime_->check(api.GetDimensions(shape, spec.shape.data(), rank));
    if (type == ort::kFloat) spec.dtype = DType::float32;
    if (type == ort::kInt64) spec.dtype = DType::int64;
    return spec;
  }

  const std::map<std::string, std::string> paths_;
  const OrtOptions options_;
  const std::shared_ptr<Runtime> runtime_;
  std::mutex mutex_;
  std::map<std::string, Session> sessions_;
};

}  // namespace

std::shared_ptr<Engine> open_ort(const Bundle& bundle, const OrtOptions& options) {
  if (options.threads < 1)
    throw Error(Code::config, message("threads is ", options.threads, "; expected at least 1"));
  return std::make_shared<OrtEngine>(bundle, options);
}

}  // namespace edgetrack
