// The words that the grammar of phrase.cpp knows: lower case, words separated by one space.
#pragma once

#include <map>
#include <set>
#include <string>

#include "phrase.h"

namespace edgetrack {

using Words = std::set<std::string>;

extern const Words kDeterminers;
extern const Words kAdjectives;    // that may stand before "left" in "the red left car"
extern const Words kHeadEnds;      // what ends the head of a noun phrase: prepositions, pronouns, "is"
extern const Words kContainers;    // "a bunch of bananas" is about bananas
extern const Words kNounsInIng;    // "building": not a verb
extern const Words kCompounds;     // nouns of two words
extern const Words kFalseFriends;  // pairs of words whose first one is no side, ordinal or number
extern const Words kTurns;         // verbs before a direction that is no place: "looking left"
extern const Words kFrames;        // what a picture is called: "on the left of the picture"
extern const Words kFarWords;
extern const Words kViewers;  // "closest to the camera"
extern const Words kIrregularPlurals;

extern const std::map<std::string, int> kOrdinals;        // "last" is -1
extern const std::map<std::string, int> kNumbers;         // of several
extern const std::map<std::string, int> kCardinals;       // after "number"
extern const std::map<std::string, Order> kSides;         // "left", "upper"
extern const std::map<std::string, Order> kExtremes;      // "leftmost", wherever it stands
extern const std::map<std::string, Order> kSuperlatives;  // "largest", before the noun
extern const std::map<std::string, RelationKind> kRelations;
extern const std::map<std::string, RelationKind> kContacts;  // verbs: the network hears them, too

}  // namespace edgetrack
