"""Tracking and measurement of the objects in view."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edgetrack.types import Box, Track
from edgetrack.unusual.features import OF_OBJECTS, Measured, Vector
from edgetrack.unusual.foreground import Blob, Pixels, mean_color

FORGET_S = 1.0  # longest time for which an object may be missing
SMOOTH_S = 0.4  # time constant of velocities
YOUNG_S = (
    0.4  # time after its start, or after such a change, in which an object has no velocity and is not scored
)
REACH = 1.0  # largest distance of an object from its prediction, in its own sizes
SUDDEN = 1.6  # factor on the area when patches merge or split, which is not motion
APART = 0.15  # smallest distance between two vectors of a trail
TRAIL = 64  # most vectors of a trail, by family
COVERED = 0.5  # fraction of a blob's area covered by a track's box from which they are the same object


@dataclass(frozen=True, slots=True)
class Detection:
    """An object in one frame; ``key`` is the number of its track, None for a blob."""

    box: Box
    color: tuple[float, float, float]
    key: int | None = None
    name: str = ""


@dataclass(slots=True)
class Object:
    """A tracked object.

    Attributes:
        detection: the last one.
        since_s: time of the first frame.
        seen_s: time of the last frame.
        learned_s: time until which it was learned.
        steady_since_s: time of the last sudden change of its area.
        levels: (families,) smoothed distances from the known centers.
        trail: feature vectors to learn, by family.
    """

    detection: Detection
    since_s: float
    seen_s: float
    learned_s: float
    steady_since_s: float
    velocity: tuple[float, float] = (0.0, 0.0)
    anchor: tuple[float, float] = (0.0, 0.0)
    still_since_s: float = 0.0
    levels: NDArray[np.float64] = field(default_factory=lambda: np.zeros(len(OF_OBJECTS)))
    trail: list[list[Vector]] = field(default_factory=lambda: [[] for _ in OF_OBJECTS])

    def move(self, detection: Detection, time_s: float) -> None:
        """Update the position of the object."""
        step_s = time_s - self.seen_s
        (x0, y0), (x1, y1) = self.detection.box.center, detection.box.center
        areas = [one.w * one.h for one in (self.detection.box, detection.box)]
        if max(areas) >= SUDDEN * min(areas):
            self.steady_since_s = time_s
        elif step_s > 0:
            # A mean of all steps at first, then an exponentially weighted one.
            share = 1 - math.exp(-step_s / min(SMOOTH_S, max(time_s - self.steady_since_s, step_s)))
            if self.seen_s == self.steady_since_s:
                share = 1.0
            right, down = self.velocity
            now = (x1 - x0) / step_s, (y1 - y0) / step_s
            self.velocity = right + share * (now[0] - right), down + share * (now[1] - down)
        self.detection, self.seen_s = detection, time_s
        if math.dist(self.anchor, (x1, y1)) > 0.5 * max(detection.box.w, detection.box.h):
            self.anchor, self.still_since_s = (x1, y1), time_s

    @property
    def steady(self) -> bool:
        """Whether it has been the same object for long enough to be scored."""
        return self.seen_s - self.steady_since_s >= YOUNG_S

    def measure(self, width: int) -> Measured:
        """Return its features, relative to the frame's width."""
        box = self.detection.box
        right, down = self.velocity
        return Measured(
            x=box.center[0] / width,
            y=box.xyxy[3] / width,
            w=box.w / width,
            h=box.h / width,
            right=right / width,
            down=down / width,
            still_s=self.seen_s - self.still_since_s,
            color=self.detection.color,
        )

    def remember(self, made: Sequence[Vector]) -> None:
        """Keep the vectors that differ from those kept last."""
        for trail, vector in zip(self.trail, made, strict=True):
            if not trail or (len(trail) < TRAIL and math.dist(trail[-1], vector) > APART):
                trail.append(vector)


def detections(blobs: Iterable[Blob], tracks: Iterable[Track], pixels: Pixels) -> list[Detection]:
    """Return the tracks with a box in the picture and the blobs that none of them covers, in a fixed order."""
    height, width = pixels.shape[:2]
    picture = Box(0.0, 0.0, float(width), float(height))
    found = []
    for track in sorted(tracks, key=lambda one: one.id):
        if track.box is not None and picture.coverage(track.box) > 0:
            color = mean_color(pixels, track.box)
            found.append(Detection(track.box, color, track.id, track.name))
    boxes = [one.box for one in found]
    for blob in blobs:
        if not any(box.coverage(blob.box) >= COVERED for box in boxes):
            found.append(Detection(blob.box, blob.color))
    return found


def follow(objects: list[Object], found: Sequence[Detection], time_s: float) -> list[Object]:
    """Assign each detection to an object, or start a new object; return the objects that have ended."""
    left = _continue(objects, found, time_s)
    for detection in left:
        center = detection.box.center
        objects.append(Object(detection, time_s, time_s, time_s, time_s, anchor=center, still_since_s=time_s))
    ended = [one for one in objects if time_s - one.seen_s > FORGET_S]
    objects[:] = [one for one in objects if time_s - one.seen_s <= FORGET_S]
    return ended


def _continue(objects: list[Object], found: Sequence[Detection], time_s: float) -> list[Detection]:
    """Move objects to their detections, nearest pairs first; return the remaining detections."""
    pairs = []
    for i, one in enumerate(objects):
        for j, detection in enumerate(found):
            cost = _distance(one, detection, time_s)
            if cost <= REACH:
                pairs.append((cost, i, j))
    moved: set[int] = set()
    taken: set[int] = set()
    for _, i, j in sorted(pairs):
        if i not in moved and j not in taken:
            objects[i].move(found[j], time_s)
            moved.add(i)
            taken.add(j)
    return [detection for j, detection in enumerate(found) if j not in taken]


def _distance(one: Object, detection: Detection, time_s: float) -> float:
    """Return the distance of a detection from the prediction of an object, in sizes; infinity if it cannot match."""
    if one.detection.key is not None or detection.key is not None:
        return 0.0 if one.detection.key == detection.key else math.inf
    step_s = time_s - one.seen_s
    x, y = one.detection.box.center
    expected = x + step_s * one.velocity[0], y + step_s * one.velocity[1]
    box = one.detection.box
    size = (max(box.w, box.h) + max(detection.box.w, detection.box.h)) / 2
    return math.dist(expected, detection.box.center) / size
