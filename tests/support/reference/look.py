"""Looks at the whole frame: whether two differ around a box, and what one says about it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgetrack.types import Box
from reference.geometry import Region, region_around

_AROUND, _BLOCKS = 2.0, 4  # side of what is compared, in sides of the box, and in blocks
_ONE_LOOK = 0.1  # weight of a check by the sentence as evidence
FAINT = 0.02  # bound of what one look can show


class Find(NamedTuple):
    """The best box in a whole frame."""

    box: Box
    quality: float  # probability that it is right, 0..1


def differs(
    image: NDArray[np.float32],
    counted: NDArray[np.float32],
    box: Box,
    region: Region,
    *,
    std: Sequence[float],
    limit: float,
) -> bool:
    """Return whether a block around ``box`` has another mean color in two images (3, S, S) of ``region``."""
    side = image.shape[-1]
    left, top, extent, _ = region
    x, y, size, _ = region_around(box, _AROUND)

    def edges(start: float, origin: float) -> list[int]:
        shares = ((start + size * i / _BLOCKS - origin) / extent for i in range(_BLOCKS + 1))
        return [min(max(int(share * side), 0), side) for share in shares]

    across, down = edges(x, left), edges(y, top)
    for y1, y2 in pairwise(down):
        for x1, x2 in pairwise(across):
            if y1 < y2 and x1 < x2:
                change = image[:, y1:y2, x1:x2].astype(float) - counted[:, y1:y2, x1:x2]
                if (abs(change.mean(axis=(1, 2))) * std > limit).any():
                    return True
    return False


def believed(belief: float, score: float, neutral: float) -> float:
    """Bayes' rule, with the logarithm of the odds: the belief after a check by the sentence, all 0..1."""
    bounded = [min(max(p, FAINT), 1 - FAINT) for p in (belief, score, neutral)]
    odds = [math.log(p / (1 - p)) for p in bounded]
    total = odds[0] + _ONE_LOOK * (odds[1] - odds[2])
    return min(max(1 / (1 + math.exp(-total)), FAINT), 1 - FAINT)
