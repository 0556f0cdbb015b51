"""Measurement of the conditions of single objects and of counts."""

from __future__ import annotations

import math

from edgetrack.watching.conditions import (
    DIRECTIONS,
    Absent,
    Count,
    Enters,
    Faster,
    Heads,
    Inside,
    Leaves,
    Loiters,
    Present,
    Stops,
)
from edgetrack.watching.latch import Measured
from edgetrack.watching.scene import Pair, Scene, Sight
from edgetrack.zone_shapes import Zone, anchor_of

STILL = 0.1  # heights per second: slower is standing still
MOVING = 0.3  # heights per second: faster is moving
SLACK = 0.8  # hysteresis: fraction of the requested speed below which the condition ends
AHEAD, ASIDE = math.cos(math.radians(45)), math.cos(math.radians(60))  # of a direction: within, and beyond
FORGET_S = 30.0  # time after which an object that is gone is forgotten

Ids = tuple[int, ...]


def present(condition: Present, scene: Scene) -> Measured[Ids]:
    return {(one.id,): True if one.certain else None for one in scene.of(condition.subject.text)}


def absent(condition: Absent, scene: Scene) -> Measured[Ids]:
    seen = scene.of(condition.subject.text)
    return {(): not seen or (False if any(one.certain for one in seen) else None)}


def within(sight: Sight, zone: Zone, scene: Scene) -> bool | None:
    """Return whether an object is in a zone; None if the object is uncertain."""
    box = sight.track.box
    return zone.holds(anchor_of(box, zone.anchor), scene.size) if sight.certain and box is not None else None


def inside(condition: Inside, scene: Scene, zone: Zone) -> Measured[Ids]:
    return {(one.id,): within(one, zone, scene) for one in scene.of(condition.subject.text)}


class Entering:
    """The object is in the zone, after it was seen outside."""

    def __init__(self) -> None:
        self._outside: set[int] = set()

    def __call__(self, condition: Enters, scene: Scene, zone: Zone) -> Measured[Ids]:
        self._outside &= scene.known
        measured: Measured[Ids] = {}
        for one in scene.of(condition.subject.text):
            here = within(one, zone, scene)
            if here is False:
                self._outside.add(one.id)
            if one.id in self._outside:
                measured[(one.id,)] = here
        return measured


class Leaving:
    """The object is outside the zone or out of view, after it was inside."""

    def __init__(self) -> None:
        self._inside: dict[int, float] = {}  # when it was last seen inside

    def __call__(self, condition: Leaves, scene: Scene, zone: Zone) -> Measured[Ids]:
        for one in scene.of(condition.subject.text):
            if within(one, zone, scene):
                self._inside[one.id] = scene.now_s
        measured: Measured[Ids] = {}
        for id, seen_s in list(self._inside.items()):
            sight = scene.sights.get(id)
            here = False if sight is None else within(sight, zone, scene)
            measured[(id,)] = None if here is None else not here
            if id not in scene.known and scene.now_s - seen_s > FORGET_S:
                del self._inside[id]
        return measured


class Stopping:
    """The object is slow, after it has moved."""

    def __init__(self) -> None:
        self._moved: set[int] = set()

    def __call__(self, condition: Stops, scene: Scene) -> Measured[Ids]:
        self._moved &= scene.known
        measured: Measured[Ids] = {}
        for one in scene.of(condition.subject.text):
            speed = one.speed
            if speed is not None and speed > MOVING:
                self._moved.add(one.id)
            if one.id in self._moved:
                measured[(one.id,)] = is_still(one)
        return measured


def is_still(sight: Sight) -> bool | None:
    """Return whether it stands still; None if that is not clear."""
    speed = sight.speed
    if speed is None:
        return None
    return True if speed < STILL else False if speed > MOVING else None


def faster(condition: Faster, scene: Scene) -> Measured[Ids]:
    measured: Measured[Ids] = {}
    for one in scene.of(condition.subject.text):
        speed = one.speed
        if speed is not None and condition.unit == "pixels":
            speed *= one.height
        measured[(one.id,)] = _beyond(speed, condition.speed, condition.speed * SLACK)
    return measured


def heads(condition: Heads, scene: Scene) -> Measured[Ids]:
    sign = -1 if condition.against else 1
    x, y = DIRECTIONS[condition.direction]
    measured: Measured[Ids] = {}
    for one in scene.of(condition.subject.text):
        measured[(one.id,)] = None
        if one.velocity is not None:
            along = sign * (one.velocity[0] * x + one.velocity[1] * y) / one.height
            speed = one.speed or 0.0
            if along >= MOVING and along >= AHEAD * speed:
                measured[(one.id,)] = True
            elif along < MOVING / 2 or along < ASIDE * speed:
                measured[(one.id,)] = False
    return measured


def _beyond(value: float | None, high: float, low: float) -> bool | None:
    """Return True from ``high`` on, False below ``low``, and None in between."""
    if value is None:
        return None
    return True if value >= high else False if value < low else None


class Loitering:
    """The object stays near one place; if it goes too far away, loitering restarts at its new place."""

    def __init__(self) -> None:
        self._places: dict[
            int, tuple[Pair, float]
        ] = {}  # and its height there, as that of one frame may be wrong

    def __call__(self, condition: Loiters, scene: Scene) -> Measured[Ids]:
        self._places = {id: place for id, place in self._places.items() if id in scene.known}
        measured: Measured[Ids] = {(id,): None for id in self._places}  # also for objects out of view
        for one in scene.of(condition.subject.text):
            if one.certain:
                here = one.center, one.y2 - one.y1
                place, height = self._places.setdefault(one.id, here)
                near = math.dist(place, one.center) <= condition.within * max(height, here[1])
                measured[(one.id,)] = near
                if not near:
                    self._places[one.id] = here
        return measured


def count(condition: Count, scene: Scene, zone: Zone | None) -> Measured[Ids]:
    seen = scene.of(condition.subject.text)
    here = [one.certain or None if zone is None else within(one, zone, scene) for one in seen]
    least, most = here.count(True), len(here) - here.count(False)
    low, high = (least, most) if condition.above else (-most, -least)
    number = condition.number if condition.above else -condition.number
    return {(): True if low > number else False if high <= number else None}
