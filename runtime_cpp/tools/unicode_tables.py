"""Writes runtime_cpp/src/unicode_tables.h: what the reference tokenizer makes of each Unicode character.

    python runtime_cpp/tools/unicode_tables.py > runtime_cpp/src/unicode_tables.h

The tables are asked of the library ``tokenizers`` itself: its own are of several versions of Unicode, and the text
encoders were trained on the ids that it gives. Only what counts as a letter is Python's.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterable, Iterator

import tokenizers

SURROGATES = range(0xD800, 0xE000)
HANGUL = range(0xAC00, 0xD7A4)  # computed, not listed


def main() -> None:
    characters = [code for code in range(sys.maxunicode + 1) if code not in SURROGATES]
    normalize = tokenizers.normalizers.BertNormalizer(lowercase=True).normalize_str
    split = tokenizers.pre_tokenizers.BertPreTokenizer().pre_tokenize_str
    normal = {code: normalize(chr(code)) for code in characters}
    spaced = {code for code, text in normal.items() if len(text) == 3 and text[0] == " " == text[2]}
    mapped = {code: text.strip() for code, text in normal.items() if text.strip() not in ("", chr(code))}
    print(
        f"// Made by runtime_cpp/tools/unicode_tables.py from tokenizers {tokenizers.__version__}: do not edit."
    )
    print(
        "// clang-format off\n#pragma once\n\nnamespace edgetrack {\n\nstruct CodeRange {\n  char32_t first, last;\n};"
    )
    _ranges("kRemoved", "Control characters and accents.", (c for c in characters if not normal[c]))
    _ranges("kSpaces", "", (c for c in characters if normal[c] == " "))
    _ranges("kIdeographs", "Words of one character.", spaced)
    _ranges(
        "kPunctuation", "", (c for c in characters if normal[c] == chr(c) and len(split(f"a{chr(c)}b")) == 3)
    )
    _ranges("kLetters", "", (c for c in characters if unicodedata.category(chr(c))[0] == "L"))
    _mapped({code: text for code, text in mapped.items() if code not in HANGUL})
    print("\n}  // namespace edgetrack")


def _runs(codes: Iterable[int]) -> Iterator[tuple[int, int]]:
    first = last = -2
    for code in codes:
        if code != last + 1:
            if first >= 0:
                yield first, last
            first = code
        last = code
    yield first, last


def _ranges(name: str, comment: str, codes: Iterable[int]) -> None:
    pairs = [f"{{0x{first:x}, 0x{last:x}}}," for first, last in _runs(sorted(codes))]
    print(f"\n// {comment}" if comment else "")
    _rows(f"constexpr CodeRange {name}[]", pairs)


def _mapped(mapped: dict[int, str]) -> None:
    single = {code: ord(text) for code, text in mapped.items() if len(text) == 1}
    runs, rest = _alike(single)
    print(
        "\n// Lower case without accents, where every ``step``-th character moves by the same distance; one by one;"
    )
    print("// and those that become several.")
    print("struct MappedRange {\n  char32_t first, last, step, to;\n};")
    _rows(
        "constexpr MappedRange kMappedRanges[]",
        [f"{{0x{a:x}, 0x{b:x}, {n}, 0x{to:x}}}," for a, b, n, to in runs],
    )
    print("struct MappedCode {\n  char32_t from, to;\n};")
    _rows("constexpr MappedCode kMapped[]", [f"{{0x{code:x}, 0x{to:x}}}," for code, to in rest])
    print("struct SplitCode {\n  char32_t from, to[3];\n};")
    several = ((code, text) for code, text in sorted(mapped.items()) if len(text) > 1)
    _rows(
        "constexpr SplitCode kSplit[]",
        [f"{{0x{code:x}, {{{', '.join(f'0x{ord(c):x}' for c in text)}}}}}," for code, text in several],
    )


def _alike(single: dict[int, int]) -> tuple[list[tuple[int, int, int, int]], list[tuple[int, int]]]:
    """Runs of at least three characters that move by the same distance, and the others."""
    runs, rest, done = [], [], set[int]()
    for code, to in sorted(single.items()):
        if code in done:
            continue
        found = [code]
        for step in (1, 2):
            run = [code]
            while single.get(run[-1] + step, -1) - run[-1] - step == to - code and run[-1] + step not in done:
                run.append(run[-1] + step)
            found = max(found, run, key=len)
        if len(found) < 3:
            rest.append((code, to))
            continue
        done.update(found)
        runs.append((found[0], found[-1], found[1] - found[0], to))
    return runs, rest


def _rows(declaration: str, items: list[str]) -> None:
    print(f"{declaration} = {{")
    row = " "
    for item in items:
        if len(row) + len(item) + 1 > 110:
            print(row)
            row = " "
        row += f" {item}"
    print(f"{row}\n}};")


if __name__ == "__main__":
    main()
