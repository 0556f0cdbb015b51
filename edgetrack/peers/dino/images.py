"""The input image of Grounding DINO: the frame at the top left of a square, and the mask of the frame in it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgetrack.peers.resampling import Floats, bilinear, channels

_MEAN = np.array([0.485, 0.456, 0.406], np.float32)[:, None, None]  # RGB, ImageNet's
_STD = np.array([0.229, 0.224, 0.225], np.float32)[:, None, None]


def placed(pixels: NDArray[np.uint8], side: int) -> tuple[Floats, Floats]:
    """Resize a frame, uint8 (H, W, 3) BGR, as the official processor does with both edges set to ``side``.

    Returns:
        Normalized RGB (1, 3, side, side), 0 outside the frame, and float32 (1, side, side), 1 inside the frame.
    """
    height, width = fitted((pixels.shape[0], pixels.shape[1]), side)
    image, visible = np.zeros((1, 3, side, side), np.float32), np.zeros((1, side, side), np.float32)
    resized = bilinear(channels(pixels), height, width) / np.float32(255)
    image[0, :, :height, :width] = (resized - _MEAN) / _STD
    visible[0, :height, :width] = 1
    return image, visible


def fitted(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Return height and width of the frame with a longer edge of ``side``, rounded as by the official processor."""
    height, width = size
    short = side * min(height, width) / max(height, width)
    least = max(round(short), 1)
    if min(height, width) == least:
        return height, width
    most = min(max(int(short * max(height, width) / min(height, width)), 1), side)
    return (least, most) if height < width else (most, least)
