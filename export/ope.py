"""One-pass evaluation: the figures of a sequence of boxes against ground truth.

Success AUC is the mean of 21 success rates, IoU strictly above 0, 0.05 ... 1 (Wu et al., OTB, 2015); precision is the
share of frames whose centres lie at most 20 pixels apart. Frame 1 and frames without the target are left out; a frame
in which the tracker gives no box counts as IoU 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
THRESHOLDS = np.arange(21) / 20


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one sequence."""

    auc: float
    precision: float
    first_iou: float  # of frame 1


def iou(a: Floats, b: Floats) -> Floats:
    """IoU of boxes (N, 4) xywh, row by row; 0 where a row has a nan."""
    low, high = np.maximum(a[:, :2], b[:, :2]), np.minimum(a[:, :2] + a[:, 2:], b[:, :2] + b[:, 2:])
    inter = np.clip(high - low, 0, None).prod(1)
    union = a[:, 2:].prod(1) + b[:, 2:].prod(1) - inter
    return np.asarray(np.nan_to_num(inter / union), np.float64)


def evaluate(predicted: Floats, truth: Floats) -> Figures:
    """Figures of ``predicted`` (N, 4) against ``truth`` (N, 4), both xywh with nan rows for "none"."""
    overlap = iou(predicted, truth)
    scored = np.asarray(~np.isnan(truth).any(1))
    scored[0] = False
    centres = (predicted[:, :2] + predicted[:, 2:] / 2) - (truth[:, :2] + truth[:, 2:] / 2)
    near = np.linalg.norm(centres, axis=1) <= 20  # False where there is no box
    return Figures(
        auc=float((overlap[scored][:, None] > THRESHOLDS).mean()),
        precision=float(near[scored].mean()),
        first_iou=float(overlap[0]),
    )
