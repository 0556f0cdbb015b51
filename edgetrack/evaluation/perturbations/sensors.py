"""Simulated failures in pairs of sensors, by name and severity; no tracker has published such a protocol.

=========================== ==============================================================================
``x-missing``               no image from the second sensor
``x-drops``                 each image is lost with probability 0.1, 0.3, 0.5
``x-bursts``                images are lost for 5, 20, 60 frames in every 100
``x-frozen``                the last image is repeated for 5, 20, 60 frames in every 100
``x-blank``                 black image with dark noise (standard deviation 1 gray level)
``x-patches``               30, 50, 70 % of the patches of 16 x 16 pixels are gray, drawn anew in each frame
``x-noise``                 Gaussian noise, standard deviation 0.2
``x-lag``                   the image from 1, 3, 5 frames ago
``x-shift``                 shifted by 8, 16, 32 pixels in a direction drawn once per sequence
``color-...``               the same for color, without lag and shift, because the boxes are those of color
``color-night``             5, 2, 1 % of the light before a gamma of 2.2, with photon and read noise
``color-smoke``             haze with a transmission of 0.3, 0.15, 0.07 (Koschmieder), uneven and drifting
``alternating``             each frame has only one of the two images, drawn at random
``drops``                   each image is lost with probability 0.1, 0.3, 0.5, but never both
``bursts``                  one image, drawn for each burst, is lost for 5, 20, 60 frames in every 100
``patches``                 30, 50, 70 % of the patches are gray in one of the images, drawn at random
=========================== ==============================================================================

The first frame is intact, as if the target had been selected by hand, unless the request says otherwise.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np

from edgetrack.evaluation.perturbations.base import Pair, Perturbation
from edgetrack.evaluation.perturbations.corruptions import GAMMA, Unit, pixels_of, sampled, smooth_noise, unit
from edgetrack.evaluation.types import FAILURES, Bools, Pixels
from edgetrack.io.opencv import load_cv2

PERIOD = 100  # frames from one burst to the next
_FIRST_BURST = 10  # earliest frame of the first burst
_CELL = 16  # side of a patch in pixels
_GRAY = 128
_BOTH = ("alternating", "drops", "bursts", "patches")
Fault = Callable[[Pixels, int], Pixels | None]  # (pixels, index) -> the damaged image, or None
Random = np.random.Generator


class SensorFailure(Perturbation):
    """One failure, applied to every frame.

    Args:
        name: a key of `FAILURES`.
        severity: number of its level, from 1.
        rng: random generator.
        first: whether the first frame, from which the tracker takes its template, is affected, too.
    """

    def __init__(self, name: str, severity: int, *, rng: Random, first: bool) -> None:
        self._name, self._level, self._first = name, FAILURES[name][severity - 1], first
        self._rng, self._begin = rng, int(rng.integers(_FIRST_BURST, 2 * _FIRST_BURST + 1))
        self._lost = 0  # index of the image that is lost in a burst
        side, _, kind = name.partition("-")
        self._side = ("color", "x").index(side) if name not in _BOTH else None
        self._fault = None if self._side is None else self._opened(kind)

    def pair(self, color: Pixels, x: Pixels, index: int) -> Pair:
        pictures: list[Pixels | None] = [color, x]
        whole = index == 0 and not self._first
        if self._side is None:
            return (color, x) if whole else self._of_both(color, x, index)
        assert self._fault is not None
        seen = self._fault((color, x)[self._side], index)  # always: lag and freezing need the first frame
        if not whole:
            pictures[self._side] = seen
        return pictures[0], pictures[1]

    def _of_both(self, color: Pixels, x: Pixels, index: int) -> Pair:
        rng = self._rng
        if self._name == "patches":
            masked = _cells(color, rng) < self._level
            first = rng.random(masked.shape) < 0.5
            return _gray(color, masked & first), _gray(x, masked & ~first)
        if self._name == "alternating":
            lost = {int(rng.integers(2))}
        elif self._name == "drops":
            drawn = {i for i in range(2) if rng.random() < self._level}
            lost = drawn if len(drawn) < 2 else {int(rng.integers(2))}
        else:
            if index >= self._begin and (index - self._begin) % PERIOD == 0:
                self._lost = int(rng.integers(2))
            lost = {self._lost} if self._in_burst(index) else set()
        return None if 0 in lost else color, None if 1 in lost else x

    def _opened(self, kind: str) -> Fault:
        level, rng = self._level, self._rng
        held: deque[Pixels] = deque(maxlen=1 + int(level))
        return {
            "missing": lambda pixels, i: None,
            "drops": lambda pixels, i: None if rng.random() < level else pixels,
            "bursts": lambda pixels, i: None if self._in_burst(i) else pixels,
            "frozen": lambda pixels, i: self._frozen(pixels, i, held),
            "blank": lambda pixels, i: pixels_of(_normal(pixels, rng) / 255),
            "patches": lambda pixels, i: _gray(pixels, _cells(pixels, rng) < level),
            "noise": lambda pixels, i: pixels_of(unit(pixels) + level * _normal(pixels, rng)),
            "lag": lambda pixels, i: _late(pixels, held),
            "shift": _shift(level, rng),
            "night": _night(level, rng),
            "smoke": _smoke(level, rng),
        }[kind]

    def _in_burst(self, index: int) -> bool:
        return index >= self._begin and (index - self._begin) % PERIOD < self._level

    def _frozen(self, pixels: Pixels, index: int, held: deque[Pixels]) -> Pixels:
        if not self._in_burst(index):
            held.clear()
            return pixels
        if not held:
            held.append(pixels.copy())
        return held[0]


def _normal(pixels: Pixels, rng: Random) -> Unit:
    return rng.standard_normal(pixels.shape, np.float32)


def _cells(pixels: Pixels, rng: Random) -> np.ndarray:
    """Return a random number 0..1 for each patch."""
    return rng.random((-(-pixels.shape[0] // _CELL), -(-pixels.shape[1] // _CELL)))


def _gray(pixels: Pixels, cells: Bools) -> Pixels:
    out: Pixels = pixels.copy()
    out[cells.repeat(_CELL, 0).repeat(_CELL, 1)[: out.shape[0], : out.shape[1]]] = _GRAY
    return out


def _late(pixels: Pixels, held: deque[Pixels]) -> Pixels:
    held.append(pixels.copy())
    return held[0]


def _shift(level: float, rng: Random) -> Fault:
    angle = rng.uniform(0, 2 * np.pi)
    matrix = np.array([[1, 0, level * np.cos(angle)], [0, 1, level * np.sin(angle)]])

    def moved(pixels: Pixels, index: int) -> Pixels:
        del index
        cv2 = load_cv2()
        size = (pixels.shape[1], pixels.shape[0])
        return np.asarray(cv2.warpAffine(pixels, matrix, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)

    return moved


def _night(level: float, rng: Random) -> Fault:
    """Low light on a sensor with a full well of 1000 electrons and a read noise of 2 gray levels."""

    def exposed(levels: Pixels) -> Pixels:
        light = unit(levels) ** GAMMA * level
        seen = rng.poisson(light * 1000) / 1000 + rng.normal(0, 2 / 255, levels.shape)
        return pixels_of(np.clip(seen, 0, 1) ** (1 / GAMMA))

    night = sampled(exposed, rng)
    return lambda pixels, index: night(pixels)


def _smoke(level: float, rng: Random) -> Fault:
    drift = rng.uniform(-2, 2, 2)
    fields: dict[tuple[int, int], np.ndarray] = {}

    def hazed(pixels: Pixels, index: int) -> Pixels:
        shape = (pixels.shape[0], pixels.shape[1])
        if shape not in fields:
            fields[shape] = smooth_noise(*shape, rng)
        y, x = (int(v) for v in drift * index)
        through = np.clip(level * (1 + 0.5 * np.roll(fields[shape], (y, x), (0, 1))), 0, 1)[..., None]
        return pixels_of(unit(pixels) * through + 0.7 * (1 - through) + 2 / 255 * _normal(pixels, rng))

    return hazed
