"""Thresholds for another precision, so that a status means what it means in float32."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgetrack.export.session import Arrays
from edgetrack.policy import Policy
from edgetrack.types import Box

_OF_SEARCH, _OF_GROUND = (
    ("keep", "drop"),
    ("acquire", "candidate"),
)  # fields of the policy, by what they judge
_CONFIDENCE = 5.0  # crops that the assumption "nothing changes" is worth
_EDGE = 1e-3  # scores nearer to 0 and 1 say nothing more


def adjusted(
    policy: Policy, search: Sequence[tuple[Arrays, Arrays]], ground: Sequence[tuple[Arrays, Arrays]]
) -> dict[str, float]:
    """The score thresholds of ``policy`` for a network whose outputs differ.

    Args:
        policy: of float32.
        search: outputs of float32 and of the other precision for the same crops.
        ground: the same for whole frames.
    """
    thresholds = {}
    for names, pairs in ((_OF_SEARCH, search), (_OF_GROUND, ground)):
        slope, offset = fit([(_score(a), _score(b)) for a, b in pairs])
        for name in names:
            moved = slope * _logit(np.float64(getattr(policy, name))) + offset
            thresholds[name] = round(float(1 / (1 + np.exp(-moved))), 4)
    return thresholds


def fit(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Slope (above 0) and offset of logit(other) = slope * logit(fp32) + offset, by least squares.

    Platt scaling (1999) with a ridge towards slope 1, offset 0: few crops change little.
    """
    values = _logit(np.asarray(pairs, np.float64).reshape(-1, 2))
    design = np.stack((values[:, 0], np.ones(len(values))), axis=1)
    normal = design.T @ design + _CONFIDENCE * np.eye(2)
    slope, offset = np.linalg.solve(normal, design.T @ values[:, 1] + _CONFIDENCE * np.array([1.0, 0.0]))
    return max(float(slope), 0.1), float(offset)


def same_finds(pairs: Sequence[tuple[Arrays, Arrays]], fp32: Policy, other: Policy) -> int:
    """In how many whole frames both find nothing, or boxes of IoU 0.5 or more, each by its own thresholds."""
    count = 0
    for first, second in pairs:
        here, there = _find(first, fp32.candidate), _find(second, other.candidate)
        count += here is there if here is None or there is None else here.iou(there) >= 0.5
    return count


def _find(outputs: Arrays, threshold: float) -> Box | None:
    score, box = _best(outputs)
    return box if score >= threshold else None


def _score(outputs: Arrays) -> float:
    return _best(outputs)[0]


def _best(outputs: Arrays) -> tuple[float, Box]:
    """The best cell's probability of being right, and its box in shares of the region's side."""
    map_ = outputs["score"][0, 0]
    row, column = divmod(int(map_.argmax()), map_.shape[1])
    dx, dy = outputs["offset"][0, :, row, column]
    w, h = (float(v) for v in outputs["size"][0, :, row, column])
    x, y = (column + 0.5 + float(dx)) / map_.shape[1] - w / 2, (row + 0.5 + float(dy)) / map_.shape[0] - h / 2
    return float(outputs["quality"][0, 0, row, column] * outputs["presence"][0, 0]), Box(x, y, w, h)


def _logit(score: NDArray[np.float64] | np.float64) -> NDArray[np.float64]:
    inside = np.clip(score, _EDGE, 1 - _EDGE)
    return np.asarray(np.log(inside / (1 - inside)))
