"""A rule: a condition with a name, which raises an alert when it becomes true."""

from __future__ import annotations

from dataclasses import dataclass

from edgetrack.errors import ConfigError
from edgetrack.watching.conditions import Condition, subjects_of
from edgetrack.watching.grammar import parse_condition
from edgetrack.watching.sentence import sentence_of


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition that raises an alert.

    Attributes:
        when: The condition.
        name: Its name in alerts; None for its sentence.

    Raises:
        ConfigError: The name is empty, or one phrase is used for one object ("the car") and for any ("a car").
    """

    when: Condition
    name: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.when, Condition):
            raise ConfigError(f"when is {self.when!r}; expected a condition, or Rule.parse of a sentence")
        named = isinstance(self.name, str) and bool(self.name.strip()) and self.name.isprintable()
        if self.name is not None and not named:
            raise ConfigError(f"the name of a rule is {self.name!r}; expected one line, or no name")
        one, any = texts_of(self.when)
        if both := [text for text in one if text in any]:
            raise ConfigError(
                f"{both[0]!r} is one object in one part of the rule and any object in another; expected the "
                f'same article for both, or "another {both[0]}"'
            )

    @classmethod
    def parse(cls, sentence: str, name: str | None = None) -> Rule:
        """Create a rule from a sentence such as "tell me when a person stays near the red car for 10 seconds".

        Raises:
            ConfigError: The sentence cannot be parsed; the message names the word.
        """
        return cls(parse_condition(sentence), name)

    @property
    def sentence(self) -> str:
        """The condition in words; ``Rule.parse(rule.sentence).when == rule.when``."""
        return sentence_of(self.when)

    @property
    def label(self) -> str:
        """The name, or the sentence."""
        return self.name or self.sentence


def texts_of(condition: Condition) -> tuple[list[str], list[str]]:
    """Return the phrases of a condition: those for one object each ("the"), and those for any ("a", "another")."""
    subjects = subjects_of(condition)
    one = [subject.text for subject in subjects if subject.determiner == "the"]
    return one, list(dict.fromkeys(subject.text for subject in subjects if subject.determiner != "the"))
