"""Detectors of unusual events: edgetrack's model of normal activity, and simple baselines that it has to beat."""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edgetrack.io.opencv import load_cv2
from edgetrack.types import Box, Frame
from edgetrack.unusual import Assessment, NormalModel, Region
from edgetrack.unusual.calibration import Calibration
from edgetrack.unusual.model import LEVEL_S

Floats = NDArray[np.float64]

GRID = (9, 16)  # rows and columns of the grid of the baselines
SIZE = (160, 90)  # width and height in pixels to which they shrink a frame
SMOOTH_S = LEVEL_S  # smoothing of their scores, the same as in NormalModel
PEAKS = 3  # regions reported per frame
COMPONENTS = 20  # principal components of the reconstruction
SAMPLES = 1024  # frames to which it is fitted


class Detector(Protocol):
    """The methods that an evaluation calls."""

    def begin(self) -> None:
        """Begin a new clip: the next frame does not follow the last one."""

    def learn(self, frame: Frame) -> None:
        """Learn from a frame of normal activity."""

    def assess(self, frame: Frame) -> Assessment:
        """Score a frame without learning from it."""

    def limit(self, per_day: float) -> float:
        """Return the score that normal activity exceeds ``per_day`` times per day."""


class Normal:
    """edgetrack's model of normal activity."""

    def __init__(self, block_s: float) -> None:
        self.model = NormalModel(block_s=block_s)

    def begin(self) -> None:
        """Forget the positions of all objects."""
        self.model.finish()

    def learn(self, frame: Frame) -> None:
        """Learn from a frame of normal activity."""
        self.model.learning = True
        self.model.update(frame)

    def assess(self, frame: Frame) -> Assessment:
        """Score a frame."""
        self.model.learning = False
        return self.model.update(frame)

    def limit(self, per_day: float) -> float:
        """Return the score that normal activity exceeds ``per_day`` times per day."""
        return self.model.threshold(per_day=per_day).score


class _Map:
    """A detector that computes one number for each cell of the image and uses the largest one as the score."""

    def __init__(self, block_s: float) -> None:
        self.cv2: Any = load_cv2()
        self._calibration = Calibration(1, block_s)
        self.begin()

    def begin(self) -> None:
        """Forget the previous frame."""
        self.before: NDArray[np.uint8] | None = None
        self._level = np.zeros(GRID)
        self._time_s = math.nan

    def learn(self, frame: Frame) -> None:
        """Calibrate on a frame of normal activity."""
        step_s = self._step(frame)
        self._calibration.record(np.array([[self._level.max()]]), step_s)

    def assess(self, frame: Frame) -> Assessment:
        """Score a frame."""
        self._step(frame)
        unit = float(self._calibration.units[0])
        unit = unit if math.isfinite(unit) else 1.0
        regions = self._regions(frame.pixels.shape[1], frame.pixels.shape[0], unit)
        return Assessment(frame.time_s, regions[0].score, regions)

    def limit(self, per_day: float) -> float:
        """Return the score that normal activity exceeds ``per_day`` times per day."""
        return self._calibration.threshold(per_day).score

    def measure(self, gray: NDArray[np.uint8]) -> Floats:
        """Return a number for each cell of the image, (9, 16)."""
        raise NotImplementedError

    def _step(self, frame: Frame) -> float:
        gray = self.cv2.cvtColor(frame.pixels, self.cv2.COLOR_BGR2GRAY)
        gray = self.cv2.resize(gray, SIZE, interpolation=self.cv2.INTER_AREA)
        values = np.zeros(GRID) if self.before is None else self.measure(gray)
        step_s = frame.time_s - self._time_s if self.before is not None else 0.0
        self._level += (1 - math.exp(-step_s / SMOOTH_S)) * (values - self._level)
        self.before, self._time_s = gray, frame.time_s
        return step_s

    def _regions(self, width: int, height: int, unit: float) -> tuple[Region, ...]:
        """Return the regions around the highest cells: each cell with its neighbors, without adjacent maxima."""
        left, found = self._level.copy(), []
        cell = width / GRID[1], height / GRID[0]
        for _ in range(PEAKS):
            row, column = divmod(int(left.argmax()), GRID[1])
            score = float(left[row, column]) / unit
            top, start = max(row - 1, 0), max(column - 1, 0)
            bottom, end = min(row + 2, GRID[0]), min(column + 2, GRID[1])
            box = Box.from_xyxy(start * cell[0], top * cell[1], end * cell[0], bottom * cell[1])
            found.append(Region(box, max(score, 0.0), "energy", "cell", ""))
            left[top:bottom, start:end] = -1
        return tuple(found)


