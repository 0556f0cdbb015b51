// Reads JSON: manifests and tokenizers.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace edgetrack {

// A value of any kind. Each way of looking at it throws Error when it is of another kind.
class Json {
 public:
  // `origin` names the text in messages. Throws Error when it is not JSON.
  static Json parse(const std::string& text, const std::string& origin);

  bool null() const { return kind_ == Kind::nothing; }
  const std::string& text() const;
  double number() const;
  bool truth() const;
  const std::vector<Json>& items() const;
  const std::map<std::string, Json>& fields() const;

  // The field of an object.
  const Json& operator[](const std::string& key) const;

 private:
  friend class JsonReader;
  enum class Kind { nothing, truth, number, text, list, object };

  void expect(Kind kind) const;

  Kind kind_ = Kind::nothing;
  std::string origin_, text_;  // where it stands, for messages; its text
  double number_ = 0;          // or 0 and 1 for false and true
  std::vector<Json> items_;
  std::map<std::string, Json> fields_;
};

}  // namespace edgetrack
