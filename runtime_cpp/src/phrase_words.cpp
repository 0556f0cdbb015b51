#include "phrase_words.h"

#include "phrase_tables.h"

namespace edgetrack {

namespace {

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0'; }

bool is_mark(char c) { return std::string(",.;:!?\"()[]{}").find(c) != std::string::npos; }

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  const std::string curly = "\xe2\x80\x99";  // U+2019, the apostrophe of phone keyboards
  for (std::size_t at = text.find(curly); at != std::string::npos; at = text.find(curly))
    text.replace(at, curly.size(), "'");
  return text;
}

// "top-left" and "second-largest" are two words for the grammar.
bool is_pair(const std::string& first, const std::string& second) {
  return (kSides.count(first) && kSides.count(second)) ||
         (kOrdinals.count(first) && (kSuperlatives.count(second) || kExtremes.count(second)));
}

void append(Sentence& words, const std::string& raw, bool pause) {
  const std::string low = lower(raw);
  const std::size_t dash = low.find('-');
  if (dash != std::string::npos && is_pair(low.substr(0, dash), low.substr(dash + 1))) {
    words.push_back({raw.substr(0, dash), low.substr(0, dash), false});
    words.push_back({raw.substr(dash + 1), low.substr(dash + 1), pause});
    return;
  }
  words.push_back({raw, low, pause});
}

}  // namespace

Sentence words_of(const std::string& text) {
  Sentence words;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    while (end < text.size() && !is_space(text[end])) ++end;
    std::size_t first = at, last = end;
    while (first < last && is_mark(text[first])) ++first;
    while (last > first && is_mark(text[last - 1])) --last;
    if (first < last)
      append(words, text.substr(first, last - first), last < end);
    else if (end > at && !words.empty())
      words.back().pause = true;
    at = end + 1;
  }
  return words;
}

std::string run_of(const Sentence& words, std::size_t begin, std::size_t count) {
  std::string run;
  if (count == 0 || begin + count > words.size()) return run;
  for (std::size_t i = begin; i < begin + count; ++i) {
    if (i > begin && words[i - 1].pause) return {};
    run += (i > begin ? " " : "") + words[i].low;
  }
  return run;
}

Sentence joined(Sentence first, const Sentence& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

Sentence cut(const Sentence& words, std::size_t begin, std::size_t end) {
  return {words.begin() + static_cast<std::ptrdiff_t>(begin),
          words.begin() + static_cast<std::ptrdiff_t>(end)};
}

std::string written(const Sentence& words) {
  std::string text;
  for (const Word& word : words) text += (text.empty() ? "" : " ") + word.raw;
  return text;
}

bool ends_head(const std::string& low) {
  const bool verb = low.size() > 5 && low.compare(low.size() - 3, 3, "ing") == 0 && !kNounsInIng.count(low);
  return verb || kHeadEnds.count(low) > 0;
}

std::size_t head_length(const Sentence& words) {
  std::size_t length = 0;
  const auto goes_on = [&](const std::string& low) {
    return low != "left" && !ends_head(low);
  };  // "bag left alone"
  while (length < words.size() && (length == 0 || goes_on(words[length].low))) ++length;
  return length;
}

std::string noun_of(Sentence words) {
  for (;;) {
    std::size_t first = 0;
    while (first + 1 < words.size() && kDeterminers.count(words[first].low)) ++first;
    words.erase(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(first));
    if (words.empty()) return {};
    const std::size_t head = head_length(words);
    const bool of = head + 1 < words.size() && words[head].low == "of";
    if (of && kContainers.count(words[head - 1].low)) {
      words.erase(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(head) + 1);
      continue;
    }
    const std::string two = head > 1 ? run_of(words, head - 2, 2) : "";
    return kCompounds.count(two) ? two : words[head - 1].low;
  }
}

}  // namespace edgetrack
