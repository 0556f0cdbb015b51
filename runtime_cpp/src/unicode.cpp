#include "unicode.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>

#include "unicode_tables.h"

namespace edgetrack {

namespace {

// Returns the last entry whose first character, given by `first`, is not after `code`; null if there is none.
template <class Entry, std::size_t Count>
const Entry* entry_at(const Entry (&table)[Count], char32_t code, char32_t Entry::* first) {
  const auto after = std::upper_bound(std::begin(table), std::end(table), code,
                                      [&](char32_t c, const Entry& entry) { return c < entry.*first; });
  return after == std::begin(table) ? nullptr : after - 1;
}

template <std::size_t Count>
bool in(const CodeRange (&table)[Count], char32_t code) {
  const CodeRange* const range = entry_at(table, code, &CodeRange::first);
  return range && code <= range->last;
}

// Decomposes a Hangul syllable into its two or three letters, with Unicode's arithmetic.
void append_syllable(std::u32string& text, char32_t code) {
  const char32_t index = code - 0xac00;
  text += 0x1100 + index / 588;
  text += 0x1161 + index % 588 / 28;
  if (index % 28 != 0) text += 0x11a7 + index % 28;
}

// Ranges may be nested: alternating upper and lower case, and the upper case letters between them.
const MappedRange* mapped_range(char32_t code) {
  for (const MappedRange& range : kMappedRanges)
    if (code >= range.first && code <= range.last && (code - range.first) % range.step == 0) return &range;
  return nullptr;
}

void append_mapped(std::u32string& text, char32_t code) {
  if (const SplitCode* split = entry_at(kSplit, code, &SplitCode::from); split && split->from == code)
    for (const char32_t part : split->to) text += part ? std::u32string(1, part) : std::u32string();
  else if (const MappedCode* one = entry_at(kMapped, code, &MappedCode::from); one && one->from == code)
    text += one->to;
  else if (const MappedRange* range = mapped_range(code))
    text += range->to + (code - range->first);
  else
    text += code;
}

}  // namespace

void append_utf8(std::string& text, char32_t code) {
  const auto byte = [&](char32_t bits) { text += static_cast<char>(static_cast<unsigned char>(bits)); };
  if (code < 0x80) return byte(code);
  if (code < 0x800) {
    byte(0xc0 | code >> 6);
  } else {
    if (code < 0x10000) {
      byte(0xe0 | code >> 12);
    } else {
      byte(0xf0 | code >> 18);
      byte(0x80 | (code >> 12 & 0x3f));
    }
    byte(0x80 | (code >> 6 & 0x3f));
  }
  byte(0x80 | (code & 0x3f));
}

std::optional<std::u32string> code_points(const std::string& utf8) {
  constexpr char32_t kLeast[] = {0, 0x80, 0x800, 0x10000};  // minimum, by the number of continuation bytes
  std::u32string codes;
  for (std::size_t i = 0; i < utf8.size();) {
    const auto lead = static_cast<unsigned char>(utf8[i++]);
    const std::size_t more = lead < 0x80       ? 0
                             : lead >> 5 == 6  ? 1
                             : lead >> 4 == 14 ? 2
                             : lead >> 3 == 30 ? 3
                                               : 4;
    if (more == 4 || more > utf8.size() - i) return std::nullopt;
    char32_t code = more == 0 ? lead : lead & (0x3fu >> more);
    for (std::size_t k = 0; k < more; ++k) {
      const auto next = static_cast<unsigned char>(utf8[i++]);
      if (next >> 6 != 2) return std::nullopt;
      code = code << 6 | (next & 0x3f);
    }
    if (code < kLeast[more] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return std::nullopt;
    codes += code;
  }
  return codes;
}

void append_normalized(std::u32string& text, char32_t code) {
  if (code > ' ' && code < 0x7f) {
    text += code >= 'A' && code <= 'Z' ? code + 32 : code;
  } else if (in(kSpaces, code)) {
    text += U' ';
  } else if (in(kIdeographs, code)) {
    text += U' ';
    append_mapped(text, code);
    text += U' ';
  } else if (code >= 0xac00 && code < 0xd7a4) {
    append_syllable(text, code);
  } else if (!in(kRemoved, code)) {
    append_mapped(text, code);
  }
}

bool is_punctuation(char32_t code) { return in(kPunctuation, code); }

bool is_letter(char32_t code) { return in(kLetters, code); }

}  // namespace edgetrack
