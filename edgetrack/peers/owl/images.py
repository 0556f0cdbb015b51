"""Converts a frame to the input images of OWL-ViT and OWLv2.

OWL-ViT stretches the frame to a square with PIL's bicubic filter. OWLv2 puts it at the top left of a gray square, blurs
that with a Gaussian and resamples it linearly, as scikit-image does. Each network finds little in the images of the
other.
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
    """Return a frame, uint8 (H, W, 3) BGR, as input of OWL-ViT: normalized RGB (1, 3, size, size)."""
    return _normalized(bicubic(channels(pixels), size, size) / np.float32(255))


def padded(pixels: NDArray[np.uint8], size: int) -> Floats:
    """Return a frame, uint8 (H, W, 3) BGR, as input of OWLv2: normalized RGB (1, 3, size, size)."""
    height, width = pixels.shape[:2]
    matrix = _blurred(max(height, width), size)
    image = channels(pixels) / np.float32(255) - _GRAY  # so that the padding is 0
    return _normalized(matrix[:, :height] @ image @ matrix[:, :width].T + _GRAY)


def _normalized(image: Floats) -> Floats:
    normalized: Floats = ((image - _MEAN) / _STD)[None].astype(np.float32)
    return normalized


@lru_cache(maxsize=4)
def _blurred(length: int, size: int) -> Floats:
    """Return the weights (size, length) of a Gaussian, scaled to the reduction, and of linear resampling."""
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
            # both pixels of an interpolated sample are blurred, with mirroring at the edge of the image
            columns = _mirrored(_mirrored(first + step, length) + offset, length)
            np.add.at(weights, (rows, columns), share * weight)
    return weights.astype(np.float32)


def _mirrored(index: NDArray[np.int_], length: int) -> NDArray[np.int_]:
    """Map integers to indices in a row of ``length`` pixels that is mirrored at its first and last pixel."""
    if length == 1:
        return np.zeros_like(index)
    folded: NDArray[np.int_] = np.abs(index) % (2 * length - 2)
    return np.minimum(folded, 2 * length - 2 - folded)
