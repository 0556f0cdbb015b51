"""How the conditions of two objects are measured: near, approaching, left behind, taken away; and a fall."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from edgetrack.watching.conditions import Approaches, Falls, LeftBehind, Near, TakenAway
from edgetrack.watching.latch import Measured
from edgetrack.watching.scene import Pair, Scene, Sight
from edgetrack.watching.singles import AHEAD, FORGET_S, MOVING, Ids, is_still
from edgetrack.watching.subject import Subject

FAR, FURTHER = 1.25, 0.25  # near until the gap is so many times as large, and so many heights more
OWNED = 0.5  # heights between an object and its owner
REST_S = 2.0  # how long an object must have stood still to be taken away
AWAY = 0.75  # heights from where it stood
FALL_S = 1.5  # how long a fall may take
LOW = 0.65  # of the height before it
UPRIGHT, LYING = 1.2, 1.0  # height of a box over its width: at least, and less than


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
        elif (gap := one.gap(two)) <= far:  # most are further apart, which needs no entry
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
    """Much lower than it was a moment ago, when it was upright, and wider than high."""

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
        if one.at_border(scene.size):  # where a box is cut off, its shape says nothing
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
    rested: bool = False  # it stood still long enough
    seen_s: float = 0.0


class Abandoned:
    """Standing still without an owner near it, of those that had one."""

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
    """Away from the place where it stood, or gone."""

    def __init__(self) -> None:
        self._rests: dict[int, _Rest] = {}

    def __call__(self, condition: TakenAway, scene: Scene) -> Measured[Ids]:
        for one in scene.of(condition.subject.text):
            self._see(one, scene.now_s)
        measured: Measured[Ids] = {}
        for id, rest in list(self._rests.items()):
            sight = scene.sights.get(id)
            if rest.rested and rest.place is not None:
                measured[(id,)] = sight is None or (_is_away(sight, rest.place) if sight.certain else None)
            if scene.now_s - rest.seen_s > FORGET_S + condition.for_s:
                del self._rests[id]
        return measured

    def _see(self, one: Sight, now_s: float) -> None:
        rest = self._rests.setdefault(one.id, _Rest())
        rest.seen_s = now_s
        if rest.place is None or (not rest.rested and _is_away(one, rest.place)):
            rest.place, rest.since_s = one.center, now_s
        if now_s - rest.since_s >= REST_S and is_still(one):
            if rest.rested and _is_away(one, rest.place):  # it stands at another place now
                rest.place, rest.since_s = one.center, now_s
            rest.rested = True


def _is_away(sight: Sight, place: Pair) -> bool:
    return math.dist(sight.center, place) > AWAY * (sight.y2 - sight.y1)
