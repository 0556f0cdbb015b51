"""Frames and odds for the engine that throws dice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgetrack._native import runtime

EVEN = (1 / 6,) * 6


CALM = (0.02, 0.03, 0.05, 0.1, 0.3, 0.5)


FADING = (0.5, 0.3, 0.1, 0.05, 0.03, 0.02)


class Tokens:
    """Texts are numbers here: "7" is seven tokens."""

    def __init__(self, _: object) -> None: ...

    def encode(self, text: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        mask = (np.arange(24) < int(text)).astype(np.float32)[None]
        return (mask * int(text)).astype(np.int64), mask

    def text(self, text: str) -> runtime.Text:
        return runtime.Text(*self.encode(text))


def frames(seed: int, count: int) -> list[NDArray[np.uint8]]:
    """Noise of one odd size; enough to show which region was cropped."""
    dice = np.random.default_rng(seed)
    height, width = (int(v) for v in dice.integers(40, 120, 2))
    return [dice.integers(0, 256, (height, width, 3), dtype=np.uint8) for _ in range(count)]
