#include "bundle_files.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <vector>

#include "edgetrack/types.h"
#include "message.h"
#include "onnx_weights.h"
#include "sha256.h"

namespace edgetrack {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kLargestOnnx = (std::uint64_t{1} << 31) - 1;  // protobuf's limit
constexpr const char* kAgain = "; copy or export the bundle again";

// Throws Error unless a path is relative, never leads up, and has no links on the way.
void check_place(const fs::path& folder, const std::string& path) {
  const fs::path relative(path);
  const bool leaves =
      relative.is_absolute() ||
      std::any_of(relative.begin(), relative.end(), [](const fs::path& part) { return part == ".."; });
  if (path.empty() || leaves || path.find('\0') != std::string::npos)
    throw Error(Code::bundle, message("bundle ", folder.string(), " names the file '", printable(path),
                                      "', which is outside of the bundle; do not use this bundle"));
  fs::path at = folder;
  for (const fs::path& part : relative) {
    at /= part;
    std::error_code problem;
    if (fs::is_symlink(at, problem))
      throw Error(Code::bundle, message("bundle file ", at.string(), " is a link; expected the file itself: ",
                                        "copy the bundle again with its files, for example with cp -rL"));
  }
}

std::ifstream open(const fs::path& file) {
  std::error_code problem;
  const bool is_file = fs::is_regular_file(file, problem);  // reading a pipe could block forever
  std::ifstream stream;
  if (is_file) stream.open(file, std::ios::binary);
  if (!is_file || !stream)
    throw Error(Code::bundle,
                message(file.string(), " cannot be read; expected a file of a model bundle, a folder that ",
                        "edgetrack's export wrote", kAgain));
  return stream;
}

// Returns the folder of the bundle that holds a file.
fs::path home_of(const fs::path& folder, const ListedFile& file) {
  const std::string& name = file.bundle;
  if (name.empty()) return folder;
  std::error_code problem;
  const fs::path beside = fs::canonical(folder, problem).parent_path() / name;
  if (fs::is_symlink(beside, problem))
    throw Error(Code::bundle, message("bundle ", beside.string(),
                                      " is a link; expected the folder itself: ", "copy it with its files"));
  return beside;
}

void check_sum(const fs::path& file, const std::string& expected) {
  std::ifstream stream = open(file);
  std::vector<char> some(1 << 16);
  Sha256 digest;
  while (stream.read(some.data(), static_cast<std::streamsize>(some.size())) || stream.gcount() > 0)
    digest.add(some.data(), static_cast<std::size_t>(stream.gcount()));
  const std::string found = digest.hex();
  if (found != expected)
    throw Error(Code::bundle,
                message("bundle file ", file.string(), " is damaged: its SHA-256 is ", found.substr(0, 12),
                        "..., but the manifest lists ", expected.substr(0, 12), "...", kAgain));
}

void check_weights(const fs::path& folder, const std::string& graph, const std::set<fs::path>& listed) {
  const fs::path file = folder / graph;
  const std::string onnx = read_file(file.string(), kLargestOnnx);
  for (const OutsideWeights& weights : outside_weights(onnx, file.string())) {
    const fs::path place = (fs::path(graph).parent_path() / weights.location).lexically_normal();
    const std::string which =
        message(file.string(), " stores weights in '", printable(weights.location), "'");
    // ONNX Runtime uses names with * for memory addresses.
    if (listed.count(place) == 0 || weights.location.find('*') != std::string::npos)
      throw Error(Code::bundle, message(which, ", a file that the manifest does not list; expected weights ",
                                        "with a checksum: do not use this bundle, or export it again"));
    const std::uint64_t size = fs::file_size(folder / place);
    if (weights.length < 1 || weights.length > size || weights.offset > size - weights.length)
      throw Error(Code::bundle, message(which, " at byte ", weights.offset, ", ", weights.length,
                                        " bytes long, but that file has ", size, " bytes", kAgain));
  }
}

}  // namespace

std::string read_file(const std::string& path, std::uint64_t largest) {
  std::ifstream stream = open(path);
  const std::uint64_t size = fs::file_size(path);
  if (size < 1 || size > largest)
    throw Error(Code::bundle, message(path, " has ", size, " bytes; expected 1 to ", largest, kAgain));
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

void check_sibling(const std::string& folder, const std::string& name) {
  const auto is_alnum = [](char c) {  // in any locale
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  const auto is_plain = [&](char c) { return is_alnum(c) || c == '.' || c == '_' || c == '-'; };
  if (name.empty() || name.size() > 100 || !is_alnum(name.front()) ||
      !std::all_of(name.begin(), name.end(), is_plain))
    throw Error(Code::bundle, message("bundle ", folder, " has a file of the bundle '", printable(name),
                                      "'; expected the name of a folder beside it"));
}

std::string place_of(const std::string& folder, const ListedFile& file) {
  return (home_of(folder, file) / file.path).string();
}

void check_files(const std::string& folder, const std::map<std::string, ListedFile>& files) {
  std::map<std::string, std::set<fs::path>> listed;  // by the bundle that holds the files
  for (const auto& [role, file] : files) {
    const fs::path home = home_of(folder, file);
    check_place(home, file.path);
    std::error_code problem;
    if (!file.bundle.empty() && !fs::exists(home / file.path, problem))
      throw Error(Code::bundle, message("bundle file ", (home / file.path).string(), " cannot be read; ",
                                        fs::path(folder).filename().string(), " shares it with the bundle ",
                                        file.bundle, " in the folder beside it: copy both"));
    check_sum(home / file.path, file.sha256);
    listed[file.bundle].insert(fs::path(file.path).lexically_normal());
  }
  for (const auto& [role, file] : files)
    if (fs::path(file.path).extension() == ".onnx")
      check_weights(home_of(folder, file), file.path, listed[file.bundle]);
}

}  // namespace edgetrack