class FrameDifference(_Map):
    """Mean absolute difference from the previous frame."""

    def measure(self, gray: NDArray[np.uint8]) -> Floats:
        """Return the difference of each cell in gray levels."""
        return _cells(self.cv2.absdiff(gray, self.before))


class FlowEnergy(_Map):
    """Mean length of the optical flow (DIS: Kroeger et al., "Fast optical flow using dense inverse search", 2016)."""

    def __init__(self, block_s: float) -> None:
        super().__init__(block_s)
        self._flow = self.cv2.DISOpticalFlow_create(self.cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)

    def measure(self, gray: NDArray[np.uint8]) -> Floats:
        """Return the flow of each cell in pixels per frame."""
        flow = self._flow.calc(self.before, gray, None)
        return _cells(np.hypot(flow[..., 0], flow[..., 1]))


class Reconstruction(_Map):
    """Residual of a frame after its projection onto the principal components of normal frames (PCA)."""

    def __init__(self, block_s: float) -> None:
        super().__init__(block_s)
        self._samples: list[Floats] = []
        self._every, self._seen, self._fitted = 1, 0, 0
        self._mean: Floats = np.zeros((SIZE[0] // 4) * (SIZE[1] // 4))
        self._axes: Floats = np.zeros((0, len(self._mean)))

    def learn(self, frame: Frame) -> None:
        """Keep a sample of the frames, and fit again whenever their number has doubled."""
        super().learn(frame)
        if self._seen % self._every == 0 and self.before is not None:
            self._samples.append(self._vector(self.before))
            if len(self._samples) >= 2 * max(self._fitted, 16):
                self._fit()
            if len(self._samples) >= SAMPLES:
                self._samples, self._every = self._samples[::2], 2 * self._every
        self._seen += 1

    def measure(self, gray: NDArray[np.uint8]) -> Floats:
        """Return the squared residual of each cell in squared gray levels."""
        away = self._vector(gray) - self._mean
        error = (away - self._axes.T @ (self._axes @ away)) ** 2
        return _cells(error.reshape(SIZE[1] // 4, SIZE[0] // 4).astype(np.float32))

    def _vector(self, gray: NDArray[np.uint8]) -> Floats:
        small = self.cv2.resize(gray, (SIZE[0] // 4, SIZE[1] // 4), interpolation=self.cv2.INTER_AREA)
        return np.asarray(small, np.float64).ravel()

    def _fit(self) -> None:
        data = np.stack(self._samples)
        self._fitted = len(data)
        self._mean = data.mean(axis=0)
        self._axes = np.linalg.svd(data - self._mean, full_matrices=False)[2][:COMPONENTS]


DETECTORS: dict[str, type[Normal | _Map]] = {
    "edgetrack": Normal,
    "frame difference": FrameDifference,
    "flow energy": FlowEnergy,
    "PCA reconstruction": Reconstruction,
}


def _cells(picture: Any) -> Floats:
    """Return the mean of each cell of an image, (9, 16)."""
    size = (GRID[1], GRID[0])
    return np.asarray(load_cv2().resize(picture, size, interpolation=load_cv2().INTER_AREA), np.float64)
