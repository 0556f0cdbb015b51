"""The base class of perturbations, which change what a tracker sees. `Perturbation` itself changes nothing."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgetrack.evaluation.types import Burst, Pixels
from edgetrack.types import Box, Track

Pair = tuple[Pixels | None, Pixels | None]  # color image and second sensor's image; None if missing


@dataclass(frozen=True, slots=True)
class Step:
    """One frame as the tracker sees it."""

    pixels: Pixels  # (H, W, 3) BGR
    called: bool = True  # otherwise the tracker is not called and its last result is repeated
    scored: bool = True


class Perturbation:
    """The perturbation of one pass over one sequence, frame by frame from the first one.

    Attributes:
        bursts: the occlusions, if any.
    """

    bursts: tuple[Burst, ...] = ()

    def box(self, box: Box, pixels: Pixels) -> Box:
        """Return the box that the tracker gets instead of the true one in the first frame."""
        return box

    def step(self, pixels: Pixels, index: int) -> Step:
        """Return the next frame; ``pixels`` is never modified."""
        return Step(pixels)

    def pair(self, color: Pixels, x: Pixels, index: int) -> Pair:
        """Return the color image, as returned by `step`, and the second sensor's image; None for a missing one."""
        return color, x

    def new_prompt(self, index: int) -> str | None:
        """Return the new prompt to set before this frame, if the target changes."""
        return None

    def result(self, track: Track, index: int, *, milliseconds: float) -> Track:
        """Return the result that is scored on this frame.

        Args:
            track: the tracker's latest result.
            milliseconds: time that the tracker took on this frame; 0 if it was not called.
        """
        return track


def rng_for(seed: int, *names: str) -> np.random.Generator:
    """Return a random generator that depends only on the seed and the names, not on the order of runs."""
    return np.random.default_rng([seed, *(zlib.crc32(name.encode()) for name in names)])


class Chain(Perturbation):
    """Several perturbations in a row, the one closest to the scene first; none may skip frames."""

    def __init__(self, parts: Sequence[Perturbation]) -> None:
        self._parts = parts
        self.bursts = tuple(burst for part in parts for burst in part.bursts)

    def step(self, pixels: Pixels, index: int) -> Step:
        for part in self._parts:
            pixels = part.step(pixels, index).pixels
        return Step(pixels)
