"""Resizes images like PIL: each direction is a matrix product, columns first.

The filter is widened if the image is reduced; after each direction, values are rounded to integers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Kernel = Callable[[Doubles], Doubles]  # weights by distance in pixels of the smaller image


def channels(pixels: NDArray[np.uint8]) -> Floats:
    """Convert a frame, uint8 (H, W, 3) BGR, to RGB, float32 (3, H, W), 0..255."""
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[::-1], np.float32)


def bicubic(image: Floats, height: int, width: int) -> Floats:
    """Resize ``image``, float32 (C, H, W), 0..255."""
    return _resized(image, height, width, _cubic)


def bilinear(image: Floats, height: int, width: int) -> Floats:
    """Resize ``image``, float32 (C, H, W), 0..255."""
    return _resized(image, height, width, _triangle)


def _resized(image: Floats, height: int, width: int, kernel: Kernel) -> Floats:
    image = _whole(image @ _weights(image.shape[2], width, kernel).T)
    return _whole(_weights(image.shape[1], height, kernel) @ image)


def _whole(image: Floats) -> Floats:
    whole: Floats = np.clip(np.floor(image + np.float32(0.5)), 0, 255)
    return whole


def _cubic(distance: Doubles) -> Doubles:
    near = 1.5 * distance**3 - 2.5 * distance**2 + 1
    far = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
    weights: Doubles = np.where(distance < 1, near, np.where(distance < 2, far, 0.0))
    return weights


def _triangle(distance: Doubles) -> Doubles:
    weights: Doubles = np.maximum(1 - distance, 0)
    return weights


@lru_cache(maxsize=8)
def _weights(length: int, size: int, kernel: Kernel) -> Floats:
    """Return the weights (size, length) of a filter, which is one of the two above."""
    scale = length / size
    centers = (np.arange(size) + 0.5) * scale
    weights = kernel(np.abs(np.arange(length) + 0.5 - centers[:, None]) / max(scale, 1.0))
    shares: Floats = (weights / weights.sum(1, keepdims=True)).astype(np.float32)
    return shares
