#include <algorithm>

#include "bundle_files.h"
#include "edgetrack/bundle.h"
#include "json.h"
#include "message.h"

namespace edgetrack {

namespace {

constexpr std::uint64_t kLargestTokenizer = 64 << 20;  // bytes

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// The four ranges of ASCII that BERT's tokenizer cuts out as words of their own.
bool is_punctuation(char c) {
  return (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) || (c >= 123 && c <= 126);
}

std::string shortened(const std::string& text) {
  return "'" + (text.size() <= 60 ? text : text.substr(0, 57) + "...") + "'";
}

}  // namespace

Tokenizer::Tokenizer(const std::string& path, std::size_t length) : length_(length) {
  const Json json = Json::parse(read_file(path, kLargestTokenizer), path);
  const Json& model = json["model"];
  if (model["type"].text() != "WordPiece" || json["normalizer"]["type"].text() != "BertNormalizer" ||
      !json["normalizer"]["lowercase"].truth() || json["pre_tokenizer"]["type"].text() != "BertPreTokenizer")
    throw Error(Code::bundle, path + " is not a lower case WordPiece tokenizer; export the bundle again");
  prefix_ = model["continuing_subword_prefix"].text();
  const auto whole = [&](const Json& value) {
    if (!(value.number() >= 0 && value.number() < 1e9))
      throw Error(Code::bundle, message(path, " has the number ", value.number(), "; expected 0..1e9"));
    return static_cast<std::int64_t>(value.number());
  };
  longest_ = static_cast<std::size_t>(whole(model["max_input_chars_per_word"]));
  for (const auto& [piece, number] : model["vocab"].fields()) pieces_[piece] = whole(number);
  for (const Json& token : json["added_tokens"].items()) special_.push_back(token["content"].text());
  const auto id = [&](const std::string& piece) {
    if (!pieces_.count(piece))
      throw Error(Code::bundle, path + " has no " + piece + "; export the bundle again");
    return pieces_[piece];
  };
  begin_ = id("[CLS]"), end_ = id("[SEP]"), unknown_ = id(model["unk_token"].text());
}

// The longest pieces that the word starts with, one after another. Whether they are known, and not only signs
// and digits, which name nothing that could be found.
bool Tokenizer::add_word(const std::string& word, std::vector<std::int64_t>& ids) const {
  if (word.empty()) return false;
  std::vector<std::int64_t> found;
  for (std::size_t begin = 0; begin < word.size() && word.size() <= longest_;) {
    std::size_t end = word.size();
    auto piece = pieces_.end();
    for (; end > begin && piece == pieces_.end(); --end)
      piece = pieces_.find((begin > 0 ? prefix_ : "") + word.substr(begin, end - begin));
    if (piece == pieces_.end()) {
      found.clear();
      break;
    }
    found.push_back(piece->second);
    begin = end + 1;
  }
  const bool known = !found.empty();
  if (!known) found.push_back(unknown_);
  ids.insert(ids.end(), found.begin(), found.end());
  return known && std::any_of(word.begin(), word.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

Text Tokenizer::encode(const std::string& text) const {
  const auto refuse = [&](const std::string& why) {
    throw Error(Code::prompt, "text " + shortened(text) + why);
  };
  if (std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) > 127; }))
    refuse(" has characters beyond ASCII; expected English words (Python's edgetrack takes any text)");
  if (std::all_of(text.begin(), text.end(), is_space))
    refuse(" is empty; expected a description such as 'red car'");
  for (const std::string& special : special_)
    if (text.find(special) != std::string::npos) refuse(" has " + special + " in it; leave it out");
  std::vector<std::int64_t> ids = {begin_};
  std::string word;
  bool known = false;
  for (const char c : text) {
    if (is_space(c) || is_punctuation(c)) {
      known = add_word(word, ids) || known;
      word.clear();
      if (!is_space(c)) add_word({c}, ids);
    } else if (c >= 32 && c < 127) {  // other control characters vanish
      word += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    }
  }
  known = add_word(word, ids) || known;
  if (!known) refuse(" has no word that the model knows; expected English words");
  ids.push_back(end_);
  if (ids.size() > length_)
    refuse(message(" is ", ids.size() - 2, " word pieces long; expected at most ", length_ - 2,
                   ": describe the target in fewer words"));
  Text out = {ids, std::vector<float>(ids.size(), 1.0f)};
  out.ids.resize(length_, 0);
  out.mask.resize(length_, 0.0f);
  return out;
}

}  // namespace edgetrack
