"""Comparison of the appearance of a place over time, because an object that the detector misses is not gone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgetrack.types import Box

CELLS = 8  # cells per side; their means are robust to noise and to a camera that shakes by a pixel
AROUND = 1.2  # scale of the box: the surroundings tell a plain object from a plain floor
CONTRAST = 5.0  # gray levels; with less contrast, places cannot be compared
CHANGED = 0.5  # relative to the contrast; about 1 if something else is there


class Place:
    """The appearance of a place in one frame of a fixed camera.

    Args:
        pixels: The frame, uint8 (H, W, 3).
        box: Box of the object in it.
    """

    def __init__(self, pixels: NDArray[np.uint8], box: Box) -> None:
        self._shape = pixels.shape
        x, y = box.center
        w, h = AROUND * box.w, AROUND * box.h
        self._x, self._y = _cuts(x - w / 2, w, pixels.shape[1]), _cuts(y - h / 2, h, pixels.shape[0])
        self._cells = self._seen(pixels)
        self._contrast = float(np.abs(self._cells).mean())

    def looks_the_same(self, pixels: NDArray[np.uint8]) -> bool:
        """Return whether it looks the same in another frame; False if that cannot be determined.

        A uniform change of brightness does not count.
        """
        if self._contrast < CONTRAST or pixels.shape != self._shape:
            return False
        change = float(np.abs(self._seen(pixels) - self._cells).mean())
        return change <= CHANGED * self._contrast

    def _seen(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the means of all cells minus that of the place, float32 (rows, columns, 3)."""
        part = pixels[self._y[0] : self._y[-1], self._x[0] : self._x[-1]].astype(np.float32)
        sums = np.add.reduceat(
            np.add.reduceat(part, self._y[:-1] - self._y[0], 0), self._x[:-1] - self._x[0], 1
        )
        cells = sums / (np.diff(self._y)[:, None, None] * np.diff(self._x)[None, :, None])
        return np.asarray(cells - cells.mean((0, 1)), np.float32)


def _cuts(start: float, length: float, limit: int) -> NDArray[np.int64]:
    """Return the pixel boundaries, inside of the picture, that divide a length into cells of at least one pixel."""
    first = min(max(int(start), 0), limit - 1)
    last = max(min(int(start + length), limit), first + 1)
    return np.unique(np.linspace(first, last, CELLS + 1).round().astype(np.int64))
