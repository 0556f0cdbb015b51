"""Square pixels for video whose own are not: television's are wider or narrower than high."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def pixel_aspect(over: float, under: float) -> float:
    """Width of a pixel by its height; 1 where a file says nothing, or what no camera has."""
    aspect = over / under if over > 0 and under > 0 else 1.0
    return aspect if 0.25 <= aspect <= 4 and abs(aspect - 1) >= 0.01 else 1.0


def squared(
    cv2: Any, pixels: NDArray[np.uint8], aspect: float, *, sideways: bool = False
) -> NDArray[np.uint8]:
    """The picture (H, W, 3) as players show it: as high as it was, and ``aspect`` times as wide.

    ``sideways``: it has been turned by a quarter since it was filmed, so that its height changes instead.
    """
    if aspect == 1.0:
        return pixels
    height, width = pixels.shape[:2]
    size = (width, max(1, round(height * aspect))) if sideways else (max(1, round(width * aspect)), height)
    how = cv2.INTER_LINEAR if aspect > 1 else cv2.INTER_AREA
    return np.asarray(cv2.resize(pixels, size, interpolation=how), np.uint8)
