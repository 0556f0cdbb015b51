#include "edgetrack/bundle.h"

#include <cmath>
#include <fstream>
#include <iterator>

#include "json.h"
#include "message.h"

namespace edgetrack {

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file || text.empty())
    throw Error(Code::bundle,
                path + " cannot be read or is empty; expected a file of a model bundle, a folder " +
                    "that edgetrack's export wrote");
  return text;
}

namespace {

constexpr int kSchema = 1;
constexpr std::size_t kBatches[] = {2, 4};  // "search2", "search4"
constexpr const char* kRoles[] = {"text", "prompt", "template", "search", "ground", "tokenizer"};

void read_colour(const Json& json, float (&colour)[3]) {
  if (json.items().size() != 3)
    throw Error(Code::bundle, message("the manifest has a colour of ", json.items().size(),
                                      " numbers; expected 3: export the bundle again"));
  for (std::size_t c = 0; c < 3; ++c) colour[c] = static_cast<float>(json.items()[c].number());
}

void read_policy(const Json& thresholds, Policy& policy) {
  const std::map<std::string, double*> numbers = fields(policy);
  for (const auto& [name, value] : thresholds.fields()) {
    const auto known = numbers.find(name);
    if (known == numbers.end())
      throw Error(Code::bundle, message("the manifest has the unknown threshold '", name,
                                        "'; use a newer version of edgetrack"));
    *known->second = value.number();
  }
}

// A path that cannot lead out of the folder. Links are followed: who can write there can write anything.
std::string inside(const std::string& folder, const std::string& path) {
  if (path.empty() || path[0] == '/' || ("/" + path + "/").find("/../") != std::string::npos)
    throw Error(Code::bundle, message("bundle ", folder, " names the file '", path,
                                      "', which lies outside of it; do not use this bundle"));
  return folder + "/" + path;
}

// The precision's own files and thresholds in the place of float32's.
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
    throw Error(Code::config, message("precision is '", bundle.precision, "', and ", path,
                                      " has no files of it for ONNX Runtime on a CPU; expected fp32, or "
                                      "int8 where it was exported with --int8"));
}

}  // namespace

Bundle Bundle::open(const std::string& folder, const std::string& precision) {
  const std::string path = folder + "/manifest.json";
  const Json manifest = Json::parse(read_file(path), path);
  if (manifest["schema"].number() != kSchema)
    throw Error(Code::bundle, message(path, " has schema ", manifest["schema"].number(), "; expected ",
                                      kSchema, ": export the bundle again with this version of edgetrack"));
  Bundle bundle;
  bundle.name = manifest["name"].text();
  bundle.precision = precision;
  bundle.model.template_factor = manifest["factors"]["template"].number();
  bundle.model.search_factor = manifest["factors"]["search"].number();
  read_colour(manifest["mean"], bundle.model.mean);
  read_colour(manifest["std"], bundle.model.std);
  read_colour(manifest["fill"], bundle.model.fill);
  read_policy(manifest["thresholds"], bundle.policy);
  const double length = manifest["text_length"].number();
  if (!(length >= 3 && length <= 4096 && length == std::floor(length)))
    throw Error(Code::bundle,
                message(path, " has texts of ", length, " tokens; expected a whole number from 3 on"));
  bundle.text_length = static_cast<std::size_t>(length);
  for (const auto& [role, file] : manifest["files"].fields())
    bundle.paths[role] = inside(folder, file["path"].text());
  for (const char* role : kRoles)
    if (!bundle.paths.count(role))
      throw Error(Code::bundle, message(path, " lists no file for '", role, "'; export the bundle again"));
  if (precision != "fp32") take_precision(manifest, path, bundle);
  for (const std::size_t batch : kBatches)
    if (bundle.paths.count("search" + std::to_string(batch))) bundle.batches.push_back(batch);
  return bundle;
}

}  // namespace edgetrack
