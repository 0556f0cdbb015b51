"""Conversion to square pixels, for video with other pixels, such as that of television."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def pixel_aspect(over: float, under: float) -> float:
    """Return the aspect ratio (width / height) of a pixel; 1 if a file has none, or an implausible one."""
    aspect = over / under if over > 0 and under > 0 else 1.0
    return aspect if 0.25 <= aspect <= 4 and abs(aspect - 1) >= 0.01 else 1.0


def squared(
    cv2: Any, pixels: NDArray[np.uint8], aspect: float, *, sideways: bool = False
) -> NDArray[np.uint8]:
    """Return the image (H, W, 3) as players show it: with the same height, and ``aspect`` times as wide.

    ``sideways``: the image has been rotated by 90 degrees, so its height changes instead.
    """
    if aspect == 1.0:
        return pixels
    height, width = pixels.shape[:2]
    size = (width, max(1, round(height * aspect))) if sideways else (max(1, round(width * aspect)), height)
    how = cv2.INTER_LINEAR if aspect > 1 else cv2.INTER_AREA
    return np.asarray(cv2.resize(pixels, size, interpolation=how), np.uint8)
