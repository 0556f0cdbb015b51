"""Tokenizer for the sentences of rules."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

# Combining marks, as in Hindi, are not letters for `re`: beyond ASCII, everything but punctuation belongs to words.
PLAIN = re.compile(r"[^\W\d_](?:[\w'-]|[^\x00-\x7f\s\u2000-\u206f\u3000-\u303f\uff00-\uff0f])*")
_QUOTES = str.maketrans(
    {**dict.fromkeys("\u201c\u201d\u201e\u201f", '"'), **dict.fromkeys("\u2018\u2019", "'")}
)
_TOKEN = re.compile(rf'"(?P<quoted>[^"]*)"|(?P<number>\d+(?:\.\d+)?)|(?P<word>{PLAIN.pattern})|(?P<mark>\S)')

ARTICLES = ("a", "an", "any", "some", "the", "another")
# Words that end a phrase or a name: verbs, and conjunctions between clauses.
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
        """Return whether it can be part of a phrase or a name."""
        return self.kind == "quoted" or (self.kind == "word" and self.text.lower() not in _RESERVED)


def tokens_of(sentence: str) -> list[Token]:
    """Split a sentence into tokens."""
    typed = unicodedata.normalize("NFC", sentence).translate(_QUOTES)  # typed by phones and word processors
    return [Token(kind, match[kind]) for match in _TOKEN.finditer(typed) if (kind := str(match.lastgroup))]


def is_plain(text: str) -> bool:
    """Return whether a phrase or a name needs no quotation marks."""
    words = text.split(" ")
    free = all(PLAIN.fullmatch(word) and word.lower() not in _RESERVED for word in words)
    return free and words[0].lower() not in (*ARTICLES, "count", "number", "zone", "line")
