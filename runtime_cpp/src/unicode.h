// Text normalization as in BERT's tokenizer, one code point at a time.
#pragma once

#include <optional>
#include <string>

namespace edgetrack {

// Appends a code point as UTF-8.
void append_utf8(std::string& text, char32_t code);

// Returns the code points of a UTF-8 string, or nothing if it is not valid.
std::optional<std::u32string> code_points(const std::string& utf8);

// Appends a character as the tokenizer normalizes it: control characters and accents are dropped, any white
// space becomes a space, an ideograph is put between spaces, and all others become lower case without
// accents. Combining marks that remain, which are in no vocabulary, are not sorted into Unicode's normal
// form.
void append_normalized(std::u32string& text, char32_t code);

// Whether a character is a separate word. Pass the output of append_normalized().
bool is_punctuation(char32_t code);

bool is_letter(char32_t code);

}  // namespace edgetrack
