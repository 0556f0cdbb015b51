#include "edgetrack/ort.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <thread>

#include "message.h"
#include "ort_session.h"

namespace edgetrack {

namespace {

class OrtEngine final : public Engine {
 public:
  OrtEngine(const Bundle& bundle, const OrtOptions& options)
      : paths_(bundle.paths), options_(options), library_(std::make_shared<OrtLibrary>(options.file)) {}

  GraphSpec graph(const std::string& role) override { return open(role).spec(); }

  std::unique_ptr<Call> bind(const std::string& role, const std::vector<Tensor>& inputs,
                             const std::vector<Tensor>& outputs) override {
    return open(role).bind(inputs, outputs);
  }

  bool concurrent() const override { return true; }

 private:
  OrtGraph& open(const std::string& role) {
    const auto path = paths_.find(role);
    if (path == paths_.end())
      throw Error(Code::config, message("graph '", role, "' is unknown; expected one of the bundle's"));
    const std::lock_guard<std::mutex> turn(mutex_);  // trackers may be created in several threads
    std::unique_ptr<OrtGraph>& graph = graphs_[role];
    if (!graph) graph = std::make_unique<OrtGraph>(library_, role, path->second, options_);
    return *graph;
  }

  const std::map<std::string, std::string> paths_;
  const OrtOptions options_;
  const std::shared_ptr<OrtLibrary> library_;
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<OrtGraph>> graphs_;
};

}  // namespace

std::shared_ptr<Engine> open_ort(const Bundle& bundle, const OrtOptions& options) {
  const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  if (options.threads < 0 || options.threads > cores)
    throw Error(Code::config, message("threads is ", options.threads, "; expected 1 to ", cores,
                                      ", the cores that this process may use, or 0 for the default"));
  OrtOptions taken = options;
  if (taken.threads == 0) taken.threads = std::min(2, cores);
  return std::make_shared<OrtEngine>(bundle, taken);
}

}  // namespace edgetrack
