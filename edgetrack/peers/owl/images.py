"""The pictures that OWL-ViT and OWLv2 were trained on, of a frame.

OWL-ViT stretches the frame to a square by PIL's bicubic filter. OWLv2 puts it at the top left of a gray
square, blurs that by a Gaussian and samples it linearly, as scikit-image does. What one learned with the other's
pictures finds little.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from edgetrack.peers.resampling import bicubic, channels

Floats = NDArray[np.float32]
_MEAN = np.array([0.48145466, 0.4578275, 0.40821073], np.float32)[:, None, None]  # RGB, CLIP's
_STD = np.array([0.26862954, 0.26130258, 0.27577711], np.float32)[:, None, None]
_GRAY = np.float32(0.5)


def stretched(pixels: NDArray[np.uint8], size: int) -> Floats:
    """The frame, uint8 (H, W, 3) BGR, as OWL-ViT takes it: normalized RGB (1, 3, size, size)."""
    return _normalized(bicubic(channels(pixels), size, size) / np.float32(255))


def padded(pixels: NDArray[np.uint8], size: int) -> Floats:
    """The frame, uint8 (H, W, 3) BGR, as OWLv2 takes it: normalized RGB (1, 3, size, size)."""
    height, width = pixels.shape[:2]
    matrix = _blurred(max(height, width), size)
    image = channels(pixels) / np.float32(255) - _GRAY  # what is added to the frame is 0 then
    return _normalized(matrix[:, :height] @ image @ matrix[:, :width].T + _GRAY)


def _normalized(image: Floats) -> Floats:
    normalized: Floats = ((image - _MEAN) / _STD)[None].astype(np.float32)
    return normalized


@lru_cache(maxsize=4)
def _blurred(length: int, size: int) -> Floats:
    """The weights (size, length) of a Gaussian as wide as the picture becomes smaller, and of linear samples of it."""
    scale = length / size
    sigma = max(0.0, (scale - 1) / 2)
    reach = int(4 * sigma + 0.5)
    offsets = np.arange(-reach, reach + 1)
    kernel = np.exp(-0.5 * (offsets / sigma) ** 2) if reach else np.ones(1)
    kernel /= kernel.sum()
    places = (np.arange(size) + 0.5) * scale - 0.5
    first = np.floor(places).astype(int)
    weights, rows = np.zeros((size, length)), np.arange(size)
    for step, share in ((0, first + 1 - places), (1, places - first)):
        for offset, weight in zip(offsets, kernel, strict=True):
            # a sample between two pixels is of blurred pixels: the mirror is at the picture's edge for both
            columns = _mirrored(_mirrored(first + step, length) + offset, length)
            np.add.at(weights, (rows, columns), share * weight)
    return weights.astype(np.float32)


def _mirrored(index: NDArray[np.int_], length: int) -> NDArray[np.int_]:
    """Whole numbers as places in a row of ``length`` that is mirrored in its first and in its last pixel."""
    if length == 1:
        return np.zeros_like(index)
    folded: NDArray[np.int_] = np.abs(index) % (2 * length - 2)
    return np.minimum(folded, 2 * length - 2 - folded)
