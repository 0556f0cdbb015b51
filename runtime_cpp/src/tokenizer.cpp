#include <algorithm>
#include <memory>
#include <utility>

#include "bundle_files.h"
#include "edgetrack/bundle.h"
#include "json.h"
#include "message.h"
#include "phrase.h"
#include "unicode.h"

namespace edgetrack {

namespace {

constexpr std::uint64_t kLargestTokenizer = 64 << 20;  // bytes

constexpr std::size_t kLongestInput = 10'000;  // characters; a longer text is rejected before tokenization

// Formats text for a message: in quotes, on one line, not too long.
std::string shown(const std::u32string& text) {
  constexpr std::size_t longest = 60;
  std::string all = "'";
  for (const char32_t code : text.substr(0, text.size() > longest ? longest - 3 : longest)) {
    if (code < U' ' || (code >= 0x7f && code < 0xa0))
      all += '?';
    else
      append_utf8(all, code);
  }
  return all + (text.size() > longest ? "...'" : "'");
}

// Formats a number with commas, as in 10,000.
std::string grouped(std::size_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t end = digits.size(); end > 3; end -= 3) digits.insert(end - 3, ",");
  return digits;
}

bool has_letter(const std::string& piece) {
  const auto codes = code_points(piece);
  return codes && std::any_of(codes->begin(), codes->end(), is_letter);
}

// Whether the tokenizer normalizes text as append_normalized() does.
bool normalizes(const Json& json) {
  const Json& accents = json["strip_accents"];  // null: accents are stripped if text is lowercased
  return json["type"].text() == "BertNormalizer" && json["lowercase"].truth() && json["clean_text"].truth() &&
         json["handle_chinese_chars"].truth() && (accents.null() || accents.truth());
}

}  // namespace

Tokenizer::Tokenizer(const std::string& path, std::size_t length) : length_(length) {
  const Json json = Json::parse(read_file(path, kLargestTokenizer), path);
  const Json& model = json["model"];
  if (model["type"].text() != "WordPiece" || !normalizes(json["normalizer"]) ||
      json["pre_tokenizer"]["type"].text() != "BertPreTokenizer")
    throw Error(Code::bundle, path + " is not a lowercase WordPiece tokenizer; export the bundle again");
  prefix_ = model["continuing_subword_prefix"].text();
  const auto whole = [&](const Json& value) {
    if (!(value.number() >= 0 && value.number() < 1e9))
      throw Error(Code::bundle, message(path, " has the number ", value.number(), "; expected 0..1e9"));
    return static_cast<std::int64_t>(value.number());
  };
  longest_ = static_cast<std::size_t>(whole(model["max_input_chars_per_word"]));
  for (const Json& token : json["added_tokens"].items())
    if (!token["content"].text().empty()) special_[token["content"].text()] = whole(token["id"]);
  for (const auto& [piece, number] : model["vocab"].fields()) {
    pieces_[piece] = whole(number);
    if (!special_.count(piece) && has_letter(piece)) words_.insert(pieces_[piece]);
  }
  const auto id = [&](const std::string& piece) {
    if (!pieces_.count(piece))
      throw Error(Code::bundle, path + " has no " + piece + "; export the bundle again");
    return pieces_[piece];
  };
  begin_ = id("[CLS]"), end_ = id("[SEP]"), unknown_ = id(model["unk_token"].text());
  words_.erase(unknown_);
}

// Splits a word greedily into the longest pieces of the vocabulary; the whole word is unknown if a piece is.
void Tokenizer::add_word(const std::u32string& word, std::vector<std::int64_t>& ids) const {
  if (word.empty()) return;
  std::string text;
  for (const char32_t code : word) append_utf8(text, code);
  std::vector<std::int64_t> found;
  for (std::size_t begin = 0; begin < text.size();) {
    std::size_t end = word.size() > longest_ ? begin : text.size();
    auto piece = pieces_.end();
    for (; end > begin && piece == pieces_.end(); --end)
      piece = pieces_.find((begin > 0 ? prefix_ : "") + text.substr(begin, end - begin));
    if (piece == pieces_.end()) {
      found = {unknown_};
      break;
    }
    found.push_back(piece->second);
    begin = end + 1;
  }
  ids.insert(ids.end(), found.begin(), found.end());
}

