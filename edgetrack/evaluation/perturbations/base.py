"""What perturbs a sequence on its way to the tracker. `Perturbation` itself changes nothing."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgetrack.evaluation.types import Burst, Pixels
from edgetrack.types import Box, Track

Pair = tuple[Pixels | None, Pixels | None]  # color and the second sensor's picture; None where one is missing


@dataclass(frozen=True, slots=True)
class Step:
    """One frame as the tracker sees it."""

    pixels: Pixels  # (H, W, 3) BGR
    called: bool = True  # otherwise the tracker is not called and its last result stands
    scored: bool = True


class Perturbation:
    """One pass over one sequence, frame after frame from the first.

    Attributes:
        bursts: the occlusions, where there are any.
    """

    bursts: tuple[Burst, ...] = ()

    def box(self, box: Box, pixels: Pixels) -> Box:
        """Return the box that the tracker is given instead of the true one in the first frame."""
        return box

    def step(self, pixels: Pixels, index: int) -> Step:
        """Return the next frame; ``pixels`` are never written to."""
        return Step(pixels)

    def pair(self, color: Pixels, x: Pixels, index: int) -> Pair:
        """Return the frame's color, as `step` gave it, and the second sensor's picture, as far as they are there."""
        return color, x

    def new_prompt(self, index: int) -> str | None:
        """Return the new prompt to set before this frame, if the target changes."""
        return None

    def result(self, track: Track, index: int, *, milliseconds: float) -> Track:
        """Return what counts as the tracker's result on this frame.

        Args:
            track: its latest one.
            milliseconds: time it took on this frame; 0 if it was not called.
        """
        return track


def rng_for(seed: int, *names: str) -> np.random.Generator:
    """Return a generator that depends on the seed and the names alone, not on the order of runs."""
    return np.random.default_rng([seed, *(zlib.crc32(name.encode()) for name in names)])


class Chain(Perturbation):
    """Several perturbations, the one nearest to the scene first; each must call the tracker on every frame."""

    def __init__(self, parts: Sequence[Perturbation]) -> None:
        self._parts = parts
        self.bursts = tuple(burst for part in parts for burst in part.bursts)

    def step(self, pixels: Pixels, index: int) -> Step:
        for part in self._parts:
            pixels = part.step(pixels, index).pixels
        return Step(pixels)
