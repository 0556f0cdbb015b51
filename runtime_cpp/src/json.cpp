#include "json.h"

#include <charconv>
#include <cmath>
#include <cstring>
#include <system_error>

#include "edgetrack/types.h"
#include "message.h"

namespace edgetrack {

namespace {

constexpr int kMaxDepth = 32;
constexpr const char* kKinds[] = {"null", "true or false", "a number", "a text", "a list", "an object"};

std::string utf8(unsigned long code) {
  const auto byte = [](unsigned long bits) { return static_cast<char>(bits); };
  if (code < 0x80) return {byte(code)};
  if (code < 0x800) return {byte(0xc0 | code >> 6), byte(0x80 | (code & 0x3f))};
  if (code < 0x10000)
    return {byte(0xe0 | code >> 12), byte(0x80 | (code >> 6 & 0x3f)), byte(0x80 | (code & 0x3f))};
  return {byte(0xf0 | code >> 18), byte(0x80 | (code >> 12 & 0x3f)), byte(0x80 | (code >> 6 & 0x3f)),
          byte(0x80 | (code & 0x3f))};
}

}  // namespace

class JsonReader {
 public:
  JsonReader(const std::string& text, const std::string& origin) : text_(text), origin_(origin) {}

  Json whole() {
    Json json = value(0);
    skip();
    if (at_ != text_.size()) fail("nothing after the value");
    return json;
  }

 private:
  [[noreturn]] void fail(const char* expected) const {
    throw Error(Code::bundle, message(origin_, " is not valid JSON: expected ", expected, " at byte ", at_,
                                      "; copy or export the bundle again"));
  }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  void skip() {
    while (at_ < text_.size() && std::strchr(" \t\r\n", text_[at_]) && text_[at_] != '\0') ++at_;
  }

  bool take(const char* word) {
    const std::size_t length = std::strlen(word);
    if (text_.compare(at_, length, word) != 0) return false;
    at_ += length;
    return true;
  }

  Json value(int depth) {
    if (depth > kMaxDepth) fail("less nesting");
    skip();
    Json json;
    json.origin_ = origin_;
    if (peek() == '{') {
      read_object(json, depth);
    } else if (peek() == '[') {
      read_list(json, depth);
    } else if (peek() == '"') {
      json.kind_ = Json::Kind::text;
      json.text_ = string();
    } else if (take("true") || take("false")) {
      json.kind_ = Json::Kind::truth;
      json.number_ = text_[at_ - 2] == 'u' ? 1 : 0;
    } else if (!take("null")) {
      json.kind_ = Json::Kind::number;
      json.number_ = number();
    }
    return json;
  }

  void read_object(Json& json, int depth) {
    json.kind_ = Json::Kind::object;
    ++at_;
    for (skip(); !take("}"); skip()) {
      if (!json.fields_.empty() && !take(",")) fail("',' or '}'");
      skip();
      if (peek() != '"') fail("a key");
      const std::string key = string();
      skip();
      if (!take(":")) fail("':'");
      json.fields_[key] = value(depth + 1);
    }
  }

  void read_list(Json& json, int depth) {
    json.kind_ = Json::Kind::list;
    ++at_;
    for (skip(); !take("]"); skip()) {
      if (!json.items_.empty() && !take(",")) fail("',' or ']'");
      json.items_.push_back(value(depth + 1));
    }
  }

  // Reads digits; at least one.
  void digits() {
    const std::size_t first = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    if (at_ == first) fail("a digit");
  }

  // std::strtod would expect the decimal comma of the program's locale.
  double number() {
    const std::size_t begin = at_;
    if (!std::strchr("-0123456789", peek()) || peek() == '\0') fail("a value");
    take("-");
    if (!take("0")) digits();
    if (take(".")) digits();
    if (take("e") || take("E")) {
      if (!take("-")) take("+");
      digits();
    }
    double number = 0;
    const auto read = std::from_chars(text_.data() + begin, text_.data() + at_, number);
    if (read.ec != std::errc() || !std::isfinite(number)) fail("a number");
    return number;
  }

  unsigned long hex() {
    if (at_ + 4 > text_.size()) fail("4 hexadecimal digits");
    const char* const begin = text_.data() + at_;
    unsigned long code = 0;
    if (std::from_chars(begin, begin + 4, code, 16).ptr != begin + 4) fail("4 hexadecimal digits");
    at_ += 4;
    return code;
  }

  std::string escape() {
    constexpr const char *names = "\"\\/bfnrt", *meanings = "\"\\/\b\f\n\r\t";
    if (take("u")) {
      unsigned long code = hex();
      if (code >= 0xd800 && code < 0xdc00 && take("\\u"))
        code = 0x10000 + ((code & 0x3ff) << 10) + (hex() & 0x3ff);
      return utf8(code);
    }
    const char* found = peek() == '\0' ? nullptr : std::strchr(names, peek());
    if (!found) fail("an escape");
    ++at_;
    return {meanings[found - names]};
  }

  std::string string() {
    std::string out;
    for (++at_; !take("\"");) {
      if (at_ >= text_.size()) fail("'\"'");
      if (take("\\"))
        out += escape();
      else
        out += text_[at_++];
    }
    return out;
  }

  const std::string& text_;
  const std::string& origin_;
  std::size_t at_ = 0;
};

Json Json::parse(const std::string& text, const std::string& origin) {
  return JsonReader(text, origin).whole();
}

void Json::expect(Kind kind) const {
  if (kind_ != kind)
    throw Error(Code::bundle,
                message(origin_, " has ", kKinds[static_cast<int>(kind_)], " where ",
                        kKinds[static_cast<int>(kind)], " is expected; export the bundle again"));
}

const std::string& Json::text() const { return expect(Kind::text), text_; }
double Json::number() const { return expect(Kind::number), number_; }
bool Json::truth() const { return expect(Kind::truth), number_ != 0; }
const std::vector<Json>& Json::items() const { return expect(Kind::list), items_; }
const std::map<std::string, Json>& Json::fields() const { return expect(Kind::object), fields_; }

const Json& Json::operator[](const std::string& key) const {
  const auto field = fields().find(key);
  if (field == fields_.end())
    throw Error(Code::bundle, message(origin_, " has no '", key, "'; export the bundle again"));
  return field->second;
}

}  // namespace edgetrack
