#include "phrase.h"

#include <algorithm>

#include "phrase_tables.h"
#include "phrase_words.h"

namespace edgetrack {

namespace {

constexpr std::size_t kLongest = 40;   // words; no network's text is longer
constexpr std::size_t kMostParts = 6;  // a sentence that seems to have more is not understood
constexpr int kDeepest = 3;            // negations inside of negations

const Words kFarWords = {"far", "very", "extreme", "most", "absolute"};
const Words kAreas = {"side", "corner", "part", "half", "edge", "end", "portion", "area", "section", "third"};
const Words kPronouns = {"him",     "it",     "them", "each",    "himself",
                         "herself", "itself", "one",  "another", "way"};
const Words kNoPredicate = {"only", "just", "yet", "so", "too", "very", "much", "quite"};

template <class Table>
const typename Table::mapped_type* find(const Table& table, const std::string& key) {
  const auto at = table.find(key);
  return at == table.end() ? nullptr : &at->second;
}

struct Draft {
  Sentence words;
  Sentence heard;   // verbs of contact and their landmarks: the network hears them, too
  Sentence denied;  // "red" of "non-red car"
  int ordinal = 0;  // waits for "from the left"; -1: last
};

// One pass from left to right over the words of a sentence. A function named after a construction takes it at
// a position, returns how many words it has, and 0 where it is not there.
class Parser {
 public:
  // Appends a part, and what hangs on it, of these words.
  int scan(const Sentence& words, int depth);
  bool failed() const { return failed_; }
  Query finish();

 private:
  std::string low(std::size_t i) const { return i < words_.size() ? words_[i].low : std::string(); }
  bool ended(std::size_t i) const { return i >= words_.size() || (i > 0 && words_[i - 1].pause); }
  bool boundary(std::size_t i) const;
  Draft& draft() { return drafts_[static_cast<std::size_t>(part_)]; }
  bool turning() const;
  int add();
  void select(Order order, int rank) { query_.selectors.push_back({part_, order, rank}); }
  void select_ordinal(Order order);

  std::size_t lead(std::size_t i);
  std::size_t lead_count(std::size_t i);
  std::size_t lead_ordinal(std::size_t i);
  std::size_t lead_order(std::size_t i);
  std::size_t frame(std::size_t i) const;
  std::size_t event(std::size_t i);
  std::size_t place(std::size_t i);
  std::size_t from(std::size_t i);
  std::size_t extreme(std::size_t i);
  std::size_t bare_side(std::size_t i);
  std::size_t edge_or_viewer(std::size_t i);
  std::size_t relation(std::size_t i);
  std::size_t between(std::size_t i, std::size_t begin);
  std::size_t negation(std::size_t i);
  std::size_t exception(std::size_t i);
  std::size_t predicate(std::size_t i, const Sentence& glue, std::size_t begin);
  std::size_t glued(std::size_t i);
  std::size_t clause(std::size_t i);
  bool deny(int target, const Sentence& words);
  Sentence head() const;

