// Parses a sentence into phrases for the network, and positions and relations that geometry over the
// candidates resolves exactly.
#pragma once

#include <set>
#include <string>
#include <vector>

namespace edgetrack {

// A plain noun phrase for the network, such as "red car" of "the second red car from the left".
struct Part {
  std::string phrase;  // without the words that geometry resolves
  std::string noun;    // its head noun alone: "car"; a known compound such as "traffic light" keeps its words
};

// The criterion by which candidates are ordered. The first four begin at that edge of the frame.
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

// Selects among the instances of a part.
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
  int second = -1;  // for "between" only; the same as landmark for "between the two cars"
};

// The target is not what `negated` describes.
struct Negation {
  int target, negated;
};

// All indices refer to parts. Landmarks and negated parts come after their target, as resolve() requires.
struct Query {
  std::vector<Part> parts;  // parts[0] is the target; then landmarks and negated descriptions
  std::vector<Selector> selectors;
  std::vector<Relation> relations;
  std::vector<Negation> negations;
  int count = 1;  // number of targets; 0: all

  // Whether geometry is not needed, so that the sentence goes to the network as it is.
  bool plain() const;
};

// Parses any bytes without throwing a parse error: words that the grammar does not know stay in
// parts[0].phrase.
Query parse(const std::string& sentence);

// Returns the words that parse() itself understands, regardless of the network: "second", "left", "without".
std::set<std::string> grammar_words();

// Describes the query for users: second from the left of "red car", left of "bus", not "white car".
std::string describe(const Query& query);

// The same for one of its parts with everything attached to it, for a selector ("second from the left"), and
// for a relation ("left of").
std::string describe(const Query& query, int part);
std::string describe(const Selector& selector);
std::string describe(RelationKind kind);

}  // namespace edgetrack
