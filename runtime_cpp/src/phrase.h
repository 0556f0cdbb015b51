// Takes a sentence apart: what a network is asked, and what geometry over candidates resolves exactly.
#pragma once

#include <set>
#include <string>
#include <vector>

namespace edgetrack {

// A plain noun phrase that the network is asked, such as "red car" of "the second red car from the left".
struct Part {
  std::string phrase;  // without the words that geometry resolves
  std::string noun;    // its head noun alone: "car"; a known compound such as "traffic light" keeps its words
};

// What candidates are ordered by. The first four start at that edge of the frame.
enum class Order {
  left,
  right,
  top,
  bottom,
  middle,
  corner,
  near,
  far,
  largest,
  smallest,
  tallest,
  shortest,
  widest,
  narrowest
};

// Picks among the instances of a part.
struct Selector {
  int part;
  Order order;
  int rank;  // 0: somewhere there ("on the left"); n: the n-th in that order ("second from the left")
};

enum class RelationKind {
  left_of,
  right_of,
  above,
  below,
  on,
  in_front_of,
  behind,
  next_to,
  closest_to,
  farthest_from,
  between,
  inside,
  touching
};

struct Relation {
  int target;
  RelationKind kind;
  int landmark;
  int second = -1;  // of "between" alone; the same as landmark for "between the two cars"
};

// The target is not what `negated` describes.
struct Negation {
  int target, negated;
};

// Indices are those of parts; landmarks and negated parts come after their target, which is what resolve()
// needs.
struct Query {
  std::vector<Part> parts;  // parts[0] is the target; then landmarks and negated descriptions
  std::vector<Selector> selectors;
  std::vector<Relation> relations;
  std::vector<Negation> negations;
  int count = 1;  // how many are asked for; 0: all

  // Whether geometry has nothing to do: the sentence goes to the network as it is.
  bool plain() const;
};

// Never throws a parse error, whatever the bytes: words that the grammar does not know stay in
// parts[0].phrase.
Query parse(const std::string& sentence);

// The words that parse() understands itself, whatever a network knows: "second", "left", "without".
std::set<std::string> grammar_words();

// Restates the query for people: second from the left of "red car", left of "bus", not "white car".
std::string describe(const Query& query);

// The same of one of its parts with all that hangs on it, of a selector ("second from the left"), and of a
// relation ("left of").
std::string describe(const Query& query, int part);
std::string describe(const Selector& selector);
std::string describe(RelationKind kind);

}  // namespace edgetrack
