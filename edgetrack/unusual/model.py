"""The model of normal: it scores each frame by comparison with what it has learned, and then learns from the frame."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgetrack.errors import FrameError
from edgetrack.types import Box, Frame, Track
from edgetrack.unusual import features, objects
from edgetrack.unusual.bank import Bank
from edgetrack.unusual.calibration import Calibration, Threshold
from edgetrack.unusual.features import CROWD, FAMILIES, NAMES, OF_OBJECTS
from edgetrack.unusual.foreground import SETTLE_S, Foreground
from edgetrack.unusual.objects import Object

MIN_STEP_S = 0.095  # between two scored frames: ten per second are enough, and cost a third of thirty
GAP_S = 5.0  # after a longer pause, all objects are new
LEVEL_S = 1.0  # time constant with which distances are smoothed
LEARN_S = 60.0  # time after which an object that is still in view is learned, too
GRID = (9, 16)  # rows and columns of the map of activity


@dataclass(frozen=True, slots=True)
class Region:
    """An object in a frame, and how unusual it is.

    Attributes:
        box: where it is, in pixels of the frame.
        score: 1 is as unusual as the most unusual object of every tenth minute.
        feature: the family of features that deviates most: "place", "size", "motion", "stay", "look" or "crowd".
        name: of the track, or "object".
        explanation: the unusual feature, in one sentence.
    """

    box: Box
    score: float
    feature: str
    name: str
    explanation: str


@dataclass(frozen=True, slots=True)
class Assessment:
    """The model's assessment of a frame.

    Attributes:
        time_s: time of the frame.
        score: score of the most unusual region; 0 without one, and while there is too little data.
        regions: all objects in view, most unusual first.
    """

    time_s: float
    score: float
    regions: tuple[Region, ...]


class NormalModel:
    """Learns what is normal in the view of a fixed camera, and scores how unusual a frame is.

    Args:
        block_s: seconds of a block, whose largest score counts once; use less than 60 only if all data is short.

    Attributes:
        learning: whether the model learns from frames; initially True.
        seconds: seconds of learned data.
        activity: (9, 16) float64, seconds for which an object was in each part of the picture.

    Raises:
        ConfigError: ``block_s`` is not a number above 0.
        MissingExtra: OpenCV is not installed.
    """

    def __init__(self, *, block_s: float = 60.0) -> None:
        self.learning = True
        self.seconds = 0.0
        self.activity: NDArray[np.float64] = np.zeros(GRID)
        self.banks = [Bank(family.length, located=family.located) for family in FAMILIES]
        self.calibration = Calibration(len(FAMILIES), block_s)
        self.foreground = Foreground()
        self._objects: list[Object] = []
        self._crowd_level = 0.0
        self._crowd_trail: list[features.Vector] = []
        self._crowd_since_s = 0.0
        self._last = Assessment(0.0, 0.0, ())
        self._begun = False

    def update(self, frame: Frame, tracks: Iterable[Track] = ()) -> Assessment:
        """Score a frame, then learn from it.

        Frames within a tenth of a second after a scored one get its assessment.

        Args:
            frame: the next frame, with its time.
            tracks: tracks of a tracker in this frame; other moving objects are found by the model.

        Raises:
            FrameError: the pixels are not uint8 (H, W, 3).
        """
        _check(frame)
        step_s = frame.time_s - self._last.time_s
        if not self._begun or not 0 <= step_s <= GAP_S:
            self.finish()
            step_s, self._begun = 0.0, True
        elif step_s < MIN_STEP_S:
            return self._last
        blobs = self.foreground.find(frame.pixels, step_s)
        found = objects.detections(blobs, tracks, frame.pixels)
        ended = objects.follow(self._objects, found, frame.time_s)
        self._last = self._assess(frame, step_s)
        self._learn(ended)
        return self._last

    def threshold(self, *, per_day: float = 1.0) -> Threshold:
        """Return the score that normal activity exceeds ``per_day`` times per day, as far as it can be estimated.

        Raises:
            ConfigError: ``per_day`` is not a number above 0.
        """
        return self.calibration.threshold(per_day)

    def finish(self) -> None:
        """Learn the objects in view and end their tracks, because the next frame is another scene or another time."""
        self._learn(self._objects)
        self._objects = []
        self._learn_crowd()
        self._crowd_level = 0.0

    def save(self, path: str | Path) -> None:
        """Write the learned state to a file, atomically.

        Raises:
            SinkError: the file cannot be written.
        """
        from edgetrack.unusual.state import save

        save(self, Path(path))

    @classmethod
    def load(cls, path: str | Path) -> NormalModel:
        """Read a learned state from a file.

        Raises:
            StateError: the file is missing, damaged, foreign or newer.
        """
        from edgetrack.unusual.state import load

        return load(Path(path))

    def _assess(self, frame: Frame, step_s: float) -> Assessment:
        height, width = frame.pixels.shape[:2]
        settled = self.foreground.seconds >= SETTLE_S
        seen = [
            one
            for one in self._objects
            if one.seen_s == frame.time_s and one.seen_s - one.since_s >= objects.YOUNG_S
        ]
        made = [features.vectors(one.measure(width)) for one in seen]
        self._raise_levels(seen, made, step_s)
        crowd = _crowd_vector(seen, width, height)
        share = 1 - np.exp(-step_s / LEVEL_S)
        self._crowd_level += share * (self.banks[CROWD].distances(crowd[None])[0] - self._crowd_level)
        levels = np.zeros((len(seen) + 1, len(FAMILIES)))
        for row, one in zip(levels, seen, strict=False):
            row[:CROWD] = one.levels
        levels[-1, CROWD] = self._crowd_level
        regions = self._regions(seen, made, crowd, levels, width)
        if self.learning and settled:
            self.seconds += step_s
            self.calibration.record(levels, step_s)
            self._remember(seen, made, crowd, frame, step_s)
        score = regions[0].score if regions and settled else 0.0
        return Assessment(frame.time_s, score, regions)

    def _raise_levels(self, seen: list[Object], made: list[list[features.Vector]], step_s: float) -> None:
        if not seen:
            return
        share = 1 - np.exp(-step_s / LEVEL_S)
        for index in range(len(OF_OBJECTS)):
            distances = self.banks[index].distances(np.stack([vectors[index] for vectors in made]))
            for one, distance in zip(seen, distances, strict=True):
                if one.steady:
                    one.levels[index] += share * (distance - one.levels[index])

    def _regions(
        self,
        seen: list[Object],
        made: list[list[features.Vector]],
        crowd: features.Vector,
        levels: NDArray[np.float64],
        width: int,
    ) -> tuple[Region, ...]:
        scores = levels / self.calibration.units
        found = []
        for one, vectors, row in zip(seen, made, scores, strict=False):
            best = int(row.argmax())
            name = one.detection.name or "object"
            why = self._explain(best, vectors[best], width) if row[best] > 1 else "is as usual"
            found.append(Region(one.detection.box, float(row[best]), NAMES[best], name, f"{name} {why}"))
        if seen and scores[-1, CROWD] > max((region.score for region in found), default=0.0):
            why = self._explain(CROWD, crowd, width)
            box = _around([one.detection.box for one in seen])
            found.append(Region(box, float(scores[-1, CROWD]), NAMES[CROWD], "object", f"object {why}"))
        return tuple(sorted(found, key=lambda region: -region.score))

    def _explain(self, index: int, vector: features.Vector, width: int) -> str:
        family = FAMILIES[index]
        usual = self.banks[index].usual(vector, dimensions=2 if family.located else family.length)
        return features.explain(family, vector, usual, width)

    def _remember(
        self,
        seen: list[Object],
        made: list[list[features.Vector]],
        crowd: features.Vector,
        frame: Frame,
        step_s: float,
    ) -> None:
        height, width = frame.pixels.shape[:2]
        for one, vectors in zip(seen, made, strict=True):
            if one.steady:
                one.remember(vectors)
            x, y = one.detection.box.center[0], one.detection.box.xyxy[3]
            row = int(np.clip(GRID[0] * y / height, 0, GRID[0] - 1))
            column = int(np.clip(GRID[1] * x / width, 0, GRID[1] - 1))
            self.activity[row, column] += step_s
            if frame.time_s - one.learned_s > LEARN_S:
                self._learn([one])
                one.learned_s = frame.time_s
        if not self._crowd_trail or (self._crowd_trail[-1] != crowd).any():
            self._crowd_trail.append(crowd)
        if frame.time_s - self._crowd_since_s > LEARN_S or frame.time_s < self._crowd_since_s:
            self._learn_crowd()
            self._crowd_since_s = frame.time_s

    def _learn(self, ended: Iterable[Object]) -> None:
        """Add the features of objects to the model; each object counts once."""
        for one in ended:
            for bank, trail in zip(self.banks, one.trail, strict=False):
                if trail:
                    bank.learn(np.stack(trail))
                    trail.clear()

    def _learn_crowd(self) -> None:
        if self._crowd_trail:
            self.banks[CROWD].learn(np.stack(self._crowd_trail))
            self._crowd_trail = []


def _crowd_vector(seen: list[Object], width: int, height: int) -> features.Vector:
    covered = sum(one.detection.box.w * one.detection.box.h for one in seen)
    return features.crowd_vector(len(seen), min(covered / (width * height), 1.0))


def _around(boxes: list[Box]) -> Box:
    edges = np.array([box.xyxy for box in boxes])
    return Box.from_xyxy(*edges[:, :2].min(axis=0), *edges[:, 2:].max(axis=0))


def _check(frame: Frame) -> None:
    pixels = frame.pixels
    if not (
        isinstance(pixels, np.ndarray)
        and pixels.dtype == np.uint8
        and pixels.ndim == 3
        and pixels.shape[2] == 3
    ):
        shape, dtype = getattr(pixels, "shape", None), getattr(pixels, "dtype", type(pixels).__name__)
        raise FrameError(f"the frame is {dtype} {shape}; expected uint8 (height, width, 3), BGR")
    if min(pixels.shape[:2]) < 8:
        raise FrameError(
            f"the frame has {pixels.shape[1]} x {pixels.shape[0]} pixels; expected 8 x 8 or more"
        )
