#include "edgetrack/bundle.h"

#include <cmath>
#include <filesystem>

#include "bundle_files.h"
#include "contract.h"
#include "json.h"
#include "message.h"

namespace edgetrack {

namespace {

constexpr int kSchema = 2;
constexpr std::uint64_t kLargestManifest = 1 << 20;  // bytes; a real one has about 10,000
constexpr std::size_t kBatches[] = {2, 4};           // "search2", "search4"
constexpr const char* kEye[] = {"detect", "rank"};   // optional, but only together
constexpr const char* kMask = "mask";                // optional
constexpr const char* kPairs[] = {"template_x", "search_x"};
constexpr const char* kRoles[] = {"text", "prompt", "template", "search", "ground", "tokenizer"};

void read_color(const Json& json, float (&color)[3]) {
  if (json.items().size() != 3)
    throw Error(Code::bundle, message("the manifest has a color of ", json.items().size(),
                                      " numbers; expected 3: export the bundle again"));
  for (std::size_t c = 0; c < 3; ++c) color[c] = static_cast<float>(json.items()[c].number());
}

// For a positive integer.
std::int64_t whole(const Json& json) {
  const double number = json.number();
  if (!(number >= 1 && number < 9e15 && number == std::floor(number)))
    throw Error(Code::bundle, message("the manifest has the number ", number,
                                      "; expected a positive whole number: export the bundle again"));
  return static_cast<std::int64_t>(number);
}

void read_policy(const Json& thresholds, Policy& policy) {
  for (const auto& [name, value] : thresholds.fields()) set_policy(policy, name, value.number());
}

DType dtype_of(const std::string& name) {
  return name == "float32" ? DType::float32 : name == "int64" ? DType::int64 : DType::other;
}

std::vector<TensorSpec> specs_of(const Json& tensors) {
  std::vector<TensorSpec> specs;
  for (const auto& [name, tensor] : tensors.fields()) {
    specs.push_back({name, dtype_of(tensor["dtype"].text()), {}});
    for (const Json& length : tensor["shape"].items()) specs.back().shape.push_back(whole(length));
  }
  return specs;
}

void check_tensors(const Json& manifest) {
  Contract contract;
  contract.set('T', whole(manifest["text_length"]));
  contract.set('I', whole(manifest["sizes"]["template"]));
  contract.set('S', whole(manifest["sizes"]["search"]));
  contract.set('G', whole(manifest["sizes"]["grounding"]));
  for (const auto& [role, graph] : manifest["tensors"].fields())
    contract.take(role, {specs_of(graph["inputs"]), specs_of(graph["outputs"])});
}

// A graph's file name must end in .onnx, too: engines go by the name, and read other formats with weights in
// separate files.
void check_graphs(const std::string& path, const Json& manifest,
                  const std::map<std::string, ListedFile>& files) {
  const auto& graphs = manifest["tensors"].fields();
  for (const auto& [role, file] : files) {
    const bool is_onnx = file.path.size() > 5 && file.path.compare(file.path.size() - 5, 5, ".onnx") == 0;
    if (graphs.count(role.substr(0, role.find('.'))) && !is_onnx)
      throw Error(Code::bundle,
                  message(path, " has '", printable(file.path), "' as its graph '", role,
                          "'; expected a file whose name ends in .onnx: export the bundle again"));
  }
}

// Replaces the files and thresholds of float32 by those of the precision.
void take_precision(const Json& manifest, const std::string& path, Bundle& bundle) {
  const auto& precisions = manifest["precisions"].fields();
  const auto own = precisions.find(bundle.precision);
  bool complete = own != precisions.end();
  if (complete) {
    for (const Json& role : own->second["graphs"].items()) {
      const auto file = bundle.paths.find(role.text() + "." + bundle.precision + ".ort");
      complete = complete && file != bundle.paths.end();
      if (complete) bundle.paths[role.text()] = file->second;
    }
    read_policy(own->second["thresholds"], bundle.policy);
  }
  if (!complete)
    throw Error(Code::config,
                message("precision is '", bundle.precision, "', but ", path,
                        " has no files in this precision for ONNX Runtime on a CPU; expected fp32, or "
                        "int8 if the bundle was exported with --int8"));
}

}  // namespace

Bundle Bundle::open(const std::string& where, const std::string& precision) {
  std::error_code problem;
  const std::string folder = std::filesystem::absolute(where, problem).string();  // survives chdir()
  const std::string path = folder + "/manifest.json";
  const Json manifest = Json::parse(read_file(path, kLargestManifest), path);
  if (manifest["schema"].number() != kSchema)
    throw Error(Code::bundle, message(path, " has schema ", manifest["schema"].number(), "; expected ",
                                      kSchema, ": export the bundle again with this version of edgetrack"));
  Bundle bundle;
  bundle.name = manifest["name"].text();
  bundle.precision = precision;
  bundle.model.template_factor = manifest["factors"]["template"].number();
  bundle.model.search_factor = manifest["factors"]["search"].number();
  read_color(manifest["mean"], bundle.model.mean);
  read_color(manifest["std"], bundle.model.std);
  read_color(manifest["fill"], bundle.model.fill);
  read_policy(manifest["thresholds"], bundle.policy);
  const std::int64_t length = whole(manifest["text_length"]);
  if (length < 3 || length > kLongestText)
    throw Error(Code::bundle,
                message(path, " has text lengths of ", length, " tokens; expected 3 to ", kLongestText));
  bundle.text_length = static_cast<std::size_t>(length);
  std::map<std::string, ListedFile> files;
  for (const auto& [role, file] : manifest["files"].fields()) {
    const bool is_shared = file.fields().count("bundle") > 0;
    if (is_shared) check_sibling(folder, file["bundle"].text());
    files[role] = {file["path"].text(), file["sha256"].text(), is_shared ? file["bundle"].text() : ""};
    bundle.paths[role] = place_of(folder, files[role]);
  }
  for (const char* role : kRoles)
    if (!bundle.paths.count(role))
      throw Error(Code::bundle, message(path, " lists no file for '", role, "'; export the bundle again"));
  const auto& graphs = manifest["tensors"].fields();
  const auto has = [&](const char* role) { return graphs.count(role) > 0 && bundle.paths.count(role) > 0; };
  bundle.model.ranks = has(kEye[0]);
  if (has(kEye[0]) != has(kEye[1]))
    throw Error(Code::bundle, message(path, " has one of the graphs 'detect' and 'rank' without the other; ",
                                      "export the bundle again"));
  bundle.model.pairs = has(kPairs[0]);
  if (has(kPairs[0]) != has(kPairs[1]))
    throw Error(Code::bundle,
                message(path, " has one of the graphs 'template_x' and 'search_x' without the other; ",
                        "export the bundle again"));
  if (has(kMask)) bundle.model.mask_factor = manifest["factors"]["mask"].number();
  check_tensors(manifest);
  check_graphs(path, manifest, files);
  check_files(folder, files);
  if (precision != "fp32") take_precision(manifest, path, bundle);
  for (const std::size_t batch : kBatches)
    if (bundle.paths.count("search" + std::to_string(batch))) bundle.batches.push_back(batch);
  return bundle;
}

}  // namespace edgetrack
