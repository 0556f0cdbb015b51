"""The conditions of rules: of single objects, pairs and counts, and their combinations.

Lengths are in heights of a box (of the taller one of two), so that they work near the camera and far from it; speeds
are in heights per second. ``for_s`` is how long a condition must hold before it counts, in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from edgetrack.errors import ConfigError
from edgetrack.finite import is_finite
from edgetrack.watching.subject import Subject

LONGEST_S = 86_400.0  # a day
LARGEST = 1e6  # of other numbers
PERSON = Subject("person")

Direction = Literal["left", "right", "up", "down"]
DIRECTIONS: dict[str, tuple[float, float]] = {
    "left": (-1.0, 0.0),
    "right": (1.0, 0.0),
    "up": (0.0, -1.0),
    "down": (0.0, 1.0),
}
UNITS = ("heights", "pixels")
NUMBERS = ("for_s", "within_s", "within", "speed", "number")


@dataclass(frozen=True, slots=True)
class Condition:
    """Base of all conditions.

    Raises:
        ConfigError: A number is out of range, a name is empty, or both subjects of a pair are the same.
    """

    def __post_init__(self) -> None:
        for one in fields(self):
            _check(one.name, getattr(self, one.name))
        pair = [value for one in fields(self) if isinstance(value := getattr(self, one.name), Subject)]
        if len(pair) == 2 and pair[0] == pair[1]:
            raise ConfigError(f"both are {pair[0].text!r}, the same object; expected two different objects")


def _check(name: str, value: object) -> None:
    if name in ("direction", "unit"):
        choices = UNITS if name == "unit" else tuple(DIRECTIONS)
        if value not in choices:
            raise ConfigError(f"{name} is {value!r}; expected one of {', '.join(choices)}")
    elif name in ("subject", "other", "owner"):
        if not isinstance(value, Subject):
            raise ConfigError(f"{name} is {value!r}; expected a Subject, such as Subject('red car')")
    elif name in ("parts", "first", "second"):
        parts = value if isinstance(value, tuple) else (value,)
        if not parts or not all(isinstance(part, Condition) for part in parts):
            raise ConfigError(f"{name} is {value!r}; expected conditions")
    elif name in NUMBERS:
        most = LONGEST_S if name.endswith("_s") else LARGEST
        if not is_finite(value) or not 0 <= value <= most:
            raise ConfigError(f"{name} is {value!r}; expected a number from 0 to {most:g}")
    elif isinstance(value, str) and (not value.strip() or '"' in value or not value.isprintable()):
        raise ConfigError(f"{name} is {value!r}; expected a name in one line")


@dataclass(frozen=True, slots=True)
class Present(Condition):
    """The subject is in view."""

    subject: Subject
    for_s: float = 0.5


@dataclass(frozen=True, slots=True)
class Absent(Condition):
    """No object that the subject's phrase names is in view."""

    subject: Subject
    for_s: float = 2.0


@dataclass(frozen=True, slots=True)
class Inside(Condition):
    """The subject is in a zone."""

    subject: Subject
    zone: str
    for_s: float = 0.5


@dataclass(frozen=True, slots=True)
class Enters(Condition):
    """The subject is in a zone, and was seen outside before; one that first appears inside has not entered."""

    subject: Subject
    zone: str


@dataclass(frozen=True, slots=True)
class Leaves(Condition):
    """The subject was in a zone, and is now outside or out of view."""

    subject: Subject
    zone: str


@dataclass(frozen=True, slots=True)
class Crosses(Condition):
    """The subject crosses a line, in one of its ``directions`` or in any; true in that frame only."""

    subject: Subject
    line: str
    way: str | None = None


@dataclass(frozen=True, slots=True)
class Stops(Condition):
    """The subject has moved, and now stands still."""

    subject: Subject
    for_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Faster(Condition):
    """The subject moves faster than ``speed``, in heights of its box or pixels (``unit``) per second."""

    subject: Subject
    speed: float
    unit: str = "heights"
    for_s: float = 0.5


