"""Restores the contrast of dark search crops as a tracker does before it searches them."""

from __future__ import annotations

import numpy as np

from edgetrack import _runtime
from edgetrack.training.data.pictures import Pixels

_MEAN = _STD = _FILL = (127.5, 127.5, 127.5)


def restored(search: Pixels, template: Pixels) -> Pixels:
    """Return ``search`` with the mean and contrast of ``template``, unchanged if its contrast is sufficient.

    Both are square crops, uint8 BGR, of which the template shows half as much of the scene.
    """
    contrast = _runtime.Contrast()
    contrast.learn(_planes(template), template, _whole(template), _MEAN, _STD, _FILL)
    planes = _planes(search)
    if not contrast.restore(planes, search, _whole(search), _MEAN, _STD, _FILL):
        return search
    values = planes[0, ::-1].transpose(1, 2, 0) * _STD[0] + _MEAN[0]
    return np.asarray(np.clip(values + 0.5, 0, 255), np.uint8)


def _planes(pixels: Pixels) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    rgb = pixels[..., ::-1].transpose(2, 0, 1)[None]
    return np.ascontiguousarray((rgb - np.float32(_MEAN[0])) / np.float32(_STD[0]), np.float32)


def _whole(pixels: Pixels) -> tuple[float, float, float, float]:
    return 0.0, 0.0, float(pixels.shape[1]), float(pixels.shape[0])
