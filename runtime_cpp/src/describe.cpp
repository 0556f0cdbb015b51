#include "phrase.h"

namespace edgetrack {

namespace {

const char* place(Order order) {
  switch (order) {
    case Order::left:
      return "on the left";
    case Order::right:
      return "on the right";
    case Order::top:
      return "at the top";
    case Order::bottom:
      return "at the bottom";
    case Order::middle:
      return "in the middle";
    case Order::corner:
      return "in the corner";
    case Order::near:
      return "nearest";
    case Order::far:
      return "farthest";
    case Order::largest:
      return "largest";
    case Order::smallest:
      return "smallest";
    case Order::tallest:
      return "tallest";
    case Order::shortest:
      return "shortest";
    case Order::widest:
      return "widest";
    case Order::narrowest:
      return "narrowest";
  }
  return "";
}

const char* edge(Order order) {
  switch (order) {
    case Order::left:
      return "left";
    case Order::right:
      return "right";
    case Order::top:
      return "top";
    case Order::bottom:
      return "bottom";
    default:
      return nullptr;
  }
}

std::string ordinal(int rank) {
  static const char* const kNames[] = {"first", "second",  "third",  "fourth", "fifth",
                                       "sixth", "seventh", "eighth", "ninth",  "tenth"};
  return rank >= 1 && rank <= 10 ? kNames[rank - 1] : std::to_string(rank) + "th";
}

}  // namespace

std::string describe(RelationKind kind) {
  static const char* const kNames[] = {"left of",     "right of", "above",   "below",      "on",
                                       "in front of", "behind",   "next to", "closest to", "farthest from",
                                       "between",     "inside",   "touching"};
  return kNames[static_cast<int>(kind)];
}

std::string describe(const Selector& selector) {
  if (selector.rank == 0)
    return selector.order == Order::near  ? "in the foreground"
           : selector.order == Order::far ? "in the background"
                                          : place(selector.order);
  if (const char* from = edge(selector.order)) return ordinal(selector.rank) + " from the " + from;
  return (selector.rank > 1 ? ordinal(selector.rank) + " " : "") + place(selector.order);
}

std::string describe(const Query& query, int part) {
  std::string before, after;
  for (const Selector& selector : query.selectors) {
    if (selector.part != part) continue;
    if (selector.rank > 0)
      before += describe(selector) + " of ";
    else
      after += ", " + describe(selector);
  }
  for (const Relation& relation : query.relations) {
    if (relation.target != part) continue;
    after += ", " + describe(relation.kind) + " " + describe(query, relation.landmark);
    if (relation.second > relation.landmark) after += " and " + describe(query, relation.second);
  }
  for (const Negation& negation : query.negations)
    if (negation.target == part) after += ", not " + describe(query, negation.negated);
  const bool nested = part > 0 && !(before.empty() && after.empty());
  const std::string text = before + "\"" + query.parts[static_cast<std::size_t>(part)].phrase + "\"" + after;
  return nested ? "(" + text + ")" : text;
}

std::string describe(const Query& query) {
  if (query.parts.empty()) return {};
  const std::string text = describe(query, 0);
  if (query.count == 1) return text;
  return (query.count == 0 ? std::string("all") : std::to_string(query.count)) + " of " + text;
}

}  // namespace edgetrack
