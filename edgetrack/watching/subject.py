"""Who a rule is about: any object that a phrase names, one certain object, or another one of the same kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edgetrack.errors import ConfigError

Determiner = Literal["a", "the", "another"]


@dataclass(frozen=True, slots=True)
class Subject:
    """An object of a rule; the same subject in two parts of a rule is the same object.

    Attributes:
        text: Phrase that names it, such as "red car"; in the singular.
        determiner: "a": any object that the phrase names, so that ``MultiTracker.every`` follows all of them; "the":
            one object, a target of its own; "another": an object of the phrase beside the one called "a".

    Raises:
        ConfigError: The text is empty or has a quotation mark or a line break in it, or the determiner is unknown.
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
