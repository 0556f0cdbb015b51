"""A user's own words, such as those of another language, mapped to English words that the model knows."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgetrack.errors import ConfigError
from edgetrack.toml_file import load_toml

_EXPECTED = 'expected lines such as Gabelstapler = "forklift"'


@dataclass(frozen=True, slots=True)
class Translation:
    """Words and their English meanings. Longer words take precedence; case is ignored.

    Attributes:
        english: The English meaning of each word, which is in lower case.
        places: Where each word was read, for messages.
    """

    english: Mapping[str, str]
    places: Mapping[str, str]

    @classmethod
    def of(cls, words: str | Path | Mapping[str, str] | None) -> Translation:
        """Read a TOML file of ``word = "english words"``, or use a mapping of them; None has no words.

        Raises:
            ConfigError: The file cannot be read, or an entry is not a word with its meaning; the message has the
                line.
        """
        if words is None:
            return cls({}, {})
        if isinstance(words, Mapping):
            return cls._checked(words, {key: f"words[{key!r}]" for key in words}, "words")
        if not isinstance(words, (str, Path)):
            raise ConfigError(
                f"words is a {type(words).__name__}; expected a TOML file, or a mapping such as {{'rot': 'red'}}"
            )
        path = Path(words)
        try:
            text, values = load_toml(path)
        except OSError as error:
            raise ConfigError(f"words file {path} cannot be read ({error.strerror}); {_EXPECTED}") from error
        except ValueError as error:  # of TOML, whose message has the line, or of UTF-8
            raise ConfigError(f"words file {path} is not valid TOML ({error}); {_EXPECTED}") from error
        return cls._checked(values, {key: f"{path}:{_line(text, key)}" for key in values}, str(path))

    @classmethod
    def _checked(cls, values: Mapping[str, Any], places: Mapping[str, str], origin: str) -> Translation:
        english: dict[str, str] = {}
        found: dict[str, str] = {}
        for word, meaning in values.items():
            place = places[word]
            for what, value in (("the word", word), ("its meaning", meaning)):
                if not isinstance(value, str) or not any(sign.isalnum() for sign in value):
                    raise ConfigError(f"{place}: {what} is {value!r:.80}; {_EXPECTED}")
            key = _key(word)
            if key in english:
                raise ConfigError(
                    f"{place}: {word!r} is given twice, first in {found[key]}; expected each word once"
                )
            english[key], found[key] = " ".join(meaning.split()), place
        if not english:
            raise ConfigError(f"{origin} has no words; {_EXPECTED}")
        return cls(english, found)

    def entries(self) -> Iterator[tuple[str, str]]:
        """Yield each place and the meaning of its word."""
        for word, meaning in self.english.items():
            yield self.places[word], meaning

    def applied(self, text: str) -> str:
        """Return a text with each of the words replaced by its meaning."""
        if not self.english:
            return text
        longest = sorted(self.english, key=len, reverse=True)
        spelled = "|".join(f"({_spelled(word)})" for word in longest)
        pattern = re.compile(rf"(?<!\w)(?:{spelled})(?!\w)", re.IGNORECASE)

        def meaning(found: re.Match[str]) -> str:
            """Look up the meaning; a case-insensitive match may differ from the lower-case word: Turkish has two i."""
            nearest = self.english[longest[(found.lastindex or 1) - 1]]
            return self.english.get(_key(found[0]), nearest)

        return pattern.sub(meaning, unicodedata.normalize("NFC", text))


def _key(word: str) -> str:
    lower = unicodedata.normalize("NFC", word).replace("\u0130", "i").lower()  # its own is two letters
    return " ".join(lower.split())


def _spelled(word: str) -> str:
    return r"\s+".join(map(re.escape, word.split()))


def _line(text: str, key: str) -> int:
    """Return the line of a file that begins with a key, quoted or not; 1 if the key is written in another way."""
    starts = tuple(f"{quote}{key}{quote}" for quote in ("", '"', "'"))
    for number, line in enumerate(text.splitlines(), 1):
        if any(line.lstrip().startswith(start) for start in starts) and "=" in line:
            return number
        if line.strip().strip("[]").strip().strip("\"'") == key and line.lstrip().startswith("["):
            return number
    return 1
