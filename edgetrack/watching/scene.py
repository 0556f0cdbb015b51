"""The tracks of a frame, prepared for rules: position, size and velocity of each object."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetrack.types import GAP_S, Frame, Track

WINDOW_S = 0.5  # time window of velocities
SHORTEST_S = 0.2  # at least

Pair = tuple[float, float]


class Clock:
    """Elapsed seconds according to the frames, so that only time with frames counts.

    A step of more than ``GAP_S`` is a gap and counts as ``GAP_S``; if the time stays or jumps back, the previous step
    is used again.

    Attributes:
        now_s: Seconds since the first frame.
        gap: Whether the last step was a gap.
    """

    def __init__(self) -> None:
        self.now_s, self.gap = 0.0, False
        self._last_s: float | None = None
        self._step_s = 0.0

    def tick(self, time_s: float) -> None:
        """Advance to the time of the next frame, in seconds."""
        if self._last_s is None:
            self._last_s = time_s
            return
        step_s = time_s - self._last_s
        self._last_s, self.gap = time_s, step_s > GAP_S
        if step_s > 0:
            self._step_s = min(step_s, GAP_S)
        self.now_s += self._step_s


@dataclass(slots=True)
class Sight:
    """An object in a frame. Lengths are in pixels, the origin is at the top left."""

    id: int
    track: Track
    phrase: str
    x1: float
    y1: float
    x2: float
    y2: float
    certain: bool  # an uncertain one keeps its state
    velocity: Pair | None = None  # right and down, in pixels per second
    height: float = 1.0  # of the box, over the time window of the velocity

    @property
    def center(self) -> Pair:
        return (self.x1 + self.x2) / 2, (self.y1 + self.y2) / 2

    @property
    def speed(self) -> float | None:
        """Speed in heights per second; None if it is not known yet."""
        return None if self.velocity is None else math.hypot(*self.velocity) / self.height

    def gap(self, other: Sight) -> float:
        """Return the gap between both boxes, in heights of the taller one; 0 if they touch."""
        right, down = self.x1 - other.x2, self.y1 - other.y2  # without max(), which would be slow
        right = right if right > 0 else other.x1 - self.x2
        down = down if down > 0 else other.y1 - self.y2
        high, high2 = self.y2 - self.y1, other.y2 - other.y1
        return math.hypot(right if right > 0 else 0.0, down if down > 0 else 0.0) / (
            high if high > high2 else high2
        )

    def at_border(self, size: tuple[int, int]) -> bool:
        """Return whether the box reaches the edge of the frame, so that part of the object may be out of view."""
        return self.x1 <= 1 or self.y1 <= 1 or self.x2 >= size[0] - 1 or self.y2 >= size[1] - 1


class Scene:
    """The objects of the newest frame by phrase, with the recent history that their velocities need.

    Attributes:
        now_s: Seconds that have passed, see ``Clock``.
        pixels: The frame, uint8 (H, W, 3) BGR.
        sights: Objects in view by id.
        known: Ids of all tracks, in view or not.
    """

    def __init__(self) -> None:
        self.pixels: NDArray[np.uint8] = np.zeros((1, 1, 3), np.uint8)
        self.sights: dict[int, Sight] = {}
        self.known: set[int] = set()
        self._clock = Clock()
        self._phrases: dict[str, list[Sight]] = {}
        self._paths: dict[int, deque[tuple[float, float, float, float]]] = {}  # time, center, height

    @property
    def now_s(self) -> float:
        return self._clock.now_s

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the frame in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]

    def of(self, phrase: str) -> list[Sight]:
        """Return the objects in view that the phrase names."""
        return self._phrases.get(phrase, [])

    def update(self, tracks: Mapping[str, Track], frame: Frame) -> None:
        """Process the next frame and its tracks."""
        self._clock.tick(frame.time_s)
        self.pixels = frame.pixels
        if self._clock.gap:
            self._paths.clear()
        self.sights.clear()
        self._phrases = {}
        self.known = {track.id for track in tracks.values()}
        for track in tracks.values():
            if track.box is None:
                self._paths.pop(track.id, None)
                continue
            sight = Sight(
                track.id, track, track.query or track.name, *track.box.xyxy, track.status == "tracking"
            )
            sight.height = track.box.h
            self._measure(sight)
            self.sights[track.id] = sight
            self._phrases.setdefault(sight.phrase, []).append(sight)
        for id in self._paths.keys() - self.known:
            del self._paths[id]

    def _measure(self, sight: Sight) -> None:
        """Return the velocity: the displacement of the center within the window."""
        path = self._paths.setdefault(sight.id, deque())
        now_s, (x, y), height = self.now_s, sight.center, sight.y2 - sight.y1
        if sight.certain:
            path.append((now_s, x, y, height))
        while len(path) > 1 and now_s - path[1][0] >= WINDOW_S - 1e-9:
            path.popleft()
        if not sight.certain or not path or now_s - path[0][0] < SHORTEST_S - 1e-9:
            return
        then_s, x0, y0, height0 = path[0]
        seconds = now_s - then_s
        sight.velocity = ((x - x0) / seconds, (y - y0) / seconds)
        sight.height = (height + height0) / 2
