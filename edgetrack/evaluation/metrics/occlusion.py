"""Metrics of occlusion bursts: the status reported meanwhile, and whether the target is found again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgetrack.evaluation.metrics.one_pass import success_curve
from edgetrack.evaluation.types import Floats, Record
from edgetrack.types import Status

REACQUISITION_WINDOW = 30  # frames after a burst within which the target must be found again
AFTER_WINDOW = 50  # frames after a burst whose AUC is reported


@dataclass(frozen=True, slots=True)
class Reacquisition:
    """Metrics over all bursts of all sequences; fractions 0..1, NaN without a burst."""

    bursts: int
    reacquired: float  # fraction with IoU >= 0.5 within 30 frames after the burst
    held: int  # number of bursts before which the target was tracked with IoU >= 0.5
    reacquired_held: float  # the fraction found again among these
    delay: float  # median frames until the target is found again, if it is
    auc_burst: float
    auc_after: float  # AUC of the 50 frames after the burst
    hidden: dict[Status, float]  # fraction of each status while the target is completely covered


def reacquisition(runs: Sequence[tuple[Record, Floats]]) -> Reacquisition:
    """Score the bursts of records, given the IoU (N,) of each, NaN if the target is absent."""
    delays: list[int | None] = []
    held: list[bool] = []
    statuses: Counter[Status] = Counter()
    during, after = [np.empty(0)], [np.empty(0)]  # only after a burst, the target may be absent
    for record, iou in runs:
        for burst in record.bursts:
            hits = np.flatnonzero(iou[burst.end : burst.end + REACQUISITION_WINDOW] >= 0.5)
            delays.append(int(hits[0]) if hits.size else None)
            held.append(bool(iou[burst.begin - 1] >= 0.5))
            statuses.update(record.statuses[burst.hidden : burst.clearing])
            during.append(iou[burst.begin : burst.end])
            after.append(iou[burst.end : burst.end + AFTER_WINDOW])
    found = [delay for delay in delays if delay is not None]
    kept = [delay is not None for delay, was in zip(delays, held, strict=True) if was]
    return Reacquisition(
        bursts=len(delays),
        reacquired=_ratio(len(found), len(delays)),
        held=len(kept),
        reacquired_held=_ratio(sum(kept), len(kept)),
        delay=float(np.median(found)) if found else float("nan"),
        auc_burst=float(success_curve(np.concatenate(during)).mean()),
        auc_after=float(success_curve(_present(after)).mean()),
        hidden={status: _ratio(n, statuses.total()) for status, n in statuses.items()},
    )


def _present(iou: Sequence[Floats]) -> Floats:
    joined: Floats = np.concatenate(iou)
    return joined[~np.isnan(joined)]


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
