// Text as BERT's tokenizer takes it: code points, normalized one by one.
#pragma once

#include <optional>
#include <string>

namespace edgetrack {

// Appends a code point as UTF-8.
void append_utf8(std::string& text, char32_t code);

// The code points of UTF-8; nothing unless all of it is valid.
std::optional<std::u32string> code_points(const std::string& utf8);

// Appends what the tokenizer makes of a character: nothing of control characters and accents, a space of
// every space, an ideograph between spaces, and of all others the lower case without accents. The combining
// marks that stay, which no vocabulary has, are not put into the order of Unicode's normal form.
void append_normalized(std::u32string& text, char32_t code);

// Whether it is a word of its own. Ask of what append_normalized() gave.
bool is_punctuation(char32_t code);

bool is_letter(char32_t code);

}  // namespace edgetrack
