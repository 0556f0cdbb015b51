#include <algorithm>
#include <iterator>

#include "color.h"
#include "parser.h"

namespace edgetrack {

namespace {

constexpr int kDeepest = 3;  // nesting depth of negations
const Words kPronouns = {"him",     "it",     "them", "each",    "himself",
                         "herself", "itself", "one",  "another", "way"};
const Words kHovering = {"flying", "hovering", "hanging", "floating", "gliding"};
const Words kNoPredicate = {"only", "just", "yet", "so", "too", "very", "much", "quite"};

}  // namespace

std::size_t Parser::relation(std::size_t i) {
  for (std::size_t length = 5; length > 0; --length) {
    const std::string run = run_of(words_, i, length);
    const RelationKind* kind = find(kRelations, run);
    const RelationKind* contact = kind ? nullptr : find(kContacts, run);
    if (!kind && !contact) continue;
    const std::size_t begin = i + length;
    if (run == "over" && ends_head(low(i - 1)) && !kHovering.count(low(i - 1))) return 0;  // "jumping over"
    const bool determined = kDeterminers.count(low(begin)) > 0;
    const std::size_t noun = begin + (determined ? 1 : 0);
    if (ended(begin) || ended(noun) || ends_head(low(noun)) || kPronouns.count(low(noun)) ||
        kViewers.count(low(noun)) || (contact && !determined))
      return 0;
    if (kind && *kind == RelationKind::between) return between(i, begin);
    const std::vector<Selector> selectors = query_.selectors;
    const bool placed = contact && place(begin - 1) > 0;  // "sitting on the left"
    query_.selectors = selectors;
    if (placed) return 0;
    const int target = part_;
    part_ = add();
    const std::size_t end = lead(begin);
    if (ended(end) || ends_head(low(end)) || kSides.count(low(end))) {  // "above the left"
      failed_ = true;
      return 0;
    }
    query_.relations.push_back({target, kind ? *kind : *contact, part_});
    if (contact) draft().holder = target;
    if (contact) draft().heard = cut(words_, i, end);
    return end - i;
  }
  return 0;
}

// "between A and B", "between the two cars"; `begin` is the position of A. Parsing continues with B.
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

// "not the red car" as the whole sentence: another car.
bool Parser::not_that() {
  if (low(0) != "not" || !kDeterminers.count(low(1)) || ended(1) || ended(2)) return false;
  const Sentence rest = cut(words_, 1, words_.size());
  const std::string noun = noun_of(rest);
  if (noun == rest.back().low && rest.size() == 2) return false;  // "not a car" names nothing
  draft().words = {{noun, noun, false}};
  return deny(root_, rest);
}

// "one" of "but not the red one": the target's noun with its other attributes, except for its color.
Sentence Parser::another(const Sentence& tail) const {
  const auto is_color = [](const Word& word) { return color_of(word.low).has_value(); };
  const Sentence all = head();
  if (std::none_of(tail.begin(), tail.end(), is_color)) return all;
  Sentence kept;
  std::copy_if(all.begin(), all.end(), std::back_inserter(kept),
               [&](const Word& word) { return &word == &all.back() || !is_color(word); });
  return kept;
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
    const std::string next = low(begin + 1);
    if (determined && (kSuperlatives.count(next) || kExtremes.count(next)) && ended(begin + 2)) return 0;
    Sentence tail;
    for (; begin < words_.size(); ++begin) {
      if (low(begin) == "one" || low(begin) == "ones")
        tail = joined(tail, another(tail));
      else
        tail.push_back(words_[begin]);
      if (words_[begin].pause) break;
    }
    part_ = root_;
    return deny(part_, tail) ? std::min(begin + 1, words_.size()) - i : 0;
  }
  return 0;
}

// Parses the negated words from `begin` up to the next construction; `glue` comes between the noun and them.
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

}  // namespace edgetrack
