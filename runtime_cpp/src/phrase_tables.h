// The vocabulary of the grammar in phrase.cpp, in lower case, with words separated by one space.
#pragma once

#include <map>
#include <set>
#include <string>

#include "phrase.h"

namespace edgetrack {

using Words = std::set<std::string>;

extern const Words kDeterminers;
extern const Words kAdjectives;    // those that may precede "left", as in "the red left car"
extern const Words kHeadEnds;      // words that end the head of a noun phrase: prepositions, pronouns, "is"
extern const Words kContainers;    // "a bunch of bananas" is about bananas
extern const Words kNounsInIng;    // "building": not a verb
extern const Words kCompounds;     // nouns of two words
extern const Words kFalseFriends;  // word pairs whose first word is not a side, ordinal or number
extern const Words kTurns;         // verbs before a direction that is not a position: "looking left"
extern const Words kFrames;        // names for the image: "on the left of the picture"
extern const Words kFarWords;
extern const Words kViewers;  // "closest to the camera"
extern const Words kIrregularPlurals;

extern const std::map<std::string, int> kOrdinals;        // "last" is -1
extern const std::map<std::string, int> kNumbers;         // numbers of several objects
extern const std::map<std::string, int> kCardinals;       // after "number"
extern const std::map<std::string, Order> kSides;         // "left", "upper"
extern const std::map<std::string, Order> kExtremes;      // "leftmost", at any position
extern const std::map<std::string, Order> kSuperlatives;  // "largest", before the noun
extern const std::map<std::string, RelationKind> kRelations;
extern const std::map<std::string, RelationKind> kContacts;  // verbs, which the network gets, too

}  // namespace edgetrack
