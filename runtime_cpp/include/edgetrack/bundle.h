// A model bundle: a folder written by edgetrack's export.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "edgetrack/api.h"
#include "edgetrack/tracker.h"

namespace edgetrack {

// The WordPiece tokenizer of a bundle: lower case, no accents, rare words split into known pieces. The ids
// are those of Hugging Face's `tokenizers`, for any text.
class EDGETRACK_API Tokenizer {
 public:
  // Every text is padded to `length`. Throws Error.
  Tokenizer(const std::string& path, std::size_t length);

  // `text` is UTF-8. Throws Error if it is empty, too long, invalid, or has no word that the model knows.
  Text encode(const std::string& text) const;

  // Returns the ids of a text of any length, from [CLS] to [SEP]. Throws Error like encode().
  std::vector<std::int64_t> tokens(const std::string& text) const;

 private:
  Tokens padded(std::vector<std::int64_t> ids) const;
  Tokens part_or(const std::string& part, const Tokens& whole) const;
  void add_word(const std::u32string& word, std::vector<std::int64_t>& ids) const;
  void add_words(const std::u32string& text, std::vector<std::int64_t>& ids) const;

  std::size_t length_, longest_;  // tokens of a text; letters of a word
  std::string prefix_;            // of a piece that continues a word
  std::map<std::string, std::int64_t> pieces_;
  std::map<std::string, std::int64_t> special_;  // markers such as [SEP]
  std::set<std::int64_t> words_;                 // pieces with a letter
  std::int64_t begin_, end_, unknown_;
};

// The contents of its manifest.
struct EDGETRACK_API Bundle {
  std::string name;
  Model model;
  Policy policy;
  std::size_t text_length;  // tokens
  std::string precision;
  std::map<std::string, std::string>
      paths;  // by role, in that precision: text, prompt, template, search, ground, tokenizer, ...

  std::vector<std::size_t> batches;  // numbers of targets that "search" has a graph for, besides 1

  // Opens a bundle in "fp32", or in a precision for which it has files for ONNX Runtime on a CPU: "int8".
  // Graphs without files of that precision run in float32; `policy` has the thresholds of the precision. As
  // in Python, every file must match its checksum (a few tenths of a second for 40 MB) and be inside the
  // folder, and so must the weights that the ONNX files refer to. Throws Error if a file does not, if the
  // folder has no manifest that this version supports, or if the precision is missing.
  static Bundle open(const std::string& folder, const std::string& precision = "fp32");

  Tokenizer tokenizer() const { return Tokenizer(paths.at("tokenizer"), text_length); }
};

}  // namespace edgetrack
