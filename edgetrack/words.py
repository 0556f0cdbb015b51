"""Comparison of a user's text with the words that a model was trained on, to report unknown ones."""

from __future__ import annotations

import re
import sys
import unicodedata
import warnings
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from edgetrack._native import runtime
from edgetrack.bundle import Bundle
from edgetrack.errors import BundleError, ConfigError, PromptError, PromptWarning
from edgetrack.prompt import Tokenizer, check_unicode
from edgetrack.translation import Translation

WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
ROLE = "words"  # role of the file in the bundle
_MOSTLY = 0.5  # fraction of unknown words from which a text is probably not English
_LARGEST = 1 << 22  # bytes
_ENDINGS = (("ies", "y"), ("es", ""), ("s", ""), ("ing", ""), ("ing", "e"), ("ed", ""), ("ed", "e"))


class Vocabulary:
    """The words that a model was trained on, and those that the grammar understands.

    Args:
        trained: Words in lower case.
        model: Name of the model in messages.
    """

    def __init__(self, trained: Iterable[str], model: str = "the model") -> None:
        self.model = model
        self._trained = frozenset(trained)
        self._known = self._trained | frozenset(runtime.grammar_words())

    @classmethod
    def of(cls, bundle: Bundle) -> Vocabulary | None:
        """Return the vocabulary of a bundle; None if it does not list its words.

        Raises:
            BundleError: The list is not a text file of words.
        """
        if ROLE not in bundle.manifest.files:
            return None
        path = bundle.path(ROLE)
        try:
            if path.stat().st_size > _LARGEST:
                raise ValueError(f"{path.stat().st_size} bytes; expected at most {_LARGEST}")
            words = path.read_text(encoding="utf-8").split()
        except (OSError, ValueError) as error:
            raise BundleError(
                f"bundle file {path} is not a list of words ({error}); export the bundle again"
            ) from error
        return cls(words, bundle.manifest.name)

    def __len__(self) -> int:
        return len(self._trained)

    def knows(self, word: str) -> bool:
        """Return whether a word, or a form of it, is known. Numbers and letters are."""
        low = _plain(word)
        sign = low.isascii() and len(low) == 1
        return sign or low.isdigit() or any(form in self._known for form in _forms(low))

    def lists(self, word: str) -> bool:
        """Return whether the list has exactly this word."""
        return word in self._trained

    def unknown(self, text: str) -> list[str]:
        """Return the unknown words of a text as written, without duplicates."""
        return [word for word in dict.fromkeys(words_of(text)) if not self.knows(word)]

    def share(self, text: str) -> float:
        """Return the fraction of the words of a text that are known, 0..1; 1 for a text without words."""
        words = words_of(text)
        return sum(map(self.knows, words)) / len(words) if words else 1.0

    def nearest(self, word: str, most: int | None = None) -> str | None:
        """Return the known word that a word is probably a misspelling of; None if no known word is near.

        Near means at most ``most`` edits, by default one; two for words of eight letters and for the same letters in
        a different order. A swap of neighbors is one edit. Of several, the one with the same letters comes first,
        then the one with the same first and last letter.
        """
        low = _plain(word)
        reach = 2 if most is None else most
        if len(low) < 3:
            return None
        near = []
        for known in self._known:
            if abs(len(known) - len(low)) <= reach and (edits := distance(low, known, reach)) <= reach:
                same = sorted(known) == sorted(low)
                if edits > 1 and most is None and not same and len(low) < 8:
                    continue
                near.append((edits, not same, known[0] != low[0], known[-1] != low[-1], known))
        return min(near)[-1] if near else None

    def complaint(self, text: str) -> str | None:
        """Return one sentence about the unknown words of a text, with a suggestion; None if all are known."""
        unknown = self.unknown(text)
        if not unknown:
            return None
        named = ", ".join(map(repr, unknown))
        maps = f'map your own words to known ones: {unknown[0]} = "..." in a file for --words, or Tracker(words=...)'
        foreign = len(unknown) > 1 and 1 - self.share(text) >= _MOSTLY
        if foreign and not all(self.nearest(word, most=1) for word in unknown):
            return (
                f"text {_shown(text)} is mostly words that {self.model} was not trained on ({named}); "
                f"expected English words, or {maps}"
            )
        hints = [(word, self.nearest(word)) for word in unknown]
        meant = [f"{near!r} instead of {word!r}" for word, near in hints if near is not None]
        advice = (
            f"did you mean {' and '.join(meant)}? Otherwise {maps}"
            if meant
            else f"expected other words, or {maps}"
        )
        return f"text {_shown(text)} has words that {self.model} was not trained on ({named}); {advice}"