@dataclass(frozen=True, slots=True)
class Heads(Condition):
    """The subject moves in a direction of the picture, or ``against`` it (the wrong way)."""

    subject: Subject
    direction: Direction
    against: bool = False
    for_s: float = 0.5


@dataclass(frozen=True, slots=True)
class Approaches(Condition):
    """The subject moves toward another object, and has not reached it."""

    subject: Subject
    other: Subject
    for_s: float = 0.5


@dataclass(frozen=True, slots=True)
class Near(Condition):
    """The gap between the two boxes is at most ``within`` heights of the taller one."""

    subject: Subject
    other: Subject
    within: float = 0.5
    for_s: float = 0.5


@dataclass(frozen=True, slots=True)
class Falls(Condition):
    """The subject's box was upright, became much lower within 1.5 seconds, and is now wider than high."""

    subject: Subject
    for_s: float = 0.5


@dataclass(frozen=True, slots=True)
class LeftBehind(Condition):
    """The subject stands still with no owner near it, after it had one."""

    subject: Subject
    owner: Subject = PERSON
    for_s: float = 10.0


@dataclass(frozen=True, slots=True)
class TakenAway(Condition):
    """The subject stood still for two seconds, has moved away or is not detected, and its place looks different."""

    subject: Subject
    for_s: float = 2.0


@dataclass(frozen=True, slots=True)
class Loiters(Condition):
    """The subject stays within a number of heights of one place."""

    subject: Subject
    within: float = 2.0
    for_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Count(Condition):
    """More or fewer objects of the subject's phrase than ``number`` are in view, or in a zone."""

    subject: Subject
    number: int
    above: bool = True
    zone: str | None = None
    for_s: float = 0.5

    def __post_init__(self) -> None:
        Condition.__post_init__(self)
        if self.subject.determiner != "a" or type(self.number) is not int:
            raise ConfigError(f"the count is {self!r}; expected a whole number of objects called 'a'")
        if not self.above and self.number == 0:
            raise ConfigError("a count cannot be below 0; expected 1 or more, such as below 1 for no objects")


@dataclass(frozen=True, slots=True)
class And(Condition):
    """All parts are true at the same time, for the same objects."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or(Condition):
    """At least one of the parts is true."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Then(Condition):
    """The second becomes true at most ``within_s`` after the first became true, for the same objects."""

    first: Condition
    second: Condition
    within_s: float


def subjects_of(condition: Condition) -> list[Subject]:
    """Return the subjects of a condition and its parts, without duplicates, in the order in which they occur."""
    found: dict[Subject, None] = {}
    for one in fields(condition):
        value = getattr(condition, one.name)
        if isinstance(value, Subject):
            found[value] = None
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, Condition):
                found.update(dict.fromkeys(subjects_of(part)))
    return list(found)


def _parts_of(condition: Condition) -> list[Condition]:
    """Return the simple conditions that a condition consists of, in the order in which they occur."""
    if isinstance(condition, (And, Or)):
        return [one for part in condition.parts for one in _parts_of(part)]
    if isinstance(condition, Then):
        return _parts_of(condition.first) + _parts_of(condition.second)
    return [condition]


def fallers_of(condition: Condition) -> list[Subject]:
    """Return the subjects of all conditions about falls in a condition."""
    return [one.subject for one in _parts_of(condition) if isinstance(one, Falls)]


def places_of(condition: Condition) -> list[tuple[Literal["zone", "line"], str, str | None]]:
    """Return the zones and lines that a condition and its parts name, with the direction of a crossing."""
    found: list[tuple[Literal["zone", "line"], str, str | None]] = []
    for one in _parts_of(condition):
        if isinstance(one, Crosses):
            found.append(("line", one.line, one.way))
        elif (zone := getattr(one, "zone", None)) is not None:
            found.append(("zone", zone, None))
    return found
