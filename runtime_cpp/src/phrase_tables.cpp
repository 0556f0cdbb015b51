#include "phrase_tables.h"

#include <algorithm>

namespace edgetrack {

const Words kDeterminers = {"the",   "a",  "an",  "this", "that", "these", "those", "some", "any",
                            "which", "my", "his", "her",  "your", "our",   "their", "its"};
const Words kAdjectives = {"red",   "blue",   "green", "yellow", "white",  "black", "gray",   "grey",
                           "brown", "orange", "pink",  "purple", "silver", "dark",  "bright", "big",
                           "small", "large",  "tall",  "little", "old",    "young", "tiny"};
const Words kHeadEnds = {"in",      "on",      "at",      "with",     "to",       "from",    "by",
                         "of",      "next",    "near",    "behind",   "under",    "above",   "below",
                         "beside",  "between", "over",    "that",     "who",      "which",   "is",
                         "are",     "closest", "nearest", "farthest", "furthest", "dressed", "inside",
                         "against", "without", "and",     "but",      "not",      "except",  "isn't",
                         "aren't",  "beneath", "atop"};
const Words kContainers = {"bunch", "group", "pair", "slice", "piece",  "glass", "bowl",
                           "one",   "plate", "cup",  "row",   "bottle", "herd",  "kind"};
const Words kNounsInIng = {"ceiling",  "building", "painting", "railing",
                           "clothing", "earring",  "awning",   "drawing"};
const Words kCompounds = {
    "traffic light",     "traffic signal", "traffic cone",   "fire hydrant", "fire truck",    "fire engine",
    "fire extinguisher", "stop sign",      "street sign",    "street light", "parking meter", "park bench",
    "polar bear",        "travel case",    "flying disc",    "sports ball",  "soccer ball",   "tennis ball",
    "baseball bat",      "baseball glove", "tennis racket",  "water bottle", "beer bottle",   "wine glass",
    "hot dog",           "potted plant",   "dining table",   "coffee table", "coffee cup",    "cell phone",
    "mobile phone",      "teddy bear",     "hair drier",     "hair dryer",   "pickup truck",  "police car",
    "race car",          "sports car",     "police officer", "ice cream",    "baseball cap",  "swimming pool",
    "washing machine",   "remote control", "trash can",      "garbage can",  "garbage truck", "shopping cart",
    "rubber duck",       "stuffed animal", "golf cart",      "golf ball",    "school bus",    "tour bus",
    "motor bike",        "light bulb",     "alarm clock",    "second hand",  "top hat",       "tank top"};
const Words kFalseFriends = {
    "left hand",     "right hand",   "left arm",     "right arm",       "left leg",     "right leg",
    "left foot",     "right foot",   "left eye",     "right eye",       "left ear",     "right ear",
    "left shoulder", "left wing",    "right wing",   "right shoulder",  "left shoe",    "right shoe",
    "left knee",     "right knee",   "left side",    "right side",      "left half",    "right half",
    "left edge",     "right edge",   "left corner",  "right corner",    "left turn",    "right turn",
    "left lane",     "right lane",   "left paw",     "right paw",       "right angle",  "right way",
    "left over",     "left alone",   "left behind",  "left open",       "left out",     "left luggage",
    "left glove",    "right glove",  "top hat",      "top coat",        "top half",     "top side",
    "top part",      "top edge",     "top corner",   "top speed",       "top model",    "top player",
    "top floor",     "bottom half",  "bottom side",  "bottom part",     "bottom edge",  "bottom corner",
    "bottom lip",    "upper body",   "upper lip",    "upper arm",       "upper half",   "upper part",
    "lower body",    "lower back",   "lower lip",    "lower leg",       "lower half",   "lower part",
    "middle finger", "middle aged",  "middle age",   "middle school",   "middle class", "middle part",
    "center court",  "center field", "center line",  "center part",     "central park", "second hand",
    "second base",   "second floor", "second class", "second baseman",  "first base",   "first floor",
    "first aid",     "first class",  "first lady",   "first baseman",   "third base",   "third floor",
    "third baseman", "last name",    "first name",   "first responder", "third party",  "last minute",
    "best man"};
const Words kTurns = {"looking", "facing",   "turning", "turned",  "pointing", "leaning", "heading",
                      "headed",  "moving",   "going",   "walking", "running",  "driving", "turns",
                      "faces",   "looks",    "flying",  "riding",  "turn",     "look",    "tilted",
                      "leans",   "glancing", "gazing",  "bending", "looked"};
const Words kFrames = {"image",  "picture", "frame", "photo", "photograph",
                       "screen", "scene",   "view",  "video", "shot"};
const Words kFarWords = {"far", "very", "extreme", "most", "absolute"};
const Words kViewers = {"camera", "viewer", "me", "us", "observer", "lens"};
const Words kIrregularPlurals = {"people", "men",  "women", "children", "sheep", "deer",   "fish",
                                 "geese",  "mice", "oxen",  "cattle",   "feet",  "police", "aircraft"};

const std::map<std::string, int> kOrdinals = {
    {"first", 1},  {"second", 2}, {"third", 3},  {"fourth", 4}, {"fifth", 5}, {"sixth", 6}, {"seventh", 7},
    {"eighth", 8}, {"ninth", 9},  {"tenth", 10}, {"1st", 1},    {"2nd", 2},   {"3rd", 3},   {"4th", 4},
    {"5th", 5},    {"6th", 6},    {"7th", 7},    {"8th", 8},    {"9th", 9},   {"10th", 10}, {"last", -1}};
const std::map<std::string, int> kNumbers = {{"two", 2},   {"three", 3}, {"four", 4}, {"five", 5}, {"six", 6},
                                             {"seven", 7}, {"eight", 8}, {"nine", 9}, {"ten", 10}};
const std::map<std::string, int> kCardinals = {
    {"one", 1},   {"two", 2},  {"three", 3}, {"four", 4}, {"five", 5}, {"six", 6}, {"seven", 7},
    {"eight", 8}, {"nine", 9}, {"ten", 10},  {"1", 1},    {"2", 2},    {"3", 3},   {"4", 4},
    {"5", 5},     {"6", 6},    {"7", 7},     {"8", 8},    {"9", 9},    {"10", 10}};
const std::map<std::string, Order> kSides = {
    {"left", Order::left},      {"right", Order::right},    {"top", Order::top},
    {"upper", Order::top},      {"bottom", Order::bottom},  {"lower", Order::bottom},
    {"middle", Order::middle},  {"center", Order::middle},  {"centre", Order::middle},
    {"central", Order::middle}, {"left-hand", Order::left}, {"right-hand", Order::right},
    {"lefthand", Order::left},  {"righthand", Order::right}};
const std::map<std::string, Order> kExtremes = {
    {"leftmost", Order::left},      {"left-most", Order::left},   {"rightmost", Order::right},
    {"right-most", Order::right},   {"topmost", Order::top},      {"top-most", Order::top},
    {"uppermost", Order::top},      {"highest", Order::top},      {"bottommost", Order::bottom},
    {"bottom-most", Order::bottom}, {"lowermost", Order::bottom}, {"lowest", Order::bottom},
    {"centermost", Order::middle},  {"middlemost", Order::middle}};
const std::map<std::string, Order> kSuperlatives = {
    {"largest", Order::largest},    {"biggest", Order::largest},   {"larger", Order::largest},
    {"bigger", Order::largest},     {"smallest", Order::smallest}, {"smaller", Order::smallest},
    {"littlest", Order::smallest},  {"tiniest", Order::smallest},  {"tallest", Order::tallest},
    {"taller", Order::tallest},     {"shortest", Order::shortest}, {"shorter", Order::shortest},
    {"widest", Order::widest},      {"wider", Order::widest},      {"narrowest", Order::narrowest},
    {"narrower", Order::narrowest}, {"nearest", Order::near},      {"closest", Order::near},
    {"frontmost", Order::near},     {"farthest", Order::far},      {"furthest", Order::far},
    {"rearmost", Order::far}};
const std::map<std::string, RelationKind> kRelations = {{"to the left of", RelationKind::left_of},
                                                        {"on the left of", RelationKind::left_of},
                                                        {"at the left of", RelationKind::left_of},
                                                        {"left of", RelationKind::left_of},
                                                        {"on the left side of", RelationKind::left_of},
                                                        {"to the left side of", RelationKind::left_of},
                                                        {"to the right of", RelationKind::right_of},
                                                        {"on the right of", RelationKind::right_of},
                                                        {"at the right of", RelationKind::right_of},
                                                        {"right of", RelationKind::right_of},
                                                        {"on the right side of", RelationKind::right_of},
                                                        {"to the right side of", RelationKind::right_of},
                                                        {"above", RelationKind::above},
                                                        {"over", RelationKind::above},
                                                        {"below", RelationKind::below},
                                                        {"under", RelationKind::below},
                                                        {"underneath", RelationKind::below},
                                                        {"beneath", RelationKind::below},
                                                        {"on top of", RelationKind::on},
                                                        {"atop", RelationKind::on},
                                                        {"in front of", RelationKind::in_front_of},
                                                        {"ahead of", RelationKind::in_front_of},
                                                        {"behind", RelationKind::behind},
                                                        {"in back of", RelationKind::behind},
                                                        {"next to", RelationKind::next_to},
                                                        {"beside", RelationKind::next_to},
                                                        {"near", RelationKind::next_to},
                                                        {"near to", RelationKind::next_to},
                                                        {"close to", RelationKind::next_to},
                                                        {"by the side of", RelationKind::next_to},
                                                        {"adjacent to", RelationKind::next_to},
                                                        {"alongside", RelationKind::next_to},
                                                        {"closest to", RelationKind::closest_to},
                                                        {"nearest to", RelationKind::closest_to},
                                                        {"nearest", RelationKind::closest_to},
                                                        {"farthest from", RelationKind::farthest_from},
                                                        {"furthest from", RelationKind::farthest_from},
                                                        {"farthest away from", RelationKind::farthest_from},
                                                        {"furthest away from", RelationKind::farthest_from},
                                                        {"between", RelationKind::between},
                                                        {"in between", RelationKind::between},
                                                        {"inside", RelationKind::inside},
                                                        {"inside of", RelationKind::inside}};
const std::map<std::string, RelationKind> kContacts = {{"on", RelationKind::on},
                                                       {"sitting on", RelationKind::on},
                                                       {"standing on", RelationKind::on},
                                                       {"lying on", RelationKind::on},
                                                       {"laying on", RelationKind::on},
                                                       {"sleeping on", RelationKind::on},
                                                       {"holding", RelationKind::touching},
                                                       {"carrying", RelationKind::touching},
                                                       {"riding", RelationKind::touching},
                                                       {"riding on", RelationKind::touching},
                                                       {"pushing", RelationKind::touching},
                                                       {"pulling", RelationKind::touching},
                                                       {"walking with", RelationKind::touching},
                                                       {"walking", RelationKind::touching},
                                                       {"touching", RelationKind::touching},
                                                       {"hugging", RelationKind::touching},
                                                       {"feeding", RelationKind::touching},
                                                       {"petting", RelationKind::touching},
                                                       {"leaning on", RelationKind::touching},
                                                       {"leaning against", RelationKind::touching},
                                                       {"held by", RelationKind::touching},
                                                       {"carried by", RelationKind::touching},
                                                       {"ridden by", RelationKind::touching},
                                                       {"pushed by", RelationKind::touching},
                                                       {"pulled by", RelationKind::touching},
                                                       {"walked by", RelationKind::touching},
                                                       {"worn by", RelationKind::touching},
                                                       {"in the hand of", RelationKind::touching},
                                                       {"in the hands of", RelationKind::touching},
                                                       {"in the arms of", RelationKind::touching},
                                                       {"on the lap of", RelationKind::touching},
                                                       {"at the feet of", RelationKind::touching}};

std::set<std::string> grammar_words() {
  Words runs = {"second to last",
                "hand side",
                "excluding",
                "apart from",
                "other than",
                "not counting",
                "hasn't wasn't weren't",
                "doesn't have",
                "don't wear",
                "no non having",
                "wearing",
                "located positioned situated placed",
                "everything anything",
                "background foreground front",
                "corner edge end portion area section part half",
                "away forward back",
                "both of every each"};
  for (const Words* words : {&kDeterminers, &kAdjectives, &kHeadEnds, &kFrames, &kFarWords, &kViewers})
    runs.insert(words->begin(), words->end());
  const auto take = [&](const auto& table) {
    for (const auto& entry : table) runs.insert(entry.first);
  };
  take(kOrdinals), take(kNumbers), take(kCardinals), take(kSides), take(kExtremes), take(kSuperlatives);
  take(kRelations), take(kContacts);
  Words words;
  for (const std::string& run : runs)
    for (std::size_t at = 0, end; at < run.size(); at = end + 1) {
      end = std::min(run.find_first_of(" -", at), run.size());
      words.insert(run.substr(at, end - at));
    }
  return words;
}

}  // namespace edgetrack
