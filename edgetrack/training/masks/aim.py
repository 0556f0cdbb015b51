"""Crops around boxes that are perturbed like those of a tracker."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgetrack.network.mask import CELL, FACTOR, SIDE
from edgetrack.training.data.pictures import XYWH
from edgetrack.training.data.synthetic import warps
from edgetrack.training.data.synthetic.warps import Matrix

# Errors of the box, relative to its sides, and their frequencies: in the first frame, and in later ones, in which the
# # memory must help with a box that contains half of the target.
_LOOSE = (0.05, 0.12, 0.28)
_OFTEN = ((0.7, 0.3, 0.0), (0.5, 0.3, 0.2))


def aimed(true: XYWH, random: np.random.Generator, *, first: bool) -> tuple[Matrix, NDArray[np.float32]]:
    """Draw a perturbed box of an object.

    Args:
        true: The true box.
        random: Source of the errors.
        first: Whether it is the initial box of the tracker.

    Returns:
        The affine map (2, 3) to the crop of `SIDE` pixels around the box, and the fraction of each cell of `CELL`
        pixels that the box covers, float32.
    """
    loose = float(random.choice(_LOOSE, p=_OFTEN[0 if first else 1]))
    size = np.array(true[2:]) * np.exp(np.clip(random.normal(0, loose, 2), -0.6, 0.6))
    center = np.array(true[:2]) + np.array(true[2:]) / 2
    center += np.clip(random.normal(0, loose, 2), -0.4, 0.4) * np.array(true[2:])
    side = FACTOR * float(np.sqrt(size[0] * size[1]))
    w, h = size * (SIDE / side)
    box = (SIDE / 2 - w / 2, SIDE / 2 - h / 2, float(w), float(h))
    share = warps.coverage(box, SIDE, SIDE // CELL)
    return warps.region_matrix((center[0], center[1]), side, SIDE), share
