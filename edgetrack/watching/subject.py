"""The subject of a rule: any object that a phrase names, one specific object, or another one of the same kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edgetrack.errors import ConfigError

Determiner = Literal["a", "the", "another"]


@dataclass(frozen=True, slots=True)
class Subject:
    """An object of a rule; the same subject in two parts of a rule is the same object.

    Attributes:
        text: Phrase that names it, in the singular, such as "red car".
        determiner: "a": any object that the phrase names, so that ``MultiTracker.every`` tracks all of them; "the":
            one object, tracked as a target; "another": a different object of the phrase than the one called "a".

    Raises:
        ConfigError: The text is empty or contains a quotation mark or a line break, or the determiner is unknown.
    """

    text: str
    determiner: Determiner = "a"

    def __post_init__(self) -> None:
        text = self.text
        if not isinstance(text, str) or not text.strip() or '"' in text or not text.isprintable():
            raise ConfigError(f"a rule is about {text!r}; expected a phrase such as 'red car', in one line")
        if self.determiner not in ("a", "the", "another"):
            raise ConfigError(f"the determiner is {self.determiner!r}; expected 'a', 'the' or 'another'")
        object.__setattr__(self, "text", " ".join(text.split()))
