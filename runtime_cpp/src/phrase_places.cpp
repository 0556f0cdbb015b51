#include <cstdlib>

#include "parser.h"

namespace edgetrack {

namespace {

const Words kAreas = {"side", "corner", "part", "half", "edge", "end", "portion", "area", "section", "third"};

}  // namespace

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
  for (const Order* one = find(kSides, low(at)); one && orders.size() < 2; one = find(kSides, low(++at)))
    orders.push_back(*one);
  const bool side = !orders.empty() && orders[0] != Order::middle;
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
  if (orders.size() == 1 && side && draft().ordinal != 0) {
    draft().ordinal = std::abs(draft().ordinal);  // "the last dog on the left" is the leftmost one
    select_ordinal(orders[0]);                    // "the second dog on the left"
  } else
    for (const Order order : orders) select(order, far ? 1 : 0);
  return at - i;
}

// "third from the left", "number three from the left", whose ordinal may stand before the noun.
std::size_t Parser::from(std::size_t i) {
  static const std::map<std::string, Order> kDepths = {
      {"front", Order::near}, {"back", Order::far}, {"rear", Order::far}};
  std::size_t at = i;
  const int* ordinal = find(kOrdinals, low(at));
  if (!ordinal && low(at) == "number") ordinal = find(kCardinals, low(++at));
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
  const bool the = low(i) == "the";  // "that is the largest"
  if (const Order* order = find(kExtremes, low(i + the)); order && boundary(i + the + 1))
    return select_ordinal(*order), the + 1;
  const bool most = low(i) == "farthest" || low(i) == "furthest" || low(i) == "most" || low(i) == "far";
  std::size_t at = i + 1;
  if (most && (low(at) == "to" || low(at) == "on" || low(at) == "at")) ++at;
  if (most && low(at) == "the") ++at;
  if (const Order* order = find(kSides, low(at)); most && order && boundary(at + 1) && !turning())
    return select(*order, 1), at + 1 - i;
  const Order* order = find(kSuperlatives, low(i + the));
  if (!order || (!the && *order != Order::near && *order != Order::far)) return 0;
  at = i + the + 1;
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
  if (far && low(at) != "from") return 0;  // "farthest to the right"
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

std::size_t Parser::selection(std::size_t i) {
  std::size_t length = edge_or_viewer(i);
  if (!length) length = from(i);
  if (!length) length = place(i);
  if (!length) length = extreme(i);
  if (!length) length = bare_side(i);
  return length;
}

}  // namespace edgetrack
