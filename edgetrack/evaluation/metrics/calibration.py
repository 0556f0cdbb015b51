"""Calibration of the score. A frame is correct if the target is in view and the box has an IoU of at least 0.5."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetrack.errors import ConfigError
from edgetrack.evaluation.types import Bools, Floats

Indices = NDArray[np.intp]

BINS = 15


@dataclass(frozen=True, slots=True)
class Bin:
    """Frames with similar scores."""

    count: int
    score: float  # mean score
    correct: float  # fraction of correct frames, 0..1


def auroc(score: Floats, correct: Bools) -> float:
    """Return the probability that a correct frame scores higher than a wrong one, where ties count half.

    NaN if all frames are correct or all wrong. It is the Mann-Whitney statistic (Fawcett, "An introduction to ROC
    analysis", 2006, section 7).
    """
    score, correct = _checked(score, correct)
    right, wrong = int(correct.sum()), int((~correct).sum())
    if not right or not wrong:
        return float("nan")
    _, group, size = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(size) - (size - 1) / 2)[group]  # ties share the middle of their ranks
    return float((rank[correct].sum() - right * (right + 1) / 2) / (right * wrong))


def reliability(score: Floats, correct: Bools, *, bins: int = BINS, adaptive: bool = False) -> list[Bin]:
    """Return the non-empty bins, which have equal width over 0..1 or, if ``adaptive``, equal counts.

    Guo et al., "On calibration of modern neural networks", ICML 2017; adaptive: Nixon et al., CVPR workshops 2019.
    """
    score, correct = _checked(score, correct)
    if score.size and not (score.min() >= 0 and score.max() <= 1):
        raise ConfigError(f"scores are from {score.min():g} to {score.max():g}; expected 0 to 1")
    groups = _equal_count(score, bins) if adaptive else _equal_width(score, bins)
    return [Bin(len(g), float(score[g].mean()), float(correct[g].mean())) for g in groups if len(g)]


def ece(score: Floats, correct: Bools, *, bins: int = BINS, adaptive: bool = False) -> float:
    """Return the expected calibration error: mean difference of score and accuracy, weighted by frames; or NaN."""
    found = reliability(score, correct, bins=bins, adaptive=adaptive)
    total = sum(b.count for b in found)
    return sum(b.count * abs(b.correct - b.score) for b in found) / total if total else float("nan")


def _equal_width(score: Floats, bins: int) -> Iterator[Indices]:
    index = np.clip(np.ceil(score * bins) - 1, 0, bins - 1)  # (low, high], as in Guo et al.
    return (np.flatnonzero(index == i) for i in range(bins))


def _equal_count(score: Floats, bins: int) -> Iterator[Indices]:
    return iter(np.array_split(np.argsort(score, kind="stable"), bins))


def _checked(score: Floats, correct: Bools) -> tuple[Floats, Bools]:
    score, correct = np.asarray(score, np.float64), np.asarray(correct, bool)
    if score.shape != correct.shape or score.ndim != 1 or not np.isfinite(score).all():
        raise ConfigError(
            f"scores have shape {score.shape} and correctness has {correct.shape}; expected two finite "
            "arrays of the same length"
        )
    return score, correct
