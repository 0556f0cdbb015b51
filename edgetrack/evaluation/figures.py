"""From records to figures: of each sequence, and of a whole run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgetrack.datasets import Sequence as Clip
from edgetrack.evaluation.calibration import Bin, auroc, ece, reliability
from edgetrack.evaluation.longterm import Confidences, LongTerm, false_present, long_term, redetections
from edgetrack.evaluation.masks import MaskFigures, mask_figures, mean_figures, of_true_boxes
from edgetrack.evaluation.metrics import (
    Bools,
    Curves,
    Floats,
    OpeFigures,
    counted,
    curves,
    evaluate,
    exists,
    grounding_accuracy,
    overlap,
)
from edgetrack.evaluation.occlusion import Reacquisition, reacquisition
from edgetrack.evaluation.records import Record
from edgetrack.evaluation.runner import Run
from edgetrack.evaluation.streams import CLEAN, OCCLUSION, SWITCH
from edgetrack.evaluation.switching import Switches, switches
from edgetrack.types import STATUSES, Status


@dataclass(frozen=True, slots=True)
class SequenceFigures:
    """Of one run on one sequence."""

    name: str
    frames: int
    absent: int  # frames without the target
    ope: OpeFigures
    official_auc: float  # by the protocol of the official toolkits, see `metrics.counted`
    first_iou: float  # of frame 1; 1 where its box was given; nan where the target is not there yet
    statuses: dict[Status, int]
    false_present: float  # share of absent frames that are reported as tracked
    redetections: list[int | None]
    update_ms: float  # median; nan where the tracker was called once
    curves: Curves
    iou: Floats  # (N,)


@dataclass(frozen=True, slots=True)
class RunFigures:
    """Of one run: means over the sequences, and figures of all frames together."""

    run: Run
    sequences: list[SequenceFigures]
    records: list[Record]
    ope: OpeFigures  # means
    curves: Curves  # means
    official_auc: float
    long_term: LongTerm
    auroc: float  # of the score against "there, and IoU >= 0.5", all frames but the first
    ece: float
    ece_adaptive: float
    reliability: list[Bin]
    first_hits: int  # sequences with IoU >= 0.5 on frame 1
    grounding: float  # the same as a share
    auc_grounded: float  # mean AUC of those sequences
    false_present: float  # of all absent frames together
    redetected: float  # share of all returns of the target
    redetection_frames: float  # median delay of those
    update_ms: float  # median over all updates
    update_p95_ms: float
    occlusion: Reacquisition | None
    switches: list[Switches]  # of each kind; none where the text stays
    masks: MaskFigures | None  # of undisturbed runs on sequences with masks, the boxes taken for masks
    true_box_masks: MaskFigures | None  # the same of the true boxes, which no box can be expected to beat


def of_sequence(clip: Clip, record: Record) -> SequenceFigures:
    """The figures of one record."""
    boxes, only = record.box_array(), np.array(record.scored)
    iou = overlap(boxes, clip.boxes)
    called = _updates(record)
    return SequenceFigures(
        name=clip.name,
        frames=len(clip.boxes),
        absent=int((~exists(clip.boxes)).sum()),
        ope=evaluate(boxes, clip.boxes, only=only),
        official_auc=evaluate(boxes, clip.boxes, protocol="official", only=only).auc,
        first_iou=float(iou[0]) if exists(clip.boxes)[0] else float("nan"),
        statuses={status: record.statuses.count(status) for status in STATUSES},
        false_present=false_present(record.is_tracking(), clip.boxes),
        redetections=redetections(iou, clip.boxes),
        update_ms=float(np.median(called)) if len(called) else float("nan"),
        curves=curves(boxes, clip.boxes, counted(clip.boxes) & only),
        iou=iou,
    )


def of_run(run: Run, clips: Sequence[Clip], records: list[Record]) -> RunFigures:
    """The figures of one run, given its record for each sequence."""
    rows = [of_sequence(clip, record) for clip, record in zip(clips, records, strict=True)]
    score, correct = _believed(clips, records, rows)
    first = np.array([row.first_iou for row in rows])
    delays = [delay for row in rows for delay in row.redetections]
    found = [delay for delay in delays if delay is not None]
    spent = np.concatenate([_updates(record) for record in records])
    tracking = np.concatenate([record.is_tracking() for record in records])
    grounded = [row.ope.auc for row in rows if row.first_iou >= 0.5]
    masked = run.condition == CLEAN and all(clip.masks for clip in clips)
    return RunFigures(
        run=run,
        sequences=rows,
        records=records,
        ope=OpeFigures(*(float(np.mean([getattr(r.ope, f) for r in rows])) for f in OpeFigures.__slots__)),
        curves=Curves(*(np.mean([getattr(r.curves, f) for r in rows], axis=0) for f in Curves.__slots__)),
        official_auc=float(np.mean([row.official_auc for row in rows])),
        long_term=long_term(
            [_confidences(c, r, row) for c, r, row in zip(clips, records, rows, strict=True)]
        ),
        auroc=auroc(score, correct),
        ece=ece(score, correct),
        ece_adaptive=ece(score, correct, adaptive=True),
        reliability=reliability(score, correct),
        first_hits=int((first >= 0.5).sum()),
        grounding=grounding_accuracy(first[~np.isnan(first)]),
        auc_grounded=float(np.mean(grounded)) if grounded else float("nan"),
        false_present=false_present(tracking, np.concatenate([clip.boxes for clip in clips])),
        redetected=len(found) / len(delays) if delays else float("nan"),
        redetection_frames=float(np.median(found)) if found else float("nan"),
        update_ms=float(np.median(spent)) if len(spent) else float("nan"),
        update_p95_ms=float(np.percentile(spent, 95)) if len(spent) else float("nan"),
        occlusion=(
            reacquisition(
                [
                    (record, np.where(exists(clip.boxes), row.iou, np.nan))
                    for clip, record, row in zip(clips, records, rows, strict=True)
                ]
            )
            if run.condition.name == OCCLUSION
            else None
        ),
        switches=(
            switches([(clip, r, row.iou) for clip, r, row in zip(clips, records, rows, strict=True)])
            if run.condition.name == SWITCH
            else []
        ),
        masks=mean_figures(map(mask_figures, clips, (r.box_array() for r in records))) if masked else None,
        true_box_masks=mean_figures(map(of_true_boxes, clips)) if masked else None,
    )


def _believed(
    clips: Sequence[Clip], records: Sequence[Record], rows: Sequence[SequenceFigures]
) -> tuple[Floats, Bools]:
    """Score and correctness of every frame that may count, absent ones included, first ones not."""
    kept = [np.array(record.scored) & (np.arange(len(record.scored)) > 0) for record in records]
    score = [np.array(record.scores)[keep] for record, keep in zip(records, kept, strict=True)]
    correct = [
        (row.iou >= 0.5)[keep] & exists(clip.boxes)[keep]
        for clip, row, keep in zip(clips, rows, kept, strict=True)
    ]
    return np.clip(np.concatenate(score), 0, 1), np.concatenate(correct)


def _confidences(clip: Clip, record: Record, row: SequenceFigures) -> Confidences:
    keep = np.array(record.scored) & (np.arange(len(record.scored)) > 0)
    shown = np.array([box is not None for box in record.boxes])
    score = np.where(shown, np.array(record.scores), -np.inf)
    return Confidences(row.iou[keep], score[keep], exists(clip.boxes)[keep])


def _updates(record: Record) -> Floats:
    spent = np.array(record.milliseconds[1:], np.float64)
    return np.asarray(spent[spent > 0], np.float64)
