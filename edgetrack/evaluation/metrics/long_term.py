"""What counts when the target leaves and comes back.

Precision, recall and F over confidence thresholds: Lukežič et al., "Performance evaluation methodology for long-term
single-object tracking", IEEE Transactions on Cybernetics 2020 (VOT-LT). Re-detection and false presence are plain
counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgetrack.evaluation.metrics.one_pass import exists
from edgetrack.evaluation.types import Bools, Floats

RESOLUTION = 100  # thresholds, -inf and inf among them


@dataclass(frozen=True, slots=True)
class LongTerm:
    """At the threshold that gives the highest F-score, means over the sequences."""

    f_score: float
    precision: float
    recall: float
    threshold: float


@dataclass(frozen=True, slots=True)
class Confidences:
    """One sequence without its first frame, each (N,)."""

    iou: Floats  # 0 where the target is absent
    score: Floats  # of the frame's box; -inf where there is none
    present: Bools  # whether the target is there


def thresholds(scores: Sequence[Floats]) -> Floats:
    """-inf, 98 quantiles of all finite scores, and inf, ascending (100,)."""
    pooled = np.concatenate([s[np.isfinite(s)] for s in scores]) if scores else np.empty(0)
    if not pooled.size:
        return np.array([-np.inf, np.inf])
    middle = np.quantile(pooled, np.linspace(0, 1, RESOLUTION - 2), method="lower")
    return np.concatenate([[-np.inf], middle, [np.inf]])


def precision_recall(sequence: Confidences, taus: Floats) -> tuple[Floats, Floats]:
    """Pr and Re (T,) at each threshold. Without a box above the threshold Pr is 1 and Re 0."""
    shown = (sequence.score[:, None] >= taus) & np.isfinite(sequence.score)[:, None]
    hit = np.where(sequence.present, sequence.iou, 0.0) @ shown
    reported, visible = shown.sum(0), int(sequence.present.sum())
    precision = np.divide(hit, reported, out=np.ones(len(taus)), where=reported > 0)
    return precision, hit / visible if visible else np.zeros(len(taus))


def long_term(sequences: Sequence[Confidences]) -> LongTerm:
    """F-score, precision and recall over all sequences, at the best common threshold."""
    taus = thresholds([s.score for s in sequences])
    curves = [precision_recall(s, taus) for s in sequences]
    precision = np.mean([p for p, _ in curves], axis=0)
    recall = np.mean([r for _, r in curves], axis=0)
    total = precision + recall
    f = np.divide(2 * precision * recall, total, out=np.zeros(len(taus)), where=total > 0)
    best = int(f.argmax())
    return LongTerm(float(f[best]), float(precision[best]), float(recall[best]), float(taus[best]))


def redetections(iou: Floats, truth: Floats) -> list[int | None]:
    """For each time the target comes back: frames until IoU >= 0.5, or None if not before it leaves again.

    0 means in the very frame in which it comes back. When it comes for the first time, after frame 1, it does not come
    back.
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
    """Share of the frames without the target that are reported as tracked; nan when it is always there."""
    absent = ~exists(truth)
    return float(tracking[absent].mean()) if absent.any() else float("nan")
