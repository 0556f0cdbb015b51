#include "ort_session.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>

#include "message.h"

namespace edgetrack {

namespace {

struct Opened {
  const OrtApi* table;
  const char* version;
};

Opened open_library(const std::string& wanted) {
  const char* named = std::getenv("EDGETRACK_ONNXRUNTIME_LIBRARY");
  const std::string first = !wanted.empty() ? wanted : named ? named : "libonnxruntime.so.1";
  void* library =
      dlopen(first.c_str(), RTLD_NOW | RTLD_LOCAL);  // never closed: its threads cannot be stopped
  const std::string problem = library ? "" : dlerror();
  if (!library && wanted.empty() && !named) library = dlopen("libonnxruntime.so", RTLD_NOW | RTLD_LOCAL);
  if (!library)
    throw Error(Code::engine,
                message("ONNX Runtime cannot be opened (", problem, "); run: pip install onnxruntime, ",
                        "and in C++ set the environment variable EDGETRACK_ONNXRUNTIME_LIBRARY to its file ",
                        "onnxruntime/capi/libonnxruntime.so.*"));
  using GetBase = const ort::ApiBase* (*)();
  const auto get = reinterpret_cast<GetBase>(dlsym(library, "OrtGetApiBase"));
  const OrtApi* table = get ? get()->GetApi(ort::kApiVersion) : nullptr;
  if (!table)
    throw Error(Code::engine, message(first, " is not ONNX Runtime 1.", ort::kApiVersion,
                                      " or later; run: pip install -U onnxruntime"));
  return {table, get()->GetVersionString()};
}

bool is_about_memory(const std::string& text) {
  std::string lower = text;
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  const char* const words[] = {"bad_alloc", "bad allocation", "failed to allocate memory", "out of memory",
                               "cannot allocate memory"};
  return std::any_of(std::begin(words), std::end(words),
                     [&](const char* word) { return lower.find(word) != std::string::npos; });
}

class OrtCall final : public Call {
 public:
  OrtCall(std::shared_ptr<OrtLibrary> library, std::shared_ptr<OrtSession> session, const std::string& role,
          const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs)
      : library_(std::move(library)),
        session_(std::move(session)),
        doing_("could not run graph '" + role + "'"),
        binding_(nullptr, library_->api().ReleaseIoBinding),
        tensors_(inputs) {
    const ort::Api& api = library_->api();
    binding_.reset(library_->make<OrtIoBinding>(
        [&](OrtIoBinding** out) { return api.CreateIoBinding(session_.get(), out); }));
    for (const Tensor& tensor : inputs)
      library_->check(api.BindInput(binding_.get(), tensor.spec.name.c_str(), value(tensor).get()));
    for (const Tensor& tensor : outputs)
      library_->check(api.BindOutput(binding_.get(), tensor.spec.name.c_str(), value(tensor).get()));
    tensors_.insert(tensors_.end(), outputs.begin(), outputs.end());
  }

  void run() override {
    library_->check(library_->api().RunWithBinding(session_.get(), nullptr, binding_.get()), doing_);
  }

 private:
  // Binds the tensor's memory; the binding keeps what it needs of the value.
  OrtHandle<OrtValue> value(const Tensor& tensor) const {
    const int type = tensor.spec.dtype == DType::int64 ? ort::kInt64 : ort::kFloat;
    return {library_->make<OrtValue>([&](OrtValue** out) {
              return library_->api().CreateTensorWithDataAsOrtValue(
                  library_->memory(), tensor.data.get(), tensor.spec.bytes(), tensor.spec.shape.data(),
                  tensor.spec.shape.size(), type, out);
            }),
            library_->api().ReleaseValue};
  }

