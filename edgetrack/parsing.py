"""The parsed form of a text for users: its parts, and its unknown words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgetrack._native import runtime
from edgetrack.bundle import Bundle
from edgetrack.opened import check_text
from edgetrack.prompt import Tokenizer, check_unicode
from edgetrack.words import TextReader, Vocabulary, words_of

_PLURALS = ("people", "men", "women", "children")
_PAIRS = ("glasses", "goggles", "jeans", "pants", "scissors", "shorts", "sunglasses", "tights", "trousers")
_ARTICLES = re.compile(r"^(?:(?:the|an?|any) )+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ParsedText:
    """A parsed text. All fields use the words of the text, or of its translation.

    Attributes:
        text: The text.
        english: The text with your own words replaced; the same as ``text`` if there are none.
        meaning: The whole meaning in one line, such as ``second from the left of "car"``.
        phrase: The phrase for the network, such as "red car".
        noun: The head noun of the phrase.
        attributes: Attributes in the phrase: "red", "in the blue shirt".
        positions: Positions or sizes that select it: "second from the left", "on the right", "largest".
        relations: Spatial relations to other objects, such as ``left of "bus"``.
        negated: Excluded phrases, such as ``"red car"``.
        count: Number of objects; 0 for all.
        plural: Whether several objects are meant; a tracker follows one of them.
        unknown: Words that the model was not trained on; None if the bundle does not list its words.
        known_share: Fraction of the words that the model knows, 0..1; None as for ``unknown``.
        advice: What to do about unknown words; None without any.
    """

    text: str
    english: str
    meaning: str
    phrase: str
    noun: str
    attributes: tuple[str, ...]
    positions: tuple[str, ...]
    relations: tuple[str, ...]
    negated: tuple[str, ...]
    count: int
    plural: bool
    unknown: tuple[str, ...] | None
    known_share: float | None
    advice: str | None

    def to_dict(self) -> dict[str, Any]:
        """Return all fields as JSON types, tuples as lists."""
        fields = asdict(self).items()
        return {name: list(value) if isinstance(value, tuple) else value for name, value in fields}


def parse(
    text: str,
    *,
    bundle: str | Path | Bundle | None = None,
    words: str | Path | Mapping[str, str] | None = None,
) -> ParsedText:
    """Parse a text as a ``Tracker`` does, without a frame or a network.

    Args:
        text: Description of a target, such as "second red car from the left".
        bundle: The model whose words count, as for ``Tracker``.
        words: What your own words mean, as for ``Tracker``.

    Raises:
        PromptError: The text is empty, too long, or has no word that the tokenizer knows.
        ConfigError: ``words`` is malformed.
        BundleError: The bundle is missing, damaged or foreign.

    Examples:
        >>> edgetrack.parse("second red car from the left").meaning  # doctest: +SKIP
        'second from the left of "red car"'
    """
    check_text(text)
    opened = bundle if isinstance(bundle, Bundle) else Bundle.open(bundle)
    reader = TextReader(opened, words, strict=False)
    english = reader.translation.applied(check_unicode(text))
    Tokenizer(opened).encode(english)
    query, vocabulary = runtime.parse_phrase(english), reader.vocabulary
    phrase, noun = query.parts[0]
    return ParsedText(
        text=text,
        english=english,
        meaning=query.text,
        phrase=phrase,
        noun=noun,
        attributes=_attributes(phrase, noun),
        positions=tuple(said for part, said in query.selectors if part == 0),
        relations=tuple(
            f"{said} {' and '.join(map(query.describe, landmarks))}"
            for target, said, landmarks in query.relations
            if target == 0
        ),
        negated=tuple(query.describe(part) for target, part in query.negations if target == 0),
        count=query.count,
        plural=means_several(query, vocabulary),
        unknown=None if vocabulary is None else tuple(vocabulary.unknown(english)),
        known_share=None if vocabulary is None else vocabulary.share(english),
        advice=None if vocabulary is None else vocabulary.complaint(english),
    )


def _attributes(phrase: str, noun: str) -> tuple[str, ...]:
    """Return the words before the noun, and the part after it as a whole."""
    at = re.search(rf"(?<!\w){re.escape(noun)}(?!\w)", phrase, re.IGNORECASE)
    if at is None:
        return ()
    before = words_of(_ARTICLES.sub("", phrase[: at.start()]))
    return (*before, *filter(None, [phrase[at.end() :].strip()]))


def means_several(query: runtime.Query, vocabulary: Vocabulary | None) -> bool:
    """Return whether a text means several objects: it has a number, or a plural without a selection."""
    if query.count != 1:
        return True
    phrase, noun = query.parts[0]
    one = f" of {noun}" in phrase.lower() or phrase.lower().startswith("one of ")
    if one or any(part == 0 for part, _ in query.selectors) or noun in _PAIRS:
        return False
    singulars = [
        noun.removesuffix(end) + other
        for end, other in (("ies", "y"), ("es", ""), ("s", ""))
        if noun.endswith(end)
    ]
    known = vocabulary is not None and any(len(word) > 1 and vocabulary.lists(word) for word in singulars)
    return noun in _PLURALS or (known and not noun.endswith("ss"))
