"""Evaluation of conditions on a stream of scenes: the objects for which each condition is true now.

A binding assigns an object to each subject of a condition. A condition without objects, such as a count, has the empty
binding.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from edgetrack.watching import conditions as c
from edgetrack.watching.latch import HOLD_S, Latches, Measured
from edgetrack.watching.pairs import Abandoned, Falling, Taking, approaches, near
from edgetrack.watching.scene import Pair, Scene
from edgetrack.watching.singles import (
    Entering,
    Ids,
    Leaving,
    Loitering,
    Stopping,
    absent,
    count,
    faster,
    heads,
    inside,
    present,
)
from edgetrack.watching.subject import Subject
from edgetrack.zone_shapes import Line, anchor_of
from edgetrack.zones import Zones

SETTLE_S = 0.2  # time inside or outside a zone after which an object has entered or left

Binding = tuple[tuple[Subject, int], ...]
Measure = Callable[[Scene], Measured[Ids]]


class Evaluator(Protocol):
    """A condition with its state from previous frames."""

    def update(self, scene: Scene) -> set[Binding]:
        """Process the next scene; return the bindings for which the condition is true."""


class _Lasting:
    """A condition that counts after it has held for some time."""

    def __init__(
        self, subjects: tuple[Subject, ...], measure: Measure, for_s: float, hold_s: float = HOLD_S
    ) -> None:
        self._subjects, self._measure, self._for_s, self._hold_s = subjects, measure, for_s, hold_s
        self._latches: Latches[Ids] = Latches()

    def update(self, scene: Scene) -> set[Binding]:
        on = self._latches.step(self._measure(scene), scene.now_s, self._for_s, self._hold_s)
        return {tuple(zip(self._subjects, ids, strict=False)) for ids in on}


class _Crossing:
    """A line is crossed in this frame."""

    def __init__(self, condition: c.Crosses, line: Line) -> None:
        self._condition, self._line = condition, line
        self._sides: dict[int, tuple[float, Pair]] = {}  # by id: the last position

    def update(self, scene: Scene) -> set[Binding]:
        self._sides = {id: side for id, side in self._sides.items() if id in scene.sights}
        found: set[Binding] = set()
        for one in scene.of(self._condition.subject.text):
            if not one.certain or one.track.box is None:
                continue
            at = anchor_of(one.track.box, self._line.anchor)
            way, now = self._line.crossing(self._sides.get(one.id), at, one.track.box, scene.size)
            if now is not None:
                self._sides[one.id] = now
            if way is not None and self._condition.way in (None, way):
                found.add(((self._condition.subject, one.id),))
        return found


class _And:
    def __init__(self, parts: list[Evaluator]) -> None:
        self._parts = parts

    def update(self, scene: Scene) -> set[Binding]:
        found: set[Binding] = {()}
        for on in [part.update(scene) for part in self._parts]:  # each part must process every scene
            found = {both for one in found for two in on if (both := _joined(one, two)) is not None}
        return found


class _Or:
    def __init__(self, parts: list[Evaluator]) -> None:
        self._parts = parts

    def update(self, scene: Scene) -> set[Binding]:
        return set().union(*[part.update(scene) for part in self._parts])


class _Then:
    """The second condition, for bindings for which it became true after the first."""

    def __init__(self, first: Evaluator, second: Evaluator, within_s: float) -> None:
        self._first, self._second, self._within_s = first, second, within_s
        self._began_s: dict[Binding, float] = {}  # when the first became true
        self._before: tuple[set[Binding], set[Binding]] = (set(), set())
        self._on: dict[Binding, set[Binding]] = {}  # by binding of the second

    def update(self, scene: Scene) -> set[Binding]:
        first, second = self._first.update(scene), self._second.update(scene)
        now_s = scene.now_s
        self._began_s = {b: at for b, at in self._began_s.items() if now_s - at <= self._within_s + 1e-6}
        self._on = {two: on for two, on in self._on.items() if two in second}
        for two in second - self._before[1]:
            joined = {both for one in self._began_s if (both := _joined(one, two)) is not None}
            if joined:
                self._on[two] = joined
        self._began_s |= dict.fromkeys(first - self._before[0], now_s)
        self._before = first, second
        return set().union(*self._on.values())


def _joined(one: Binding, two: Binding) -> Binding | None:
    """Merge two bindings; return None if they disagree about a subject, or two subjects are the same object."""
    if not one or not two:
        return one or two
    both = dict(one)
    for subject, id in two:
        if both.setdefault(subject, id) != id:
            return None
    return tuple(both.items()) if len(set(both.values())) == len(both) else None


def evaluator_of(condition: c.Condition, zones: Zones) -> Evaluator:
    """Create the evaluator of a condition; ``zones`` has the zones and lines that it names."""
    if isinstance(condition, c.And):
        return _And([evaluator_of(part, zones) for part in condition.parts])
    if isinstance(condition, c.Or):
        return _Or([evaluator_of(part, zones) for part in condition.parts])
    if isinstance(condition, c.Then):
        first, second = evaluator_of(condition.first, zones), evaluator_of(condition.second, zones)
        return _Then(first, second, condition.within_s)
    if isinstance(condition, c.Crosses):
        return _Crossing(condition, next(line for line in zones.lines if line.name == condition.line))
    return _lasting(condition, zones)


SINGLE: dict[type[c.Condition], Callable[[], Callable[..., Measured[Ids]]]] = {
    c.Present: lambda: present,
    c.Inside: lambda: inside,
    c.Enters: Entering,
    c.Leaves: Leaving,
    c.Stops: Stopping,
    c.Faster: lambda: faster,
    c.Heads: lambda: heads,
    c.Falls: Falling,
    c.LeftBehind: Abandoned,
    c.TakenAway: Taking,
    c.Loiters: Loitering,
}
PAIRED: dict[type[c.Condition], Callable[..., Measured[Ids]]] = {c.Near: near, c.Approaches: approaches}
NOBODY: dict[type[c.Condition], Callable[..., Measured[Ids]]] = {c.Absent: absent, c.Count: count}


def _lasting(condition: c.Condition, zones: Zones) -> _Lasting:
    kind = type(condition)
    measure = PAIRED.get(kind) or NOBODY.get(kind) or SINGLE[kind]()
    named = {zone.name: zone for zone in zones.zones}
    more = (named.get(getattr(condition, "zone")),) if hasattr(condition, "zone") else ()  # noqa: B009
    subjects = c.subjects_of(condition)
    of = tuple(subjects) if kind in PAIRED else () if kind in NOBODY else (subjects[0],)
    hold_s = 0.0 if kind is c.Loiters else HOLD_S  # an object that is out of view has left the zone
    for_s: float = getattr(condition, "for_s", SETTLE_S)
    return _Lasting(of, lambda scene: measure(condition, scene, *more), for_s, hold_s)
