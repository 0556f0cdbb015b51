// A JSON reader for manifests and tokenizers.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace edgetrack {

// A value of any type. Each accessor throws Error if the value is of another type.
class Json {
 public:
  // `origin` names the text in error messages. Throws Error if the text is not JSON.
  static Json parse(const std::string& text, const std::string& origin);

  bool null() const { return kind_ == Kind::nothing; }
  const std::string& text() const;
  double number() const;
  bool truth() const;
  const std::vector<Json>& items() const;
  const std::map<std::string, Json>& fields() const;

  // Returns a field of an object.
  const Json& operator[](const std::string& key) const;

 private:
  friend class JsonReader;
  enum class Kind { nothing, truth, number, text, list, object };

  void expect(Kind kind) const;

  Kind kind_ = Kind::nothing;
  std::string origin_, text_;  // the location for error messages; the text of a string
  double number_ = 0;          // a number, or 0 and 1 for false and true
  std::vector<Json> items_;
  std::map<std::string, Json> fields_;
};

}  // namespace edgetrack