class TextReader:
    """Converts a user's text for the trackers: translates the user's words, reports unknown ones, and tokenizes.

    Args:
        bundle: Bundle of the model.
        words: The user's words, see ``Translation.of``.
        strict: Refuse a text with unknown words, instead of a warning.
        warn: Whether to check for unknown words; not if another network finds the target.

    Raises:
        ConfigError: ``words`` is malformed; or ``strict``, and the bundle lists no words.
        PromptError: ``strict``, and a word is mapped to one that is not known.
    """

    def __init__(
        self, bundle: Bundle, words: str | Path | Mapping[str, str] | None, *, strict: bool, warn: bool = True
    ) -> None:
        self.vocabulary = Vocabulary.of(bundle) if warn else None
        if strict and self.vocabulary is None:
            raise ConfigError(
                f"strict has no effect: model {bundle.manifest.name} does not list the words that it was trained on; "
                "leave it out, or export the bundle again with --grounder"
            )
        self._bundle, self._strict = bundle, strict
        self._tokenizer: Tokenizer | None = None
        self._told: set[str] = set()
        self.translation = Translation.of(words)
        for place, english in self.translation.entries():
            if (complaint := self._complaint(english)) is not None:
                self._tell(f"{place}: {complaint}")

    def read(self, text: str) -> runtime.Text:
        """Return the tokens of a text.

        Raises:
            PromptError: It is empty or too long, or has unknown words and ``strict`` is set.

        Warns:
            PromptWarning: It has unknown words; once for each text.
        """
        english = self.translation.applied(check_unicode(text))
        if english not in self._told and (complaint := self._complaint(english)) is not None:
            if self._strict:
                raise PromptError(complaint)
            self._told.add(english)
            self._tell(complaint)
        if self._tokenizer is None:
            self._tokenizer = Tokenizer(self._bundle)
        return self._tokenizer.text(english)

    def _complaint(self, english: str) -> str | None:
        return None if self.vocabulary is None else self.vocabulary.complaint(english)

    def _tell(self, complaint: str) -> None:
        if self._strict:
            raise PromptError(complaint)
        warnings.warn(complaint, PromptWarning, stacklevel=_outside())


def words_of(text: str) -> list[str]:
    """Return the words of a text as written; punctuation separates them, except for apostrophes."""
    return WORD.findall(unicodedata.normalize("NFC", text))


def distance(a: str, b: str, most: int) -> int:
    """Return the optimal string alignment distance of two words, or ``most + 1`` as soon as it must exceed ``most``.

    Insertions, deletions, substitutions and swaps of neighbors count 1 each (Boytsov, "Indexing methods for approximate
    dictionary searching", 2011, section 2.2).
    """
    before: list[int] = []
    last = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            row.append(min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y)))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                row[j] = min(row[j], before[j - 2] + 1)
        if min(row) > most:
            return most + 1
        before, last = last, row
    return last[-1]


@lru_cache(maxsize=4096)
def _plain(word: str) -> str:
    """Return a text in lower case and without accents, as in the tokenizer."""
    apart = unicodedata.normalize("NFD", word.lower().replace("\u2019", "'"))
    return "".join(sign for sign in apart if unicodedata.category(sign) != "Mn")


def _forms(low: str) -> Iterable[str]:
    """Yield a word and its possible base forms: plural, singular, possessive, participle."""
    yield low
    base = low.removesuffix("'s").removesuffix("'")
    yield base
    for ending, other in _ENDINGS:
        if base.endswith(ending) and len(base) > len(ending) + 1:
            yield base.removesuffix(ending) + other
    yield f"{base}s"


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")


def _outside() -> int:
    """Return the ``stacklevel`` at which a warning shows the user's line, outside of this package."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "edgetrack":
        level, frame = level + 1, frame.f_back
    return level
