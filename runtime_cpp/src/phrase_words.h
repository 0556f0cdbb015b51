// Splits a sentence into words, with helpers for parse().
#pragma once

#include <string>
#include <vector>

namespace edgetrack {

struct Word {
  std::string raw;  // as written, without the punctuation around it
  std::string low;  // in lower case (ASCII letters only)
  bool pause;       // a comma, semicolon or the like follows
};

using Sentence = std::vector<Word>;

Sentence words_of(const std::string& text);

// Returns `count` words from `begin` on, in lower case, separated by one space; empty if there are fewer
// words or a pause between them.
std::string run_of(const Sentence& words, std::size_t begin, std::size_t count);

Sentence joined(Sentence first, const Sentence& second);

// Returns the words from `begin` up to, but not including, `end`.
Sentence cut(const Sentence& words, std::size_t begin, std::size_t end);

std::string written(const Sentence& words);

// Whether a word ends the head of a noun phrase: a preposition, a pronoun or a verb in -ing.
bool ends_head(const std::string& low);

// Returns how many words at the start are the head, adjectives included: 2 for "red car with a flag".
std::size_t head_length(const Sentence& words);

// Returns the head noun: "man" of "old man in a red shirt", "bananas" of "bunch of bananas".
std::string noun_of(Sentence words);

}  // namespace edgetrack
