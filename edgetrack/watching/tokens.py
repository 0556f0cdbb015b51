"""The words of a sentence about a rule."""

from __future__ import annotations

import re
from dataclasses import dataclass

PLAIN = re.compile(r"[^\W\d_][\w'-]*")
_TOKEN = re.compile(rf'"(?P<quoted>[^"]*)"|(?P<number>\d+(?:\.\d+)?)|(?P<word>{PLAIN.pattern})|(?P<mark>\S)')

ARTICLES = ("a", "an", "any", "some", "the", "another")
# What ends a phrase or a name: the verbs, and what connects clauses.
VERBS = (
    "is", "stays", "remains", "stands", "enters", "leaves", "exits", "crosses", "stops", "moves", "goes", "runs",
    "drives", "falls", "approaches", "loiters", "appears", "disappears", "comes",
)  # fmt: skip
LINKS = ("and", "or", "then", "for", "within", "going", "by")
_RESERVED = frozenset((*VERBS, *LINKS))


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a number, a quoted text or a mark."""

    kind: str
    text: str

    @property
    def is_name(self) -> bool:
        """Whether it can be part of a phrase or a name."""
        return self.kind == "quoted" or (self.kind == "word" and self.text.lower() not in _RESERVED)


def tokens_of(sentence: str) -> list[Token]:
    """Take a sentence apart."""
    return [Token(kind, match[kind]) for match in _TOKEN.finditer(sentence) if (kind := str(match.lastgroup))]


def is_plain(text: str) -> bool:
    """Whether a phrase or a name is understood without quotation marks."""
    words = text.split(" ")
    free = all(PLAIN.fullmatch(word) and word.lower() not in _RESERVED for word in words)
    return free and words[0].lower() not in (*ARTICLES, "count", "number", "zone", "line")
