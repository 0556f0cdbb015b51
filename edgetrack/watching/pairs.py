"""Measurement of the conditions of two objects (near, approaching, left behind, taken away), and of falls."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from edgetrack.types import Box
from edgetrack.watching.conditions import Approaches, Falls, LeftBehind, Near, TakenAway
from edgetrack.watching.latch import Measured
from edgetrack.watching.place import Place
from edgetrack.watching.scene import Pair, Scene, Sight
from edgetrack.watching.singles import AHEAD, FORGET_S, MOVING, Ids, is_still
from edgetrack.watching.subject import Subject

FAR, FURTHER = 1.25, 0.25  # hysteresis of near: factor on the gap, and heights added to it
OWNED = 0.5  # largest gap between an object and its owner, in heights
REST_S = 2.0  # time for which an object must have stood still before it can be taken away
LOOK_S = 1.0  # interval at which the appearance of its place is renewed
AWAY = 0.75  # distance from its place, in heights
FALL_S = 1.5  # longest duration of a fall
LOW = 0.65  # largest height after a fall, relative to the height before it
UPRIGHT, LYING = 1.2, 1.0  # aspect ratio (height / width): at least UPRIGHT before, and less than LYING after


def _both(subject: Subject, other: Subject, scene: Scene) -> Iterator[tuple[Sight, Sight]]:
    for one in scene.of(subject.text):
        for two in scene.of(other.text):
            if one.id != two.id:
                yield one, two


def near(condition: Near, scene: Scene) -> Measured[Ids]:
    close, far = condition.within, FAR * condition.within + FURTHER
    measured: Measured[Ids] = {}
    for one, two in _both(condition.subject, condition.other, scene):
        if not (one.certain and two.certain):
            measured[one.id, two.id] = None
        elif (gap := one.gap(two)) <= far:  # most pairs are further apart and need no entry
            measured[one.id, two.id] = True if gap <= close else None
    return measured


def approaches(condition: Approaches, scene: Scene) -> Measured[Ids]:
    measured: Measured[Ids] = {}
    for one, two in _both(condition.subject, condition.other, scene):
        if one.velocity is None or not two.certain:
            measured[one.id, two.id] = None
            continue
        (x, y), (x2, y2) = one.center, two.center
        far = math.hypot(x2 - x, y2 - y)
        toward = ((x2 - x) * one.velocity[0] + (y2 - y) * one.velocity[1]) / max(far, 1e-9) / one.height
        if toward >= MOVING / 2 and one.gap(two) > 0:
            ahead = toward >= MOVING and toward >= AHEAD * (one.speed or 0.0)
            measured[one.id, two.id] = True if ahead else None
    return measured


class Falling:
    """The box is much lower than it was a moment ago, when it was upright, and is wider than high."""

    def __init__(self) -> None:
        self._heights: dict[int, deque[Pair]] = {}  # of the upright boxes: time, height
        self._fallen: set[int] = set()

    def __call__(self, condition: Falls, scene: Scene) -> Measured[Ids]:
        self._fallen &= scene.known
        self._heights = {id: past for id, past in self._heights.items() if id in scene.known}
        return {
            (one.id,): self._fell(one, scene) if one.certain else None
            for one in scene.of(condition.subject.text)
        }

    def _fell(self, one: Sight, scene: Scene) -> bool | None:
        height, width = one.y2 - one.y1, one.x2 - one.x1
        past = self._heights.setdefault(one.id, deque())
        while past and scene.now_s - past[0][0] > FALL_S:
            past.popleft()
        if one.at_border(scene.size):  # the shape of a box that is cut off is meaningless
            past.clear()
            return None
        if height >= UPRIGHT * width:
            past.append((scene.now_s, height))
            self._fallen.discard(one.id)
            return False
        if height < LYING * width and past and height <= LOW * max(high for _, high in past):
            self._fallen.add(one.id)
        return True if one.id in self._fallen else None


@dataclass(slots=True)
class _Rest:
    """An object that may be taken away."""

    place: Pair | None = None  # where it stands
    since_s: float = 0.0
    look: Place | None = None  # of its place, once it stood still long enough
    looked_s: float = 0.0
    seen_s: float = 0.0
    gone_s: float | None = None  # since when it has been away or gone


class Abandoned:
    """The object stands still without an owner near it, after it had one."""

    def __init__(self) -> None:
        self._owned: set[int] = set()

    def __call__(self, condition: LeftBehind, scene: Scene) -> Measured[Ids]:
        self._owned &= scene.known
        owners = scene.of(condition.owner.text)
        measured: Measured[Ids] = {}
        for one in scene.of(condition.subject.text):
            gaps = [one.gap(owner) for owner in owners if owner.id != one.id]
            if any(gap <= OWNED for gap in gaps):
                self._owned.add(one.id)
            if one.id in self._owned:
                alone = not any(gap <= FAR * OWNED + FURTHER for gap in gaps)
                measured[(one.id,)] = is_still(one) if alone else False
        return measured


class Taking:
    """The object is away from its place, or gone, and the place looks different.

    While the place looks the same, the object counts as present, even if it is not detected, or its track has moved
    to another object. A new object at such a place is the same object, found again.
    """

    def __init__(self) -> None:
        self._rests: dict[int, _Rest] = {}

    def __call__(self, condition: TakenAway, scene: Scene) -> Measured[Ids]:
        for one in scene.of(condition.subject.text):
            self._see(one, scene)
        measured: Measured[Ids] = {}
        for id, rest in list(self._rests.items()):
            if rest.look is not None:
                measured[(id,)] = self._is_gone(rest, scene.sights.get(id), scene, condition.for_s)
            if scene.now_s - rest.seen_s > FORGET_S + condition.for_s:
                del self._rests[id]
        return measured

    def _is_gone(self, rest: _Rest, sight: Sight | None, scene: Scene, for_s: float) -> bool | None:
        if sight is not None and not sight.certain:
            return None
        if sight is not None and not _is_away(sight, rest.place):
            rest.gone_s = None
            return False
        told = rest.gone_s is not None and scene.now_s - rest.gone_s >= for_s
        if not told and _stands(rest, scene):  # later, a similar object may stand there
            rest.gone_s = None
            return False
        rest.gone_s = scene.now_s if rest.gone_s is None else rest.gone_s
        return True

    def _see(self, one: Sight, scene: Scene) -> None:
        rest = self._rests.get(one.id) or self._found_again(one, scene)
        self._rests[one.id] = rest
        now_s = rest.seen_s = scene.now_s
        away = _is_away(one, rest.place)
        if rest.place is None or (rest.look is None and away):
            rest.place, rest.since_s = one.center, now_s
        if now_s - rest.since_s < REST_S or not is_still(one):
            return
        if rest.look is not None and away:  # it stands at a different place now
            if rest.gone_s is None:
                return  # or the track has moved to another object
            rest.place, rest.since_s, rest.look, rest.gone_s = one.center, now_s, None, None
        if rest.look is None or now_s - rest.looked_s >= LOOK_S:
            box = Box.from_xyxy(one.x1, one.y1, one.x2, one.y2)
            rest.look, rest.looked_s = Place(scene.pixels, box), now_s

    def _found_again(self, one: Sight, scene: Scene) -> _Rest:
        """Return the state of an object that is out of view at the place of a new one."""
        for id, rest in self._rests.items():
            unseen = id not in scene.sights and rest.gone_s is None
            if unseen and not _is_away(one, rest.place) and _stands(rest, scene):
                return self._rests.pop(id)
        return _Rest()


def _stands(rest: _Rest, scene: Scene) -> bool:
    """Return whether its place looks the same as when it stood there."""
    return rest.look is not None and rest.look.looks_the_same(scene.pixels)


def _is_away(sight: Sight, place: Pair | None) -> bool:
    return place is not None and math.dist(sight.center, place) > AWAY * (sight.y2 - sight.y1)