// Tokenizes text without markers such as [SEP].
void Tokenizer::add_words(const std::u32string& text, std::vector<std::int64_t>& ids) const {
  std::u32string normal, word;
  for (const char32_t code : text) append_normalized(normal, code);
  for (const char32_t code : normal) {
    const bool sign = is_punctuation(code);
    if (!sign && code != U' ') {
      word += code;
      continue;
    }
    add_word(word, ids);
    word.clear();
    if (sign) add_word({code}, ids);
  }
  add_word(word, ids);
}

std::vector<std::int64_t> Tokenizer::tokens(const std::string& text) const {
  const std::optional<std::u32string> codes = code_points(text);
  if (!codes)
    throw Error(Code::prompt, "text '" + printable(text) + "' is not valid UTF-8; expected Unicode text");
  const auto refuse = [&](const std::string& why) {
    throw Error(Code::prompt, "text " + shown(*codes) + why);
  };
  if (codes->size() > kLongestInput)
    refuse(message(" has ", grouped(codes->size()), " characters; expected at most ", grouped(kLongestInput),
                   ": describe the target in fewer words"));
  std::u32string normal;
  for (const char32_t code : *codes) append_normalized(normal, code);
  if (normal.find_first_not_of(U' ') == std::u32string::npos)
    refuse(" is empty; expected a description such as 'red car'");
  std::vector<std::int64_t> ids = {begin_};
  for (std::size_t at = 0; at < text.size();) {  // up to the next marker; the longest of several here
    std::size_t next = text.size();
    auto marker = special_.end();
    for (auto token = special_.begin(); token != special_.end(); ++token) {
      const std::size_t found = text.find(token->first, at);
      if (found < next ||
          (found == next && marker != special_.end() && token->first.size() > marker->first.size()))
        next = found, marker = token;
    }
    add_words(*code_points(text.substr(at, next - at)), ids);
    if (marker == special_.end()) break;
    ids.push_back(marker->second);
    at = next + marker->first.size();
  }
  if (std::none_of(ids.begin(), ids.end(), [&](std::int64_t id) { return words_.count(id) > 0; }))
    refuse(" contains no word that the model knows; expected English words");
  ids.push_back(end_);
  return ids;
}

Tokens Tokenizer::padded(std::vector<std::int64_t> ids) const {
  Tokens out = {std::move(ids), {}};
  out.mask.assign(out.ids.size(), 1.0f);
  out.ids.resize(length_, 0);
  out.mask.resize(length_, 0.0f);
  return out;
}

Text Tokenizer::encode(const std::string& text) const {
  const std::vector<std::int64_t> ids = tokens(text);
  if (ids.size() > length_)
    throw Error(Code::prompt, message("text ", shown(*code_points(text)), " is ", ids.size() - 2,
                                      " word pieces long; expected at most ", length_ - 2,
                                      ": describe the target in fewer words"));
  Text out = {padded(ids), {}, std::make_shared<const Query>(parse(text))};
  for (const Part& part : out.query->parts) {
    Tokens phrase = part_or(part.phrase, out.whole);
    Tokens noun = part_or(part.noun, phrase);
    out.parts.push_back({std::move(phrase), std::move(noun)});
  }
  return out;
}

// If a part has no word that the model knows, the phrase or sentence that it belongs to is used instead.
Tokens Tokenizer::part_or(const std::string& part, const Tokens& whole) const {
  try {
    std::vector<std::int64_t> ids = tokens(part);
    return ids.size() <= length_ ? padded(std::move(ids)) : whole;
  } catch (const Error&) {
    return whole;
  }
}

}  // namespace edgetrack
