"""Restores the contrast of dark search crops as a tracker does before it searches them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgetrack._native import runtime
from edgetrack.crop import crop_into
from edgetrack.training.data.pictures import Pixels

_MEAN = _STD = _FILL = (127.5, 127.5, 127.5)


def restored(search: Pixels, template: Pixels) -> Pixels:
    """Return ``search`` with the mean and contrast of ``template``, unchanged if its contrast is sufficient.

    Both are square crops, uint8 BGR, of which the template shows half as much of the scene.
    """
    contrast = runtime.Contrast()
    contrast.learn(_planes(template), template, _whole(template), _MEAN, _STD, _FILL)
    planes = _planes(search)
    if not contrast.restore(planes, search, _whole(search), _MEAN, _STD, _FILL):
        return search
    values = planes[0, ::-1].transpose(1, 2, 0) * _STD[0] + _MEAN[0]
    return np.asarray(np.clip(values + 0.5, 0, 255), np.uint8)


def _planes(pixels: Pixels) -> NDArray[np.float32]:
    planes = np.empty((1, 3, *pixels.shape[:2]), np.float32)
    crop_into(pixels, _whole(pixels), planes, mean=_MEAN, std=_STD, fill=_FILL)
    return planes


def _whole(pixels: Pixels) -> tuple[float, float, float, float]:
    return 0.0, 0.0, float(pixels.shape[1]), float(pixels.shape[0])
