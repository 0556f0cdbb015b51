"""What happens to a sequence on its way to the tracker. `Stream` itself changes nothing."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetrack.evaluation.records import Burst
from edgetrack.types import Box, Track

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Condition:
    """A disturbance by name and severity; ``clean`` has none."""

    name: str = "clean"
    severity: int = 0  # 1..3; of `real-time` the frames a second
    draw: int = 0  # where chance is drawn more than once

    @property
    def label(self) -> str:
        parts = [
            self.name,
            str(self.severity) if self.severity else "",
            f"draw-{self.draw}" if self.draw else "",
        ]
        return "-".join(part for part in parts if part)


CLEAN = Condition()
OCCLUSION, REAL_TIME, SWITCH = "occlusion", "real-time", "switch"  # with tables of their own


@dataclass(frozen=True, slots=True)
class Step:
    """One frame as the tracker meets it."""

    pixels: Pixels  # (H, W, 3) BGR
    called: bool = True  # else the tracker is not asked and its last word stands
    scored: bool = True


class Stream:
    """One pass over one sequence, frame after frame from the first.

    Attributes:
        bursts: the occlusions, where there are any.
    """

    bursts: tuple[Burst, ...] = ()

    def box(self, box: Box, pixels: Pixels) -> Box:
        """The box that the tracker is given for the true one in the first frame."""
        return box

    def step(self, pixels: Pixels, index: int) -> Step:
        """The next frame; ``pixels`` are never written to."""
        return Step(pixels)

    def new_text(self, index: int) -> str | None:
        """What the tracker is told before this frame, where the target changes."""
        return None

    def answer(self, track: Track, index: int, *, milliseconds: float) -> Track:
        """What counts as the tracker's word on this frame.

        Args:
            track: its latest one.
            milliseconds: that it took on this frame; 0 where it was not called.
        """
        return track


def generator(seed: int, *names: str) -> np.random.Generator:
    """Random numbers that depend on the seed and the names alone: not on the order of runs."""
    return np.random.default_rng([seed, *(zlib.crc32(name.encode()) for name in names)])


class Chain(Stream):
    """Streams one after the other; the first is nearest to the scene. Each must call the tracker on every frame."""

    def __init__(self, streams: Sequence[Stream]) -> None:
        self._streams = streams
        self.bursts = tuple(burst for stream in streams for burst in stream.bursts)

    def step(self, pixels: Pixels, index: int) -> Step:
        for stream in self._streams:
            pixels = stream.step(pixels, index).pixels
        return Step(pixels)
