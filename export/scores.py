"""Adjust thresholds for another precision, so that a status means the same as in float32."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgetrack.export.session import Arrays
from edgetrack.policy import Policy

_OF_SEARCH = (
    "track_threshold",
    "update_threshold",
)  # fields of the policy that apply to scores of the graph "search"
_CONFIDENCE = 5.0  # weight of the prior "nothing changes", in crops
_EDGE = 1e-3  # scores are clipped to this distance from 0 and 1


def adjusted(policy: Policy, search: Sequence[tuple[Arrays, Arrays]]) -> dict[str, float]:
    """Return the score thresholds of ``policy``, adjusted for a search network with different outputs.

    Args:
        policy: Policy of float32.
        search: Outputs of float32 and of the other precision for the same crops.
    """
    slope, offset = fit([(_score(a), _score(b)) for a, b in search])
    moved = {name: slope * _logit(np.float64(getattr(policy, name))) + offset for name in _OF_SEARCH}
    return {name: round(float(1 / (1 + np.exp(-logit))), 4) for name, logit in moved.items()}


def fit(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return slope (above 0) and offset of logit(other) = slope * logit(fp32) + offset, by least squares.

    This is Platt scaling (1999) with ridge regularization toward slope 1 and offset 0, so that few crops change little.
    """
    values = _logit(np.asarray(pairs, np.float64).reshape(-1, 2))
    design = np.stack((values[:, 0], np.ones(len(values))), axis=1)
    normal = design.T @ design + _CONFIDENCE * np.eye(2)
    slope, offset = np.linalg.solve(normal, design.T @ values[:, 1] + _CONFIDENCE * np.array([1.0, 0.0]))
    return max(float(slope), 0.1), float(offset)


def _score(outputs: Arrays) -> float:
    """Return the probability that the best cell is correct."""
    best = int(outputs["score"].argmax())
    return float(outputs["quality"].flat[best] * outputs["presence"][0, 0])


def _logit(score: NDArray[np.float64] | np.float64) -> NDArray[np.float64]:
    inside = np.clip(score, _EDGE, 1 - _EDGE)
    return np.asarray(np.log(inside / (1 - inside)))