  Query query_;
  std::vector<Draft> drafts_;
  Sentence words_;
  int part_ = 0, root_ = 0, depth_ = 0;
  bool failed_ = false;
};

Sentence joined(Sentence first, const Sentence& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

Sentence cut(const Sentence& words, std::size_t begin, std::size_t end) {
  return {words.begin() + static_cast<std::ptrdiff_t>(begin),
          words.begin() + static_cast<std::ptrdiff_t>(end)};
}

bool plural(const std::string& low) {
  return kIrregularPlurals.count(low) || (low.size() > 3 && low.back() == 's' && low[low.size() - 2] != 's');
}

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
  if (part_ == 0) query_.count = count;
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
  select(*order, far ? 1 : 0);
  return far + 1;
}

// Determiners, counts, ordinals, sides and superlatives before the rest of the noun phrase.
std::size_t Parser::lead(std::size_t i) {
  for (std::size_t step = 1; step > 0 && !ended(i + 1); i += step) {
    step = kDeterminers.count(low(i)) ? 1 : 0;
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

// "of the picture".
std::size_t Parser::frame(std::size_t i) const {
  if (low(i) != "of" && low(i) != "in") return 0;
  const std::size_t the = kDeterminers.count(low(i + 1)) ? 1 : 0;
  return kFrames.count(low(i + 1 + the)) && boundary(i + 2 + the) ? 2 + the : 0;
}

// "on the left", "in the top left corner of the picture", "in the background".
std::size_t Parser::place(std::size_t i) {
  static const Words kPrepositions = {"on", "at", "in", "to", "near", "toward", "towards"};
  static const std::map<std::string, Order> kDepths = {{"background", Order::far},
                                                       {"back", Order::far},
                                                       {"rear", Order::far},
                                                       {"foreground", Order::near},
                                                       {"front", Order::near}};
  const std::string preposition = low(i);
  if (!kPrepositions.count(preposition) || turning()) return 0;
  std::size_t at = i + 1;
  const bool the = low(at) == "the";
  at += the;
  const bool far = kFarWords.count(low(at)) > 0;
  at += far;
  std::vector<Order> orders;
  for (const Order* side = find(kSides, low(at)); side && orders.size() < 2; side = find(kSides, low(++at)))
    orders.push_back(*side);
  bool area = false;
  if (orders.empty()) {
    const Order* depth = preposition == "in" || preposition == "at" ? find(kDepths, low(at)) : nullptr;
    if (low(at) == "corner")
      orders.push_back(Order::corner);
    else if (depth)
      orders.push_back(*depth);
    else
      return 0;
    ++at;
  } else {
    if (low(at) == "hand") ++at;
    area = kAreas.count(low(at)) > 0;
    at += area;
  }
  const bool height = orders.size() == 1 && (orders[0] == Order::top || orders[0] == Order::bottom);
  if (height && !area && (preposition == "in" || (preposition == "on" && !the))) return 0;  // "in a red top"
  at += frame(at);
  if (!boundary(at)) return 0;
  for (const Order order : orders) select(order, far ? 1 : 0);
  return at - i;
}

// "third from the left", whose ordinal may stand before the noun.
std::size_t Parser::from(std::size_t i) {
  static const std::map<std::string, Order> kDepths = {
      {"front", Order::near}, {"back", Order::far}, {"rear", Order::far}};
  std::size_t at = i;
  const int* ordinal = find(kOrdinals, low(at));
  at += ordinal ? 1 : 0;
  if (low(at) != "from" || (!ordinal && !draft().ordinal)) return 0;
  ++at;
  if (low(at) == "the") ++at;
  if (kFarWords.count(low(at))) ++at;
  const Order* order = find(kSides, low(at));
  if (!order) order = find(kDepths, low(at));
  if (!order) return 0;
  ++at;
  if (low(at) == "hand") ++at;
  if (kAreas.count(low(at))) ++at;
  at += frame(at);
  if (!boundary(at)) return 0;
  if (ordinal) draft().ordinal = *ordinal;
  select_ordinal(*order);
  return at - i;
}

// "leftmost" after the noun, "farthest to the left", "closest", "farthest away".
std::size_t Parser::extreme(std::size_t i) {
  if (const Order* order = find(kExtremes, low(i)); order && boundary(i + 1))
    return select_ordinal(*order), 1;
  const bool most = low(i) == "farthest" || low(i) == "furthest" || low(i) == "most" || low(i) == "far";
  std::size_t at = i + 1;
  if (most && (low(at) == "to" || low(at) == "on" || low(at) == "at")) ++at;
  if (most && low(at) == "the") ++at;
  if (const Order* order = find(kSides, low(at)); most && order && boundary(at + 1) && !turning())
    return select(*order, 1), at + 1 - i;
  const Order* order = find(kSuperlatives, low(i));
  if (!order || (*order != Order::near && *order != Order::far)) return 0;
  at = i + 1;
  if (low(at) == "away" || low(at) == "back" || low(at) == "forward") ++at;
  if (!ended(at)) return 0;
  select(*order, 1);
  return at - i;
}

// "dog left" at the end, "the red left car"; not "bag left behind".
std::size_t Parser::bare_side(std::size_t i) {
  const bool left = low(i) == "left";
  const Sentence& words = draft().words;
  if ((!left && low(i) != "right") || words.empty() || head_length(words) != words.size()) return 0;
  const std::string& before = words.back().low;
  const bool verb = ends_head(before) || kTurns.count(before);
  const bool adjective = kAdjectives.count(before) && !ended(i + 1) && !ends_head(low(i + 1)) &&
                         !kFalseFriends.count(run_of(words_, i, 2));
  if (verb || (!ended(i + 1) && !adjective)) return 0;
  select(left ? Order::left : Order::right, 0);
  return 1;
}

// "closest to the camera", "nearest the left edge", "farthest from us".
std::size_t Parser::edge_or_viewer(std::size_t i) {
  const bool far = low(i) == "farthest" || low(i) == "furthest";
  if (!far && low(i) != "closest" && low(i) != "nearest") return 0;
  std::size_t at = i + 1;
  if (low(at) == "away") ++at;
  if (low(at) == "to" || low(at) == "from") ++at;
  if (low(at) == "the") ++at;
  if (kViewers.count(low(at)) && boundary(at + 1))
    return select(far ? Order::far : Order::near, 1), at + 1 - i;
  const Order* order = find(kSides, low(at));
  if (!order || *order == Order::middle) return 0;
  ++at;
  if (kAreas.count(low(at))) ++at;
  at += frame(at);
  if (!boundary(at)) return 0;
  draft().ordinal = far ? -1 : 1;
  select_ordinal(*order);
  return at - i;
}

// "between A and B", "between the two cars"; `begin` is where A is. The part that goes on is B.
std::size_t Parser::between(std::size_t i, std::size_t begin) {
  std::size_t both = begin + (low(begin) == "the" ? 1 : 0);
  const int target = part_;
  if (low(both) == "two" || low(both) == "both") {
    ++both;
    if (ended(both) || ends_head(low(both))) return 0;
    const int landmark = add();
    query_.relations.push_back({target, RelationKind::between, landmark, landmark});
    part_ = landmark;
    return lead(both) - i;
  }
  std::size_t middle = begin;
  while (middle < words_.size() && low(middle) != "and") ++middle;
  std::size_t second = middle + 1;
  if (middle == begin || second >= words_.size() || ends_head(low(second))) return 0;
  const int landmark = add();
  part_ = landmark;
  const std::size_t first = lead(begin);
  if (first >= middle) {
    failed_ = true;
    return 0;
  }
  draft().words = cut(words_, first, middle);
  part_ = add();
  query_.relations.push_back({target, RelationKind::between, landmark, part_});
  second = lead(second);
  if (ended(second)) failed_ = true;
  return second - i;
}

std::size_t Parser::relation(std::size_t i) {
  for (std::size_t length = 5; length > 0; --length) {
    const std::string run = run_of(words_, i, length);
    const RelationKind* kind = find(kRelations, run);
    const RelationKind* contact = kind ? nullptr : find(kContacts, run);
    if (!kind && !contact) continue;
    const std::size_t begin = i + length;
    const bool determined = kDeterminers.count(low(begin)) > 0;
    const std::size_t noun = begin + (determined ? 1 : 0);
    if (ended(begin) || ended(noun) || ends_head(low(noun)) || kPronouns.count(low(noun)) ||
        kViewers.count(low(noun)) || (contact && !determined))
      return 0;
    if (kind && *kind == RelationKind::between) return between(i, begin);
    const int target = part_;
    part_ = add();
    const std::size_t end = lead(begin);
    if (ended(end) || ends_head(low(end)) || kSides.count(low(end))) {  // "above the left"
      failed_ = true;
      return 0;
    }
    query_.relations.push_back({target, kind ? *kind : *contact, part_});
    if (contact) drafts_[static_cast<std::size_t>(target)].heard = cut(words_, i, end);
    return end - i;
  }
  return 0;
}

bool Parser::deny(int target, const Sentence& words) {
  if (words.empty() || depth_ >= kDeepest) return false;
  const Sentence kept_words = words_;
  const int kept_part = part_, kept_root = root_;
  const int negated = scan(words, depth_ + 1);
  --depth_;
  words_ = kept_words;
  part_ = kept_part;
  root_ = kept_root;
  query_.negations.push_back({target, negated});
  return true;
}

// "except the red one", "but not the bus", "other than dogs".
std::size_t Parser::exception(std::size_t i) {
  static const Words kExceptions = {"except for", "except",  "excluding",    "other than",
                                    "apart from", "but not", "not counting", "but",
                                    "not",        "is not",  "isn't"};
  for (std::size_t length = 2; length > 0; --length) {
    const std::string run = run_of(words_, i, length);
    std::size_t begin = i + length;
    if (!kExceptions.count(run) || ended(begin)) continue;
    const bool determined = kDeterminers.count(low(begin)) > 0;
    const bool strict = run.find("not") != std::string::npos || run == "but" || run == "isn't";
    if ((strict && !determined) || (determined && ended(begin + 1))) return 0;
    Sentence tail;
    for (; begin < words_.size(); ++begin) {
      if (low(begin) == "one" || low(begin) == "ones")
        tail = joined(tail, head());
      else
        tail.push_back(words_[begin]);
      if (words_[begin].pause) break;
    }
    part_ = root_;
    return deny(part_, tail) ? std::min(begin + 1, words_.size()) - i : 0;
  }
  return 0;
}

// What is denied from `begin` on, up to the next construction; `glue` stands between the noun and it.
std::size_t Parser::predicate(std::size_t i, const Sentence& glue, std::size_t begin) {
  if (ended(begin) || kNoPredicate.count(low(begin))) return 0;
  const Query kept = query_;
  const std::vector<Draft> drafts = drafts_;
  const int part = part_;
  const auto restore = [&] { query_ = kept, drafts_ = drafts, part_ = part; };
  std::size_t length = place(begin);
  if (!length) length = from(begin);
  if (!length) length = extreme(begin);
  if (!length) length = edge_or_viewer(begin);
  const bool placed = length > 0;
  if (!length && relation(begin)) length = words_.size() - begin;
  restore();
  if (failed_) return 0;
  std::size_t end = begin + length;
  if (!length)
    for (++end; !ended(end) && low(end) != "and" && low(end) != "but"; ++end) {
      const bool found = place(end) || clause(end) || (!kContacts.count(low(end)) && relation(end));
      restore();
      if (found || failed_) break;
    }
  const Sentence tail = cut(words_, begin, end);
  const bool adjective = glue.empty() && !length && !ends_head(low(begin));
  if (adjective && tail.size() > 3) return 0;
  Sentence denied = adjective ? joined(tail, head()) : joined(joined(head(), glue), tail);
  if (placed && head().empty()) return 0;
  return deny(part_, denied) ? end - i : 0;
}

std::size_t Parser::negation(std::size_t i) {
  static const Words kWithout = {"without",    "with no",       "has no",       "have no",
                                 "having no",  "does not have", "doesn't have", "do not have",
                                 "don't have", "not having",    "not with",     "without any"};
  static const Words kBare = {"not wearing", "does not wear", "doesn't wear", "do not wear", "don't wear"};
  static const Words kNot = {"not", "is not", "isn't", "are not", "aren't", "but not", "and not"};
  if (const std::size_t length = exception(i)) return length;
  for (std::size_t length = 3; length > 0; --length) {
    const std::string run = run_of(words_, i, length);
    if (kWithout.count(run)) return predicate(i, {{"with", "with", false}}, i + length);
    if (kBare.count(run)) return predicate(i, {{"wearing", "wearing", false}}, i + length);
    if (kNot.count(run)) return predicate(i, {}, i + length);
  }
  return 0;
}

// "that is", "who are", "which is located": words before a construction that say nothing themselves.
std::size_t Parser::clause(std::size_t i) {
  static const Words kWho = {"that", "which", "who"};
  static const Words kIs = {"that's", "who's", "which's"};
  if (kIs.count(low(i))) return 1;
  return kWho.count(low(i)) && (low(i + 1) == "is" || low(i + 1) == "are") ? 2 : kWho.count(low(i)) ? 1 : 0;
}

// A construction after the noun.
std::size_t Parser::event(std::size_t i) {
  std::size_t length = negation(i);
  if (!length) length = edge_or_viewer(i);
  if (!length) length = from(i);
  if (!length) length = place(i);
  if (!length) length = extreme(i);
  if (!length) length = bare_side(i);
  if (!length) length = relation(i);
  return length;
}

// A construction behind "that is" or "and".
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
  for (std::size_t r = query_.relations.size(); r-- > 0;) {
    const Relation& relation = query_.relations[r];
    Draft& target = drafts_[static_cast<std::size_t>(relation.target)];
    if (target.heard.empty()) continue;
    const std::string landmark = query_.parts[static_cast<std::size_t>(relation.landmark)].phrase;
    query_.parts[static_cast<std::size_t>(relation.target)].phrase +=
        " " + written(target.heard) + " " + landmark;
    target.heard.clear();
  }
  return query_;
}

}  // namespace

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
