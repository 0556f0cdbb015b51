"""Rotation of a frame by 90 degrees, so that a detector of upright objects finds objects that lie on their side.

A turn is 0, 1 or -1 quarters counterclockwise, as for ``numpy.rot90``: with 1, an object that lies with its head to the
right becomes upright, and with -1, one with its head to the left.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgetrack.types import Box


def turned(pixels: NDArray[np.uint8], turn: int) -> NDArray[np.uint8]:
    """Rotate a frame, uint8 (H, W, 3) -> (W, H, 3); with turn 0 it is returned unchanged."""
    return np.ascontiguousarray(np.rot90(pixels, turn)) if turn else pixels


def turned_back(box: Box, turn: int, size: tuple[int, int]) -> Box:
    """Map a box of the rotated frame to the original frame of (width, height) pixels."""
    x, y, w, h = box.xywh
    if turn == 0:
        return box
    return Box(size[0] - y - h, x, h, w) if turn == 1 else Box(y, size[1] - x - w, h, w)


def about_feet(box: Box, before: int, now: int) -> Box:
    """Return the box of an object after it has fallen or got up around its feet, from turn ``before`` to ``now``."""
    x, bottom, w, h = box.x + box.w / 2, box.y + box.h, box.w, box.h
    if before == now:
        return box
    if before:
        x, w, h = (box.x if before == 1 else box.x + box.w), h, w
    if now:
        x, w, h = x + now * h / 2, h, w
    return Box(x - w / 2, bottom - h, w, h)
