"""Accuracy of grounding: one image, one sentence, one box (RefCOCO, RefCOCO+, RefCOCOg)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgetrack.evaluation.metrics.one_pass import overlap
from edgetrack.evaluation.types import ExpressionBatch, Record


@dataclass(frozen=True, slots=True)
class GroundingMetrics:
    """Metrics as fractions of all sentences; a sentence without an answer counts as IoU 0."""

    tracker: str
    sentences: int
    accuracy: float  # IoU >= 0.5, the acc@0.5 of RefCOCO
    accuracy30: float  # IoU >= 0.3
    accuracy70: float
    mean_iou: float
    answered: float  # fraction for which the tracker gave a box
    start_ms: float  # median time


def score_grounding(
    tracker: str, batches: Sequence[ExpressionBatch], records: Sequence[Record]
) -> GroundingMetrics:
    """Score one tracker, given its record for each batch."""
    boxes = np.concatenate([record.box_array() for record in records])
    iou = overlap(boxes, np.concatenate([batch.boxes for batch in batches]))
    return GroundingMetrics(
        tracker=tracker,
        sentences=len(iou),
        accuracy=float((iou >= 0.5).mean()),
        accuracy30=float((iou >= 0.3).mean()),
        accuracy70=float((iou >= 0.7).mean()),
        mean_iou=float(iou.mean()),
        answered=float(np.isfinite(boxes[:, 0]).mean()),
        start_ms=float(np.median(np.concatenate([record.milliseconds for record in records]))),
    )
