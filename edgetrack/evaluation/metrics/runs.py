"""Computes the metrics of sequences and of whole runs from records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgetrack.datasets import Sequence as Clip
from edgetrack.evaluation.metrics.calibration import Bin, auroc, ece, reliability
from edgetrack.evaluation.metrics.long_term import (
    Confidences,
    LongTerm,
    false_present,
    long_term,
    redetections,
)
from edgetrack.evaluation.metrics.masks import (
    MaskMetrics,
    drawn,
    ellipse,
    mask_metrics,
    mean_metrics,
    outlines,
    true_box_metrics,
)
from edgetrack.evaluation.metrics.occlusion import Reacquisition, reacquisition
from edgetrack.evaluation.metrics.one_pass import (
    Curves,
    EitherTruth,
    OnePassMetrics,
    counted,
    curves,
    either_truth,
    exists,
    grounding_accuracy,
    one_pass_metrics,
    overlap,
)
from edgetrack.evaluation.metrics.prompt_switching import SwitchMetrics, switch_metrics
from edgetrack.evaluation.types import CLEAN, OCCLUSION, SWITCH, Bools, Floats, Record, Run
from edgetrack.types import STATUSES, Status


@dataclass(frozen=True, slots=True)
class SequenceMetrics:
    """Metrics of one run on one sequence."""

    name: str
    frames: int
    absent: int  # frames without the target
    ope: OnePassMetrics
    official_auc: float  # protocol of the official toolkits, see `one_pass.counted`
    first_iou: float  # IoU on the first frame; 1 if its box was given; NaN if the target is not in view
    statuses: dict[Status, int]
    false_present: float  # fraction of absent frames that are reported as tracked
    redetections: list[int | None]
    update_ms: float  # median; NaN if the tracker was called only once
    curves: Curves
    iou: Floats  # (N,)


@dataclass(frozen=True, slots=True)
class RunMetrics:
    """Metrics of one run: means over the sequences, and metrics of all frames together."""

    run: Run
    sequences: list[SequenceMetrics]
    records: list[Record]
    ope: OnePassMetrics  # means
    curves: Curves  # means
    official_auc: float
    long_term: LongTerm
    auroc: float  # score against "target in view and IoU >= 0.5", all frames but the first
    ece: float
    ece_adaptive: float
    reliability: list[Bin]
    first_hits: int  # sequences with IoU >= 0.5 on the first frame
    grounding: float  # the same as a fraction of the sequences
    auc_grounded: float  # mean AUC of these sequences
    false_present: float  # over all frames without the target together
    redetected: float  # fraction of all returns of the target that are re-detected
    redetection_frames: float  # their median delay
    update_ms: float  # median over all updates
    update_p95_ms: float
    occlusion: Reacquisition | None
    switches: list[SwitchMetrics]  # one per kind; empty if the prompt is not switched
    masks: (
        MaskMetrics | None
    )  # for clean runs on sequences with masks; boxes are used if the tracker gives no masks
    filled_boxes: MaskMetrics | None  # for a run with masks: its filled boxes as masks
    ellipses: MaskMetrics | None  # for a run with masks: the ellipses in its boxes as masks
    true_box_masks: MaskMetrics | None  # the filled true boxes, an upper bound for boxes
    either: EitherTruth | None  # means, if every sequence has boxes in both images of a pair


def score_sequence(clip: Clip, record: Record) -> SequenceMetrics:
    """Score one sequence."""
    boxes, only = record.box_array(), np.array(record.scored)
    iou = overlap(boxes, clip.boxes)
    called = _updates(record)
    return SequenceMetrics(
        name=clip.name,
        frames=len(clip.boxes),
        absent=int((~exists(clip.boxes)).sum()),
        ope=one_pass_metrics(boxes, clip.boxes, only=only),
        official_auc=one_pass_metrics(boxes, clip.boxes, protocol="official", only=only).auc,
        first_iou=float(iou[0]) if exists(clip.boxes)[0] else float("nan"),
        statuses={status: record.statuses.count(status) for status in STATUSES},
        false_present=false_present(record.is_tracking(), clip.boxes),
        redetections=redetections(iou, clip.boxes),
        update_ms=float(np.median(called)) if len(called) else float("nan"),
        curves=curves(boxes, clip.boxes, counted(clip.boxes) & only),
        iou=iou,
    )


def score_run(run: Run, clips: Sequence[Clip], records: list[Record]) -> RunMetrics:
    """Score one run, given its records of all sequences."""
    rows = [score_sequence(clip, record) for clip, record in zip(clips, records, strict=True)]
    return RunMetrics(
        run=run,
        sequences=rows,
        records=records,
        ope=OnePassMetrics(
            *(float(np.mean([getattr(r.ope, f) for r in rows])) for f in OnePassMetrics.__slots__)
        ),
        curves=Curves(*(np.mean([getattr(r.curves, f) for r in rows], axis=0) for f in Curves.__slots__)),
        official_auc=float(np.mean([row.official_auc for row in rows])),
        long_term=long_term(
            [_confidences(c, r, row) for c, r, row in zip(clips, records, rows, strict=True)]
        ),
        **_calibration(clips, records, rows),
        **_first_frame(rows),
        **_presence(clips, records, rows),
        **_time(records),
        **_by_condition(run, clips, records, rows),
    )


def _calibration(
    clips: Sequence[Clip], records: Sequence[Record], rows: Sequence[SequenceMetrics]
) -> dict[str, Any]:
    """Return the calibration over all scored frames, including those without the target, except the first ones."""
    kept = [np.array(record.scored) & (np.arange(len(record.scored)) > 0) for record in records]
    scores = [np.array(record.scores)[keep] for record, keep in zip(records, kept, strict=True)]
    hits = [
        (row.iou >= 0.5)[keep] & exists(clip.boxes)[keep]
        for clip, row, keep in zip(clips, rows, kept, strict=True)
    ]
    score: Floats = np.clip(np.concatenate(scores), 0, 1)
    correct: Bools = np.concatenate(hits)
    return {
        "auroc": auroc(score, correct),
        "ece": ece(score, correct),
        "ece_adaptive": ece(score, correct, adaptive=True),
        "reliability": reliability(score, correct),
    }


def _first_frame(rows: Sequence[SequenceMetrics]) -> dict[str, Any]:
    first = np.array([row.first_iou for row in rows])
    grounded = [row.ope.auc for row in rows if row.first_iou >= 0.5]
    return {
        "first_hits": int((first >= 0.5).sum()),
        "grounding": grounding_accuracy(first[~np.isnan(first)]),
        "auc_grounded": float(np.mean(grounded)) if grounded else float("nan"),
    }


def _presence(
    clips: Sequence[Clip], records: Sequence[Record], rows: Sequence[SequenceMetrics]
) -> dict[str, Any]:
    delays = [delay for row in rows for delay in row.redetections]
    found = [delay for delay in delays if delay is not None]
    tracking = np.concatenate([record.is_tracking() for record in records])
    return {
        "false_present": false_present(tracking, np.concatenate([clip.boxes for clip in clips])),
        "redetected": len(found) / len(delays) if delays else float("nan"),
        "redetection_frames": float(np.median(found)) if found else float("nan"),
    }


def _time(records: Sequence[Record]) -> dict[str, Any]:
    spent = np.concatenate([_updates(record) for record in records])
    return {
        "update_ms": float(np.median(spent)) if len(spent) else float("nan"),
        "update_p95_ms": float(np.percentile(spent, 95)) if len(spent) else float("nan"),
    }


def _by_condition(
    run: Run, clips: Sequence[Clip], records: Sequence[Record], rows: Sequence[SequenceMetrics]
) -> dict[str, Any]:
    """Return the metrics that exist only for some conditions."""
    name, pairs = run.condition.name, list(zip(clips, rows, strict=True))
    visible_iou = [np.where(exists(clip.boxes), row.iou, np.nan) for clip, row in pairs]
    masked = run.condition == CLEAN and all(clip.masks for clip in clips)
    return {
        "occlusion": reacquisition(list(zip(records, visible_iou, strict=True)))
        if name == OCCLUSION
        else None,
        "either": _either(clips, [record.box_array() for record in records]),
        "switches": switch_metrics([(clip, row.iou) for clip, row in pairs]) if name == SWITCH else [],
        **_masks(clips, records, masked=masked),
    }


def _masks(clips: Sequence[Clip], records: Sequence[Record], *, masked: bool) -> dict[str, Any]:
    """Return J&F of the tracker's masks, and of masks drawn from its boxes."""
    if not masked:
        return dict.fromkeys(("masks", "filled_boxes", "ellipses", "true_box_masks"))
    outlined, rows = any(record.masks for record in records), []
    for clip, record in zip(clips, records, strict=True):
        boxes = record.box_array()
        found = outlines(record.masks or [None] * len(clip))
        guesses = (found, drawn(boxes), drawn(boxes, ellipse)) if outlined else (drawn(boxes),)
        rows.append(mask_metrics(clip, *guesses))
    means = [mean_metrics(column) for column in zip(*rows, strict=True)]
    return {
        "masks": means[0],
        "filled_boxes": means[1] if outlined else None,
        "ellipses": means[2] if outlined else None,
        "true_box_masks": mean_metrics(map(true_box_metrics, clips)),
    }


def _either(clips: Sequence[Clip], boxes: Sequence[Floats]) -> EitherTruth | None:
    truths = [(clip.boxes, clip.x_boxes) for clip in clips if clip.x_boxes is not None]
    if len(truths) < len(clips):
        return None
    rows = [either_truth(found, truth) for found, truth in zip(boxes, truths, strict=True)]
    return EitherTruth(*(float(np.mean([getattr(r, f) for r in rows])) for f in EitherTruth.__slots__))


def _confidences(clip: Clip, record: Record, row: SequenceMetrics) -> Confidences:
    keep = np.array(record.scored) & (np.arange(len(record.scored)) > 0)
    shown = np.array([box is not None for box in record.boxes])
    score = np.where(shown, np.array(record.scores), -np.inf)
    return Confidences(row.iou[keep], score[keep], exists(clip.boxes)[keep])


def _updates(record: Record) -> Floats:
    spent = np.array(record.milliseconds[1:], np.float64)
    return np.asarray(spent[spent > 0], np.float64)
