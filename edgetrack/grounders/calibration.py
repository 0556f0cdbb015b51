"""Convert a detector's scores to probabilities with two numbers (Platt scaling), and fit these numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgetrack.errors import ConfigError

_EPSILON = 1e-6  # smallest distance of a score from 0 and 1
_ROUNDS = 100
_SETTLED = 1e-10


@dataclass(frozen=True, slots=True)
class Platt:
    """``sigmoid(scale * logit(score) + shift)``; the default values leave scores unchanged.

    J. Platt, "Probabilistic outputs for support vector machines", 1999; on logits as in C. Guo et al., "On calibration
    of modern neural networks", ICML 2017.
    """

    scale: float = 1.0
    shift: float = 0.0

    def __post_init__(self) -> None:
        if not (0 < self.scale <= 1000 and abs(self.shift) <= 1000):
            raise ConfigError(
                f"the calibration of scores has scale {self.scale!r} and shift {self.shift!r}; expected a "
                "positive scale and a finite shift, both at most 1000"
            )

    def __call__(self, score: float) -> float:
        """Return the probability for a score in 0..1."""
        if self.scale == 1 and self.shift == 0:
            return score
        if not 0 <= score <= 1:
            return score  # the receiver rejects it
        return 1 / (1 + math.exp(-(self.scale * _logit(score) + self.shift)))


AS_IT_IS = Platt()


def fit_platt(scores: Sequence[float], right: Sequence[bool]) -> Platt:
    """Fit the numbers that best predict from ``scores`` which boxes are ``right`` (cross-entropy, Newton's method).

    Labels are smoothed as Platt proposed, so that a few boxes do not lead to overconfident probabilities.

    Raises:
        ConfigError: There are fewer than ten correct or ten wrong boxes, or boxes with higher scores are not more often
            correct.
    """
    positive = int(sum(right))
    negative = len(right) - positive
    if len(scores) != len(right) or min(positive, negative) < 10:
        raise ConfigError(
            f"{len(scores)} scores have {positive} right and {negative} wrong boxes; expected at least ten of each: "
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
            "boxes with higher scores are not right more often; expected a detector that knows the texts of "
            "these labels"
        )
    return Platt(float(min(weights[0], 1000.0)), float(np.clip(weights[1], -1000, 1000)))


def _logit(score: float) -> float:
    score = min(max(score, _EPSILON), 1 - _EPSILON)
    return math.log(score / (1 - score))