  const std::shared_ptr<OrtLibrary> library_;
  const std::shared_ptr<OrtSession> session_;
  const std::string doing_;
  OrtHandle<OrtIoBinding> binding_;
  std::vector<Tensor> tensors_;  // keeps the memory alive
};

}  // namespace

const std::vector<std::pair<std::string, std::string>>& ort_settings() {
  // A thread that waits for the next operator spins for 50 us before it sleeps, which saves a quarter of the
  // time per frame; threads do not spin between frames. The disabled optimizer would turn integer matrix
  // products with a bias back into float ones.
  static const std::vector<std::pair<std::string, std::string>> settings = {
      {"session.intra_op.allow_spinning", "1"},
      {"session.intra_op.spin_duration_us", "50"},
      {"session.force_spinning_stop", "1"},
      {"optimization.disable_specified_optimizers", "MatMulAddFusion"}};
  return settings;
}

OrtLibrary::OrtLibrary(const std::string& file)
    : api_([&] {
        const Opened opened = open_library(file);
        version_ = opened.version;
        return ort::Api(opened.table);
      }()),
      environment_(nullptr, api_.ReleaseEnv),
      memory_(nullptr, api_.ReleaseMemoryInfo) {
  environment_.reset(
      make<OrtEnv>([&](OrtEnv** out) { return api_.CreateEnv(ort::kLogErrors, "edgetrack", out); }));
  memory_.reset(make<OrtMemoryInfo>([&](OrtMemoryInfo** out) {
    return api_.CreateCpuMemoryInfo(ort::kArenaAllocator, ort::kDefaultMemory, out);
  }));
}

std::string OrtLibrary::reason(OrtStatus* status) const {
  const OrtHandle<OrtStatus> owned(status, api_.ReleaseStatus);
  constexpr std::size_t longest = 300;
  std::string text = api_.GetErrorMessage(status);
  text.erase(0, text.find_first_not_of(" \r\n\t"));
  text = text.substr(0, std::min(text.find('\n'), longest));  // pages of further details follow
  for (char& c : text)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = ' ';  // node names may have these
  return text;
}

void OrtLibrary::check(OrtStatus* status, const std::string& doing) const {
  if (!status) return;
  const std::string why = reason(status);
  if (is_about_memory(why))
    throw Error(Code::memory, message("memory ran out while ONNX Runtime ", doing, " (", why,
                                      "); end other programs, raise the memory limit, or use a smaller "
                                      "model: edgetrack-160"));
  throw Error(Code::engine, message("ONNX Runtime ", doing, " (", why, "); try another engine"));
}

OrtGraph::OrtGraph(std::shared_ptr<OrtLibrary> library, std::string role, const std::string& path,
                   const OrtOptions& options)
    : library_(std::move(library)), role_(std::move(role)) {
  const ort::Api& api = library_->api();
  const OrtHandle<OrtSessionOptions> session_options = options_of(options);
  OrtSession* session = nullptr;
  OrtStatus* const failed =
      api.CreateSession(library_->environment(), path.c_str(), session_options.get(), &session);
  if (failed) {
    const std::string why = library_->reason(failed);
    if (is_about_memory(why))
      throw Error(Code::memory, message("memory ran out while ONNX Runtime loaded ", path, " (", why,
                                        "); end other programs, raise the memory limit, or use a smaller "
                                        "model: edgetrack-160"));
    throw Error(Code::bundle, message("ONNX Runtime ", library_->version(), " cannot load ", path, " (", why,
                                      "); export the bundle again"));
  }
  session_ = {session, [kept = library_](OrtSession* done) { kept->api().ReleaseSession(done); }};
  std::size_t inputs = 0, outputs = 0;
  library_->check(api.SessionGetInputCount(session, &inputs));
  library_->check(api.SessionGetOutputCount(session, &outputs));
  for (std::size_t i = 0; i < inputs; ++i) spec_.inputs.push_back(tensor(i, true));
  for (std::size_t i = 0; i < outputs; ++i) spec_.outputs.push_back(tensor(i, false));
}

std::unique_ptr<Call> OrtGraph::bind(const std::vector<Tensor>& inputs,
                                     const std::vector<Tensor>& outputs) const {
  return std::make_unique<OrtCall>(library_, session_, role_, inputs, outputs);
}

OrtHandle<OrtSessionOptions> OrtGraph::options_of(const OrtOptions& options) const {
  const ort::Api& api = library_->api();
  OrtHandle<OrtSessionOptions> made(library_->make<OrtSessionOptions>([&](OrtSessionOptions** out) {
    return api.CreateSessionOptions(out);
  }),
                                    api.ReleaseSessionOptions);
  // "ground" runs in parallel with "search", and would slow it down with several threads of its own.
  library_->check(api.SetIntraOpNumThreads(made.get(), role_ == "ground" ? 1 : options.threads));
  library_->check(api.SetInterOpNumThreads(made.get(), 1));
  library_->check(api.SetSessionLogSeverityLevel(made.get(), ort::kLogErrors));
  for (const auto& [key, value] : ort_settings())
    library_->check(api.AddSessionConfigEntry(made.get(), key.c_str(), value.c_str()));
  if (!options.affinities.empty())
    library_->check(api.AddSessionConfigEntry(made.get(), "session.intra_op_thread_affinities",
                                              options.affinities.c_str()));
  if (options.operators.empty()) return made;
  if (OrtStatus* failed = api.RegisterCustomOpsLibrary_V2(made.get(), options.operators.c_str()))
    throw Error(Code::engine, message("the operators ", options.operators, " cannot be registered (",
                                      library_->reason(failed), "); expected the libedgetrack_ops of this ",
                                      "version: it is beside edgetrack/_runtime.*.so of the Python package"));
  return made;
}

TensorSpec OrtGraph::tensor(std::size_t index, bool input) const {
  const ort::Api& api = library_->api();
  OrtAllocator* allocator = nullptr;
  library_->check(api.GetAllocatorWithDefaultOptions(&allocator));
  char* text = nullptr;
  library_->check(input ? api.SessionGetInputName(session_.get(), index, allocator, &text)
                        : api.SessionGetOutputName(session_.get(), index, allocator, &text));
  TensorSpec spec{text, DType::other, {}};
  library_->check(api.AllocatorFree(allocator, text));
  const OrtHandle<OrtTypeInfo> info(library_->make<OrtTypeInfo>([&](OrtTypeInfo** out) {
    return input ? api.SessionGetInputTypeInfo(session_.get(), index, out)
                 : api.SessionGetOutputTypeInfo(session_.get(), index, out);
  }),
                                    api.ReleaseTypeInfo);
  const OrtTensorTypeAndShapeInfo* shape = nullptr;
  library_->check(api.CastTypeInfoToTensorInfo(info.get(), &shape));
  if (!shape) return spec;  // not a tensor
  int type = 0;
  std::size_t rank = 0;
  library_->check(api.GetTensorElementType(shape, &type));
  library_->check(api.GetDimensionsCount(shape, &rank));
  spec.shape.resize(rank);
  library_->check(api.GetDimensions(shape, spec.shape.data(), rank));
  if (type == ort::kFloat) spec.dtype = DType::float32;
  if (type == ort::kInt64) spec.dtype = DType::int64;
  return spec;
}

}  // namespace edgetrack
