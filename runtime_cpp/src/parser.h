// The parser behind parse(). phrase.cpp has the loop and the words before a noun, phrase_places.cpp the
// positions after it, phrase_links.cpp the relations and negations.
#pragma once

#include "phrase_tables.h"
#include "phrase_words.h"

namespace edgetrack {

constexpr std::size_t kMostParts = 6;  // a sentence with more parts counts as not understood

// Returns the value of a key, or nullptr.
template <class Table>
const typename Table::mapped_type* find(const Table& table, const std::string& key) {
  const auto at = table.find(key);
  return at == table.end() ? nullptr : &at->second;
}

struct Draft {
  Sentence words;
  Sentence heard;       // the verb of contact before a landmark; the network gets it, too
  Sentence denied;      // "red" of "non-red car"
  int ordinal = 0;      // pending until "from the left" follows; -1: last
  bool one_of = false;  // "the largest of the three": three is not the number of targets
  int holder = -1;      // the part with the verb of contact of which this is the landmark
};

// Parses the words of a sentence in one pass from left to right. Each function named after a construction
// tries to parse it at a position, and returns the number of words that it consumed, or 0 if it is not there.
class Parser {
 public:
  // Parses these words, and appends a part and everything attached to it.
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
  std::size_t lead_one_of(std::size_t i);
  std::size_t frame(std::size_t i) const;
  std::size_t event(std::size_t i);
  std::size_t selection(std::size_t i);
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
  bool not_that();
  Sentence head() const;
  Sentence another(const Sentence& tail) const;

  Query query_;
  std::vector<Draft> drafts_;
  Sentence words_;
  int part_ = 0, root_ = 0, depth_ = 0;
  bool failed_ = false;
};

}  // namespace edgetrack
