"""Metrics of long-term tracking, in which the target leaves the view and returns.

Precision, recall and F over confidence thresholds: Lukežič et al., "Performance evaluation methodology for long-term
single-object tracking", IEEE Transactions on Cybernetics 2020 (VOT-LT). Re-detection and false presence are simple
counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgetrack.evaluation.metrics.one_pass import exists
from edgetrack.evaluation.types import Bools, Floats

RESOLUTION = 100  # number of thresholds, including -inf and inf


@dataclass(frozen=True, slots=True)
class LongTerm:
    """Means over the sequences, at the threshold with the highest F-score."""

    f_score: float
    precision: float
    recall: float
    threshold: float


@dataclass(frozen=True, slots=True)
class Confidences:
    """The frames of one sequence without the first one, as arrays (N,)."""

    iou: Floats  # 0 if the target is absent
    score: Floats  # score of the box; -inf without a box
    present: Bools  # whether the target is in view


def thresholds(scores: Sequence[Floats]) -> Floats:
    """Return the thresholds (100,): -inf, 98 quantiles of all finite scores, and inf, ascending."""
    pooled = np.concatenate([s[np.isfinite(s)] for s in scores]) if scores else np.empty(0)
    if not pooled.size:
        return np.array([-np.inf, np.inf])
    middle = np.quantile(pooled, np.linspace(0, 1, RESOLUTION - 2), method="lower")
    return np.concatenate([[-np.inf], middle, [np.inf]])


def precision_recall(sequence: Confidences, taus: Floats) -> tuple[Floats, Floats]:
    """Return Pr and Re (T,) at each threshold; 1 and 0 if no box is above the threshold."""
    shown = (sequence.score[:, None] >= taus) & np.isfinite(sequence.score)[:, None]
    hit = np.where(sequence.present, sequence.iou, 0.0) @ shown
    reported, visible = shown.sum(0), int(sequence.present.sum())
    precision = np.divide(hit, reported, out=np.ones(len(taus)), where=reported > 0)
    return precision, hit / visible if visible else np.zeros(len(taus))


def long_term(sequences: Sequence[Confidences]) -> LongTerm:
    """Return F-score, precision and recall over all sequences, at the best common threshold."""
    taus = thresholds([s.score for s in sequences])
    curves = [precision_recall(s, taus) for s in sequences]
    precision = np.mean([p for p, _ in curves], axis=0)
    recall = np.mean([r for _, r in curves], axis=0)
    total = precision + recall
    f = np.divide(2 * precision * recall, total, out=np.zeros(len(taus)), where=total > 0)
    best = int(f.argmax())
    return LongTerm(float(f[best]), float(precision[best]), float(recall[best]), float(taus[best]))


def redetections(iou: Floats, truth: Floats) -> list[int | None]:
    """Return, for each return of the target, the frames until IoU >= 0.5, or None if it leaves again before that.

    0 means the frame in which it returns. Its first appearance, if that is after frame 1, does not count as a return.
    """
    present = exists(truth)
    back = np.flatnonzero(present[1:] & ~present[:-1] & np.maximum.accumulate(present[:-1])) + 1
    gone = np.append(np.flatnonzero(~present), len(present))
    delays: list[int | None] = []
    for start in back:
        end = gone[np.searchsorted(gone, start)]
        hits = np.flatnonzero(iou[start:end] >= 0.5)
        delays.append(int(hits[0]) if hits.size else None)
    return delays


def false_present(tracking: Bools, truth: Floats) -> float:
    """Return the fraction of frames without the target that are reported as tracked; NaN if there are none."""
    absent = ~exists(truth)
    return float(tracking[absent].mean()) if absent.any() else float("nan")
