"""From the network's maps to one box: peak picking with a window and a penalty on sudden change of shape."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetrack.types import Box
from reference.geometry import Region

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Prediction:
    """The best cell of a search region or frame."""

    cxcywh: tuple[float, float, float, float]  # shares of the region's side
    peak: float  # score of the chosen cell, 0..1
    presence: float  # probability that the target is in the region at all, 0..1
    quality: float  # probability that the box is right: the target's, with an IoU of at least a half, 0..1


def hann_window(cells: int) -> Floats:
    """A raised cosine (cells, cells) that is 1 in the middle and stays above 0 on the border."""
    line = np.hanning(cells + 2)[1:-1]
    return np.asarray(np.outer(line, line), np.float32)


def decode(
    outputs: Mapping[str, Floats],
    *,
    window: Floats | None = None,
    influence: float = 0.0,
    previous: tuple[float, float] | None = None,
    penalty: float = 0.0,
) -> Prediction:
    """Picks the best cell.

    Args:
        outputs: ``score`` (1, 1, S, S) 0..1, ``offset`` (1, 2, S, S) in cells from the cell's center, ``size``
            (1, 2, S, S) as a share of the region's side, ``presence`` (1, 1) and ``quality`` (1, 1, S, S) 0..1.
        window: (S, S), mixed in with weight ``influence``: the target is near where it was.
        previous: width and height of the last box as shares of the region's side.
        penalty: how strongly a change of scale or aspect against ``previous`` lowers a cell's rank (Li et al.,
            SiamRPN, CVPR 2018, section 4.3).
    """
    score = outputs["score"][0, 0]
    width, height = outputs["size"][0]
    rank = score
    if previous is not None:
        change = _change(np.sqrt(width * height), math.sqrt(previous[0] * previous[1]))
        change = change * _change(width / height, previous[0] / previous[1])
        rank = rank * np.exp(-penalty * (change - 1.0))
    if window is not None:
        rank = rank * (1.0 - influence) + window * influence
    row, column = divmod(int(rank.argmax()), score.shape[1])
    offset, cells = outputs["offset"][0, :, row, column], score.shape[0]
    return Prediction(
        cxcywh=(
            (column + 0.5 + float(offset[0])) / cells,
            (row + 0.5 + float(offset[1])) / cells,
            float(width[row, column]),
            float(height[row, column]),
        ),
        peak=float(score[row, column]),
        presence=float(outputs["presence"][0, 0]),
        quality=float(outputs["quality"][0, 0, row, column]),
    )


def quality_within(outputs: Mapping[str, Floats], box: Box, region: Region) -> float:
    """The quality of the best-scoring cell of ``region`` whose center lies in ``box`` grown by one cell, 0..1."""
    x, y, side, _ = region
    score = outputs["score"][0, 0]
    cells = score.shape[0]
    low = np.array([(box.y - y) / side * cells - 1.5, (box.x - x) / side * cells - 1.5])
    high = low + np.array([box.h, box.w]) / side * cells + 2.0
    (r0, c0), (r1, c1) = (
        np.clip(np.ceil(low), 0, cells - 1).astype(int),
        np.clip(np.floor(high), 0, cells - 1).astype(int),
    )
    inside = score[r0 : max(r0, r1) + 1, c0 : max(c0, c1) + 1]
    row, column = divmod(int(inside.argmax()), inside.shape[1])
    return float(outputs["quality"][0, 0, r0 + row, c0 + column])


def _change(value: Floats, reference: float) -> Floats:
    """The ratio of two sizes, the larger over the smaller: 1 = equal."""
    ratio = value / reference
    return np.asarray(np.maximum(ratio, 1.0 / ratio), np.float32)


def confidence(prediction: Prediction) -> float:
    """The probability that the box is right, 0..1: what the network says of it, if the target is there at all."""
    return prediction.quality * prediction.presence
