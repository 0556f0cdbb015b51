"""Whether a place in the picture still looks as it did: what a detector misses is not gone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgetrack.types import Box

CELLS = 8  # a side; their means are hardly changed by noise, or by a camera that shakes by a pixel
AROUND = 1.2  # times the box: what is around it tells a plain object from a plain floor
CONTRAST = 5.0  # gray levels; with less, nothing can be told
CHANGED = 0.5  # of the contrast; where something else is seen it is about 1


class Place:
    """What a place looks like in one frame of a fixed camera.

    Args:
        pixels: The frame, uint8 (H, W, 3).
        box: Where the object stands in it.
    """

    def __init__(self, pixels: NDArray[np.uint8], box: Box) -> None:
        self._shape = pixels.shape
        x, y = box.center
        w, h = AROUND * box.w, AROUND * box.h
        self._x, self._y = _cuts(x - w / 2, w, pixels.shape[1]), _cuts(y - h / 2, h, pixels.shape[0])
        self._cells = self._seen(pixels)
        self._contrast = float(np.abs(self._cells).mean())

    def looks_the_same(self, pixels: NDArray[np.uint8]) -> bool:
        """Whether it looks the same in another frame; False where that cannot be told.

        A change of the light that is the same everywhere does not count.
        """
        if self._contrast < CONTRAST or pixels.shape != self._shape:
            return False
        change = float(np.abs(self._seen(pixels) - self._cells).mean())
        return change <= CHANGED * self._contrast

    def _seen(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The means of all cells, less that of the place, float32 (rows, columns, 3)."""
        part = pixels[self._y[0] : self._y[-1], self._x[0] : self._x[-1]].astype(np.float32)
        sums = np.add.reduceat(
            np.add.reduceat(part, self._y[:-1] - self._y[0], 0), self._x[:-1] - self._x[0], 1
        )
        cells = sums / (np.diff(self._y)[:, None, None] * np.diff(self._x)[None, :, None])
        return np.asarray(cells - cells.mean((0, 1)), np.float32)


def _cuts(start: float, length: float, limit: int) -> NDArray[np.int64]:
    """Whole pixels inside of a picture that cut a length into cells, at least one."""
    first = min(max(int(start), 0), limit - 1)
    last = max(min(int(start + length), limit), first + 1)
    return np.unique(np.linspace(first, last, CELLS + 1).round().astype(np.int64))
