// The words of a sentence, and small questions about them that parse() asks.
#pragma once

#include <string>
#include <vector>

namespace edgetrack {

struct Word {
  std::string raw;  // as written, without the punctuation around it
  std::string low;  // in lower case (ASCII letters alone)
  bool pause;       // a comma, semicolon or the like follows
};

using Sentence = std::vector<Word>;

Sentence words_of(const std::string& text);

// The words from `begin` on, `count` of them, lower case, one space apart; empty where there are not as many
// or a pause lies between them.
std::string run_of(const Sentence& words, std::size_t begin, std::size_t count);

Sentence joined(Sentence first, const Sentence& second);

// The words from `begin` to before `end`.
Sentence cut(const Sentence& words, std::size_t begin, std::size_t end);

std::string written(const Sentence& words);

// Whether a word ends the head of a noun phrase: a preposition, a pronoun or a verb in -ing.
bool ends_head(const std::string& low);

// How many words at the start are the head, adjectives included: 2 of "red car with a flag".
std::size_t head_length(const Sentence& words);

// The noun that the words are about: "man" of "old man in a red shirt", "bananas" of "bunch of bananas".
std::string noun_of(Sentence words);

}  // namespace edgetrack
