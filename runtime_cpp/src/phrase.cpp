#include "phrase.h"

#include <algorithm>
#include <utility>

#include "parser.h"

namespace edgetrack {

namespace {

constexpr std::size_t kLongest = 40;  // words; no network takes a longer text

bool plural(const std::string& low) {
  return kIrregularPlurals.count(low) || (low.size() > 3 && low.back() == 's' && low[low.size() - 2] != 's');
}

}  // namespace

int Parser::add() {
  if (drafts_.size() >= kMostParts) failed_ = true;
  drafts_.emplace_back();
  return static_cast<int>(drafts_.size()) - 1;
}

bool Parser::boundary(std::size_t i) const {
  return ended(i) || (low(i) != "of" && ends_head(low(i))) || low(i) == "wearing" || low(i) == "that's";
}

bool Parser::turning() const {
  const Sentence& words = drafts_[static_cast<std::size_t>(part_)].words;
  return !words.empty() && kTurns.count(words.back().low);
}

Sentence Parser::head() const {
  const Sentence& words = drafts_[static_cast<std::size_t>(part_)].words;
  return cut(words, 0, head_length(words));
}

void Parser::select_ordinal(Order order) {
  const int ordinal = draft().ordinal;
  draft().ordinal = 0;
  if (ordinal >= 0) return select(order, std::max(1, ordinal));
  const Order other = order == Order::left     ? Order::right
                      : order == Order::right  ? Order::left
                      : order == Order::top    ? Order::bottom
                      : order == Order::bottom ? Order::top
                      : order == Order::near   ? Order::far
                                               : Order::near;
  select(other, -ordinal);
}

// "all", "both of the", "three" before a plural.
std::size_t Parser::lead_count(std::size_t i) {
  const std::string word = low(i);
  int count = -1;
  if (word == "all" || word == "every" || word == "each") count = 0;
  if (word == "both") count = 2;
  if (const int* number = find(kNumbers, word)) {
    std::size_t last = i + 1;
    while (!ended(last + 1) && !ends_head(low(last + 1))) ++last;
    if (plural(low(last))) count = *number;
  }
  if (count < 0 || ended(i + 1)) return 0;
  if (part_ == 0 && !draft().one_of) query_.count = count;
  return low(i + 1) == "of" && !ended(i + 2) ? 2 : 1;
}

std::size_t Parser::lead_ordinal(std::size_t i) {
  const int* ordinal = find(kOrdinals, low(i));
  if (!ordinal || ended(i + 1) || kFalseFriends.count(run_of(words_, i, 2))) return 0;
  if (run_of(words_, i + 1, 2) == "to last" && !ended(i + 3)) {
    draft().ordinal = -*ordinal;
    return 3;
  }
  if (ends_head(low(i + 1)) && !kSuperlatives.count(low(i + 1))) return 0;
  draft().ordinal = *ordinal;
  return 1;
}

// Sides and superlatives before the noun.
std::size_t Parser::lead_order(std::size_t i) {
  const std::string next = low(i + 1);
  const bool noun = !ended(i + 1) && (!ends_head(next) || kSuperlatives.count(next)) && next != "than";
  if (const Order* order = find(kExtremes, low(i)); order && noun) return select_ordinal(*order), 1;
  if (const Order* order = find(kSuperlatives, low(i)); order && noun) {
    select(*order, std::max(1, draft().ordinal));
    draft().ordinal = 0;
    return 1;
  }
  const std::size_t far = kFarWords.count(low(i)) ? 1 : 0;
  const Order* order = find(kSides, low(i + far));
  if (!order || ended(i + far + 1) || kFalseFriends.count(run_of(words_, i + far, 2))) return 0;
  const std::string after = low(i + far + 1);
  if (ends_head(after) || kFrames.count(after)) return 0;
  if (!far && *order != Order::middle && draft().ordinal > 0)  // "the second left window"
    select_ordinal(*order);
  else
    select(*order, far ? 1 : 0);
  return far + 1;
}

// "largest of the three", "second of the", "one of the": up to the determiner.
std::size_t Parser::lead_one_of(std::size_t i) {
  if (low(i + 1) != "of" || low(i + 2) == "a" || !kDeterminers.count(low(i + 2)) || ended(i + 1) ||
      ended(i + 2) || ended(i + 3))
    return 0;
  if (const Order* order = find(kExtremes, low(i)))
    select_ordinal(*order);
  else if (const Order* size = find(kSuperlatives, low(i)))
    select(*size, std::max(1, std::exchange(draft().ordinal, 0)));
  else if (const int* ordinal = find(kOrdinals, low(i)))
    draft().ordinal = *ordinal;
  else if (low(i) != "one")
    return 0;
  draft().one_of = true;
  return 2;
}

// Determiners, counts, ordinals, sides and superlatives before the rest of the noun phrase.
std::size_t Parser::lead(std::size_t i) {
  for (std::size_t step = 1; step > 0 && !ended(i + 1); i += step) {
    step = kDeterminers.count(low(i)) ? 1 : 0;
    if (!step) step = lead_one_of(i);
    if (!step) step = lead_count(i);
    if (!step) step = lead_ordinal(i);
    if (!step) step = lead_order(i);
    if (!step && low(i).size() > 5 && low(i).compare(0, 4, "non-") == 0) {
      draft().denied.push_back({words_[i].raw.substr(4), low(i).substr(4), false});
      step = 1;
    }
  }
  return i;
}

// "that is", "who are", "which is located": words before a construction without a meaning of their own.
std::size_t Parser::clause(std::size_t i) {
  static const Words kWho = {"that", "which", "who"};
  static const Words kIs = {"that's", "who's", "which's"};
  if (kIs.count(low(i))) return 1;
  return kWho.count(low(i)) && (low(i + 1) == "is" || low(i + 1) == "are") ? 2 : kWho.count(low(i)) ? 1 : 0;
}

// A construction after the noun.
std::size_t Parser::event(std::size_t i) {
  if (const std::size_t length = negation(i)) return length;
  const int part = part_;
  while (draft().holder >= 0) part_ = draft().holder;  // "man riding a horse on the left": where the man is
  std::size_t length = selection(i);
  if (!length) length = relation(i);
  if (!length) part_ = part;
  return length;
}

// A construction after "that is" or "and".
std::size_t Parser::glued(std::size_t i) {
  static const Words kFillers = {"located", "positioned", "situated", "placed"};
  const bool joint = low(i) == "and" || low(i) == "but";
  std::size_t at = i + (joint ? 1 : 0);
  at += clause(at);
  if (kFillers.count(low(at))) ++at;
  if (at == i || ended(at)) return 0;
  const int part = part_;
  if (joint) part_ = root_;
  const std::size_t length = event(at);
  if (!length) part_ = part;
  return length ? at + length - i : 0;
}

int Parser::scan(const Sentence& words, int depth) {
  words_ = words;
  depth_ = depth;
  const int root = root_ = part_ = add();
  if (not_that()) return root;
  std::size_t i = lead(0);
  if (i >= words_.size() || ends_head(low(i))) failed_ = true;
  while (i < words_.size() && !failed_) {
    std::size_t length = 0;
    if (!draft().words.empty()) {
      if (words_[i - 1].pause) part_ = root_;
      length = event(i);
      if (!length && !failed_) length = glued(i);
    }
    if (!length) draft().words.push_back(words_[i]);
    i += std::max<std::size_t>(1, length);
  }
  part_ = root;
  if (!failed_ && !draft().denied.empty()) deny(root, joined(draft().denied, head()));
  return root;
}

Query Parser::finish() {
  for (std::size_t p = 0; p < drafts_.size(); ++p) {
    part_ = static_cast<int>(p);
    if (draft().ordinal) select_ordinal(Order::left);
    query_.parts.push_back({written(draft().words), noun_of(draft().words)});
  }
  for (std::size_t p = 0; p < drafts_.size(); ++p) {
    const Draft& landmark = drafts_[p];
    if (landmark.holder < 0) continue;
    std::string& phrase = query_.parts[static_cast<std::size_t>(landmark.holder)].phrase;
    phrase += " " + written(landmark.heard) + " " + query_.parts[p].phrase;
  }
  return query_;
}

bool Query::plain() const {
  return selectors.empty() && relations.empty() && negations.empty() && count == 1;
}

Query parse(const std::string& sentence) {
  const Sentence words = words_of(sentence);
  Query query;
  if (!words.empty() && words.size() <= kLongest) {
    Parser parser;
    parser.scan(words, 0);
    if (!parser.failed()) query = parser.finish();
  }
  if (!query.plain()) return query;
  query = {};
  query.parts.push_back({sentence, noun_of(words)});
  return query;
}

}  // namespace edgetrack
