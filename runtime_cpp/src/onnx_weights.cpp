#include "onnx_weights.h"

#include <charconv>
#include <map>
#include <set>
#include <tuple>

#include "edgetrack/types.h"
#include "message.h"

namespace edgetrack {

bool OutsideWeights::operator<(const OutsideWeights& other) const {
  return std::tie(location, offset, length) < std::tie(other.location, other.offset, other.length);
}

namespace {

// The messages of onnx.proto that can contain a tensor.
enum class Kind { model, training, function, graph, node, attribute, sparse, tensor, entry };

struct Step {
  Kind kind;
  std::uint64_t field;
  Kind inner;
};

constexpr Step kSteps[] = {
    {Kind::model, 7, Kind::graph},         {Kind::model, 20, Kind::training},
    {Kind::model, 25, Kind::function},     {Kind::training, 1, Kind::graph},
    {Kind::training, 2, Kind::graph},      {Kind::function, 7, Kind::node},
    {Kind::function, 11, Kind::attribute}, {Kind::graph, 1, Kind::node},
    {Kind::graph, 5, Kind::tensor},        {Kind::graph, 15, Kind::sparse},
    {Kind::node, 5, Kind::attribute},      {Kind::attribute, 5, Kind::tensor},
    {Kind::attribute, 6, Kind::graph},     {Kind::attribute, 10, Kind::tensor},
    {Kind::attribute, 11, Kind::graph},    {Kind::attribute, 22, Kind::sparse},
    {Kind::attribute, 23, Kind::sparse},   {Kind::sparse, 1, Kind::tensor},
    {Kind::sparse, 2, Kind::tensor},       {Kind::tensor, 13, Kind::entry},
};
constexpr int kMaxMessageDepth = 100;  // nesting depth, the default limit of protobuf's own readers

using Entries = std::map<std::string, std::string, std::less<>>;  // of a tensor's external_data

class Reader {
 public:
  explicit Reader(const std::string& origin) : origin_(origin) {}

  void message_of(Kind kind, std::string_view bytes, int depth) {
    if (depth > kMaxMessageDepth) fail("is nested too deeply");
    Entries entries;
    while (!bytes.empty()) {
      const std::uint64_t tag = varint(bytes);
      const std::string_view value = content(bytes, tag & 7);
      if (tag >> 3 == 0 || tag >> 32 != 0) fail("is damaged");
      if ((tag & 7) != 2) continue;  // not a message
      for (const Step& step : kSteps)
        if (step.kind == kind && step.field == tag >> 3) {
          if (step.inner == Kind::entry)
            entry(value, entries);
          else
            message_of(step.inner, value, depth + 1);
        }
    }
    if (!entries.empty()) place(entries);
  }

  std::set<OutsideWeights> found;

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw Error(Code::bundle, message(origin_, " ", why, "; expected an ONNX file: export the bundle again"));
  }

  std::uint64_t varint(std::string_view& bytes) const {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(bytes.front());
      bytes.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 127) << shift;
      if (byte < 128) return value;
    }
    fail("is damaged");
  }

  // Reads the value after a tag of that wire type. Returns the bytes of a length-delimited one, nothing for
  // others.
  std::string_view content(std::string_view& bytes, std::uint64_t wire) const {
    std::uint64_t length = 0;
    if (wire == 0)
      varint(bytes);
    else if (wire == 1 || wire == 5)
      length = wire == 1 ? 8 : 4;
    else if (wire == 2)
      length = varint(bytes);
    else
      fail("is damaged");  // groups are not used by ONNX
    if (length > bytes.size()) fail("is truncated");
    const std::string_view taken = bytes.substr(0, static_cast<std::size_t>(length));
    bytes.remove_prefix(static_cast<std::size_t>(length));
    return taken;
  }

  // Reads a key and a value. Duplicates are rejected, because engines differ in which one they use.
  void entry(std::string_view bytes, Entries& entries) const {
    std::map<std::uint64_t, std::string_view> fields;
    while (!bytes.empty()) {
      const std::uint64_t tag = varint(bytes);
      const std::string_view value = content(bytes, tag & 7);
      if ((tag & 7) != 2 || !fields.emplace(tag >> 3, value).second)
        fail("gives the place of a tensor twice");
    }
    const std::string key(fields[1]);
    if (key != "location" && key != "offset" && key != "length" && key != "checksum")
      fail(message("has the unknown key '", printable(key), "' for the place of a tensor"));
    if (!entries.emplace(key, fields[2]).second) fail(message("gives the ", key, " of a tensor twice"));
  }

  void place(const Entries& entries) {
    const auto number = [&](const char* key) {
      const auto entry = entries.find(key);
      std::uint64_t value = 0;
      if (entry == entries.end()) fail(message("has a tensor in another file without its ", key));
      const std::string& text = entry->second;
      const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
      if (read.ec != std::errc() || read.ptr != text.data() + text.size())
        fail(message("has a tensor in another file with the ", key, " '", printable(text), "'"));
      return value;
    };
    const auto location = entries.find("location");
    if (location == entries.end()) fail("has a tensor in another file that it does not name");
    found.insert({location->second, number("offset"), number("length")});
  }

  const std::string& origin_;
};

}  // namespace

std::vector<OutsideWeights> outside_weights(std::string_view onnx, const std::string& origin) {
  Reader reader(origin);
  reader.message_of(Kind::model, onnx, 0);
  return {reader.found.begin(), reader.found.end()};
}

}  // namespace edgetrack
