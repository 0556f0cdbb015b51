"""Phrases with a word replaced by its opposite, which must change the answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

Swap = Literal["left, right", "size", "color"]

_SIDES = {"left": "right", "leftmost": "rightmost"}
_SIZES = {
    "largest": "smallest", "biggest": "smallest", "larger": "smaller", "bigger": "smaller", "large": "small",
    "big": "small", "tallest": "shortest", "taller": "shorter",
}  # fmt: skip
# Berlin and Kay's eleven basic colors ("Basic color terms", 1969), each with a very different one.
_COLORS = {
    "red": "blue", "blue": "red", "green": "orange", "orange": "green", "yellow": "purple", "purple": "yellow",
    "black": "white", "white": "black", "brown": "blue", "gray": "red", "grey": "red", "pink": "green",
}  # fmt: skip


def _both_ways(pairs: Mapping[str, str]) -> dict[str, str]:
    return {**{other: word for word, other in reversed(list(pairs.items()))}, **pairs}


SWAPS: dict[Swap, Mapping[str, str]] = {
    "left, right": _both_ways(_SIDES),
    "size": _both_ways(_SIZES),
    "color": _COLORS,
}


def swapped(text: str) -> tuple[Swap, str] | None:
    """Return the kind of swap and the phrase with one word swapped; None if it has no such word.

    Only one kind of word is swapped: sides, else sizes, else colors. All sides in a phrase are swapped, but only the
    first size or color. "orange" at the end of a phrase is a fruit.
    """
    for swap, words in SWAPS.items():
        pattern = re.compile(rf"\b(an? )?({'|'.join(words)})\b", re.IGNORECASE)
        changed = pattern.sub(
            lambda found, words=words: _replaced(found, words),
            text,
            count=0 if swap == "left, right" else 1,
        )
        if changed != text:
            return swap, changed
    return None


def _replaced(found: re.Match[str], words: Mapping[str, str]) -> str:
    article, word = found[1] or "", found[2].lower()
    if word == "orange" and not found.string[found.end() :].strip():
        return found[0]
    other = words[word]
    if article:
        article = "an " if other[0] in "aeiou" else "a "
    return article + other
