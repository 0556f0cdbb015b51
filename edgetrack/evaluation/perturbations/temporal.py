"""Perturbations of timing and of the start: dropped or frozen frames, real time, and an inexact first box."""

from __future__ import annotations

import numpy as np

from edgetrack.evaluation.perturbations.base import Perturbation, Step
from edgetrack.evaluation.types import Pixels
from edgetrack.types import Box, Track

FREEZE_PERIOD = 100  # frames from one freeze to the next


class FrameDrop(Perturbation):
    """A lower frame rate: only every second, third or fifth frame arrives, and only these are scored."""

    EVERY = (2, 3, 5)

    def __init__(self, severity: int) -> None:
        self._every = self.EVERY[severity - 1]

    def step(self, pixels: Pixels, index: int) -> Step:
        comes = index % self._every == 0
        return Step(pixels, called=comes, scored=comes)


class RandomDrop(Perturbation):
    """Frames are lost with probability 0.2, 0.4 or 0.6; the last box is scored in their place."""

    def __init__(self, severity: int, rng: np.random.Generator) -> None:
        self._lost, self._rng = (0.2, 0.4, 0.6)[severity - 1], rng

    def step(self, pixels: Pixels, index: int) -> Step:
        lost = self._rng.random() < self._lost
        return Step(pixels, called=index == 0 or not lost)


class Freeze(Perturbation):
    """The image freezes for 10, 20 or 40 frames, about every 100 frames, while the scene continues."""

    def __init__(self, severity: int, rng: np.random.Generator) -> None:
        self._length = (10, 20, 40)[severity - 1]
        self._begin = int(rng.integers(10, 21))
        self._still: Pixels | None = None

    def step(self, pixels: Pixels, index: int) -> Step:
        since = (index - self._begin) % FREEZE_PERIOD if index >= self._begin else self._length
        if since == 0:
            self._still = pixels.copy()
        frozen = since < self._length and self._still is not None
        return Step(self._still if frozen and self._still is not None else pixels)


class InitJitter(Perturbation):
    """The first box is off by up to 10, 20 or 30 % of its size, and up to e^0.1, e^0.2 or e^0.3 in scale.

    The center is clipped to the image, because users never point outside it and no tracker accepts that.
    """

    def __init__(self, severity: int, rng: np.random.Generator) -> None:
        self._shift = severity / 10 * rng.uniform(-1, 1, 2)
        self._scale = float(np.exp(severity / 10 * rng.uniform(-1, 1)))

    def box(self, box: Box, pixels: Pixels) -> Box:
        cx, cy = box.center
        cx, cy = cx + float(self._shift[0]) * box.w, cy + float(self._shift[1]) * box.h
        height, width = pixels.shape[:2]
        cx, cy = min(max(cx, 0.0), width - 1.0), min(max(cy, 0.0), height - 1.0)
        w, h = box.w * self._scale, box.h * self._scale
        return Box(cx - w / 2, cy - h / 2, w, h)


class RealTime(Perturbation):
    """Frames arrive at a fixed rate; those that arrive while the tracker is busy are dropped.

    Frame k is scored with the newest result that was ready when it arrived, so that latency costs accuracy (streaming
    accuracy, Li et al., "Towards streaming perception", ECCV 2020). The tracker's time is measured; the arrival of
    frames is simulated, without waiting.
    """

    def __init__(self, fps: int) -> None:
        self._period_ms = 1e3 / fps
        self._busy_until_ms = 0.0
        self._ready = Track(None, 0.0, "searching", 0)
        self._coming = self._ready

    def step(self, pixels: Pixels, index: int) -> Step:
        self._tick(index)
        return Step(pixels, called=self._busy_until_ms <= index * self._period_ms)

    def result(self, track: Track, index: int, *, milliseconds: float) -> Track:
        if milliseconds > 0:
            self._busy_until_ms, self._coming = index * self._period_ms + milliseconds, track
        return self._ready

    def _tick(self, index: int) -> None:
        if self._busy_until_ms <= index * self._period_ms:
            self._ready = self._coming
