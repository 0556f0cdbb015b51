"""The clauses of the grammar: the part of a condition after its subject.

Each method of `Clauses` parses the words after the phrase; ``for_s`` is parsed after each clause.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from edgetrack.watching import conditions as c
from edgetrack.watching.conditions import Condition, Direction
from edgetrack.watching.subject import Subject
from edgetrack.watching.tokens import ARTICLES, VERBS

if TYPE_CHECKING:
    from edgetrack.watching.grammar import Reader

IS = ("is", "stays", "remains", "stands", "comes")
MOVES = ("moves", "goes", "runs", "drives")


class Clauses:
    """Parses clauses, and remembers the subject of the last one."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._last: Subject | None = None
        self._verbs: tuple[tuple[tuple[str, ...], Callable[[Subject], Condition]], ...] = (
            (("is present", "appears", "is there", "is in view", "is visible"), c.Present),
            (("is absent", "disappears", "is gone", "is missing"), c.Absent),
            (("is left behind", "is abandoned"), self._left),
            (("is taken away", "is taken", "is removed"), c.TakenAway),
            (tuple(f"{verb} near" for verb in IS), self._near),
            (("is within", "stays within"), self._within),
            (tuple(f"{verb} {place}" for verb in IS for place in ("in", "inside")), self._inside),
            (("enters",), lambda one: c.Enters(one, reader.place("zone"))),
            (("leaves", "exits"), lambda one: c.Leaves(one, reader.place("zone"))),
            (("crosses",), self._crosses),
            (("stops",), c.Stops),
            (MOVES, self._moves),
            (("approaches",), lambda one: c.Approaches(one, reader.phrase())),
            (("falls down", "falls over", "falls"), c.Falls),
            (("loiters",), self._loiters),
        )

    def clause(self) -> Condition:
        """Parse a clause with its duration."""
        reader = self._reader
        found = self._count() or self._verb(self._subject())
        if reader.take("for"):
            if not hasattr(found, "for_s"):
                raise reader.error('no duration after "enters", "leaves" and "crosses", which are momentary')
            found = replace(found, for_s=reader.seconds())  # type: ignore[call-arg]
        return found

    def _subject(self) -> Subject:
        reader = self._reader
        if self._last is not None and (reader.take("it") or any(reader.sees(verb) for verb in VERBS)):
            return self._last
        self._last = reader.phrase()
        return self._last

    def _verb(self, subject: Subject) -> Condition:
        for phrases, read in self._verbs:
            if self._reader.take(*phrases):
                return read(subject)
        known = [phrase for phrases, _ in self._verbs for phrase in phrases]
        verb = self._reader.take(*VERBS)
        after = [phrase.removeprefix(f"{verb} ") for phrase in known if phrase.startswith(f"{verb} ")]
        raise self._reader.error(
            f'{", ".join(after)} after "{verb}"' if after else f"a verb: {', '.join(VERBS)}"
        )

    def _count(self) -> Condition | None:
        """Parse "the count of car is above 3 in yard", which has no object as its subject."""
        reader = self._reader
        if reader.take("the count of", "count of", "the number of") is None:
            return None
        reader.take(*ARTICLES)
        subject = Subject(reader.name('words such as "person"'))
        way = reader.need("is above", "is more than", "is below", "is less than", "is fewer than")
        number = reader.number()
        if not number.is_integer():
            raise reader.error("a whole number before it")
        zone = reader.place("zone") if reader.take("in") else None
        return c.Count(subject, int(number), way in ("is above", "is more than"), zone)

    def _left(self, subject: Subject) -> Condition:
        return (
            c.LeftBehind(subject, self._reader.phrase()) if self._reader.take("by") else c.LeftBehind(subject)
        )

    def _near(self, subject: Subject) -> Condition:
        other = self._reader.phrase()
        return (
            c.Near(subject, other, self._heights()) if self._reader.take("within") else c.Near(subject, other)
        )

    def _within(self, subject: Subject) -> Condition:
        """Parse "2 heights of the car", which also means near."""
        within = self._heights()
        self._reader.need("of")
        return c.Near(subject, self._reader.phrase(), within)

    def _heights(self) -> float:
        value = self._reader.number()
        self._reader.need("heights", "height")
        return value

    def _inside(self, subject: Subject) -> Condition:
        return c.Inside(subject, self._reader.place("zone"))

    def _crosses(self, subject: Subject) -> Condition:
        line = self._reader.place("line")
        way = self._reader.name('a direction such as "in"') if self._reader.take("going") else None
        return c.Crosses(subject, line, way)

    def _moves(self, subject: Subject) -> Condition:
        reader = self._reader
        if reader.take("faster than"):
            speed = reader.number()
            unit = (
                "pixels" if reader.need("heights", "height", "pixels", "pixel").startswith("p") else "heights"
            )
            reader.need("a second", "per second")
            return c.Faster(subject, speed, unit)
        against = reader.take("against") is not None
        direction = reader.take(*c.DIRECTIONS)
        if direction is None:
            raise reader.error('"faster than", "against" or one of: left, right, up, down')
        return c.Heads(subject, cast(Direction, direction), against)

    def _loiters(self, subject: Subject) -> Condition:
        return c.Loiters(subject, self._heights()) if self._reader.take("within") else c.Loiters(subject)
