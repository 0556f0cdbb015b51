"""Synthetic tracks for rules: where each object is at a time, and which alerts a rule raises."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from edgetrack.types import Box, Frame, Status, Track
from edgetrack.watching.rule import Rule
from edgetrack.watching.watcher import Watcher
from edgetrack.zone_shapes import Line, Zone
from edgetrack.zones import Zones

SIZE = (400, 200)  # width, height
FPS = 10
PIXELS = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
YARD = Zone("yard", ((0.5, 0), (1, 0), (1, 1), (0.5, 1)))  # the right half
GATE = Line("gate", ((0.5, 0), (0.5, 1)), directions=("left", "right"))
ZONES = Zones((YARD,), (GATE,))

Place = tuple[float, float, float, float] | None  # center and size in pixels; None: out of view
Way = Callable[[float], Place]  # by the time in seconds


def at(x: float, y: float = 100, w: float = 20, h: float = 40) -> Place:
    """Make a box, by default of a person 40 pixels high."""
    return x, y, w, h


def shown(*spans: tuple[float, float], x: float = 100) -> Way:
    """Make an object that is in view from each first time until just before the second one."""
    return lambda t: at(x) if any(a - 1e-9 <= t < b - 1e-9 for a, b in spans) else None


def track(
    id: int, phrase: str, place: Place, index: int = 0, status: Status = "tracking", *, one: bool = False
) -> Track:
    """Make a track of a query or, with ``one``, of a single target."""
    box = None if place is None else Box(place[0] - place[2] / 2, place[1] - place[3] / 2, place[2], place[3])
    name = phrase if one else f"{phrase} #{id}"
    return Track(
        box, 0.9, "lost" if box is None else status, index, id=id, name=name, query=None if one else phrase
    )


def play(
    sentence: str,
    seconds: float,
    *ways: tuple[str, Way],
    fps: float = FPS,
    uncertain: Callable[[float], bool] = lambda t: False,
    ids: Mapping[int, int] | None = None,
) -> list[tuple[float, tuple[int, ...]]]:
    """Return times and ids of the alerts; the objects have the ids 1, 2 and so on in the order of the ways."""
    watcher = Watcher([Rule.parse(sentence)], ZONES)
    told = []
    for index in range(round(seconds * fps) + 1):
        t = index / fps
        tracks = {}
        for n, (phrase, way) in enumerate(ways, 1):
            one, text = phrase.startswith("the "), phrase.removeprefix("the ")
            status: Status = "uncertain" if uncertain(t) else "tracking"
            id = n if ids is None else ids[n]
            tracks[str(n)] = track(id, text, way(t), index, status, one=one)
        for event in watcher.update(tracks, Frame(PIXELS, index, t)):
            told.append((round(event.time_s or 0.0, 6), event.ids))
    return told
