"""From a detector's scores to probabilities, by two numbers (Platt scaling), and how these are fitted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgetrack.errors import ConfigError

_EPSILON = 1e-6  # of a score from 0 and 1
_ROUNDS = 100
_SETTLED = 1e-10


@dataclass(frozen=True, slots=True)
class Platt:
    """``sigmoid(scale * logit(score) + shift)``; as it is, scores stay what they are.

    J. Platt, "Probabilistic outputs for support vector machines", 1999; on logits as in C. Guo et al., "On calibration
    of modern neural networks", ICML 2017.
    """

    scale: float = 1.0
    shift: float = 0.0

    def __post_init__(self) -> None:
        if not (0 < self.scale <= 1000 and abs(self.shift) <= 1000):
            raise ConfigError(
                f"scores are calibrated by scale {self.scale!r} and shift {self.shift!r}; expected a positive number "
                "and a number, at most 1000"
            )

    def __call__(self, score: float) -> float:
        """The probability that a score, 0..1, stands for."""
        if self.scale == 1 and self.shift == 0:
            return score
        if not 0 <= score <= 1:
            return score  # refused where it arrives
        return 1 / (1 + math.exp(-(self.scale * _logit(score) + self.shift)))


AS_IT_IS = Platt()


def fit_platt(scores: Sequence[float], right: Sequence[bool]) -> Platt:
    """The numbers that say best, by cross entropy, which ``scores`` are of boxes that are ``right``; Newton's method.

    The labels are smoothed as Platt proposes, so that a few boxes do not make scores certain.

    Raises:
        ConfigError: there are fewer than ten right or ten wrong ones, or larger scores are not more often right.
    """
    positive = int(sum(right))
    negative = len(right) - positive
    if len(scores) != len(right) or min(positive, negative) < 10:
        raise ConfigError(
            f"{positive} right and {negative} wrong boxes for {len(scores)} scores; expected at least ten of each: "
            "use more labeled frames"
        )
    x = np.array([_logit(score) for score in scores])
    aim = np.where(np.asarray(right, bool), (positive + 1) / (positive + 2), 1 / (negative + 2))
    rows, weights = np.stack([x, np.ones_like(x)]), np.zeros(2)
    for _ in range(_ROUNDS):
        p = 1 / (1 + np.exp(-(weights @ rows)))
        slope = rows @ (p - aim)
        curve = (rows * (p * (1 - p) + 1e-12)) @ rows.T + 1e-9 * np.eye(2)
        step = np.linalg.solve(curve, slope)
        weights -= step * min(1.0, 2.0 / float(np.abs(step).max() + 1e-12))
        if np.abs(step).max() < _SETTLED:
            break
    if not weights[0] > 0:
        raise ConfigError(
            "boxes with larger scores are not more often right; expected a detector that knows these labels' texts"
        )
    return Platt(float(min(weights[0], 1000.0)), float(np.clip(weights[1], -1000, 1000)))


def _logit(score: float) -> float:
    score = min(max(score, _EPSILON), 1 - _EPSILON)
    return math.log(score / (1 - score))
