"""How trackers come out of occlusion bursts: what they report meanwhile, and whether they find the target again."""

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
    """Metrics over all bursts of all sequences; fractions 0..1, nan without a burst."""

    bursts: int
    reacquired: float  # IoU >= 0.5 within 30 frames after the burst
    held: int  # bursts before which the target was held, IoU >= 0.5
    reacquired_held: float  # of those
    delay: float  # median frames until then, where it was found again
    auc_burst: float
    auc_after: float  # of the 50 frames after the burst
    hidden: dict[Status, float]  # what is reported while the target is completely covered


def reacquisition(runs: Sequence[tuple[Record, Floats]]) -> Reacquisition:
    """Score each record's bursts, given its IoU (N,), nan where the target is absent."""
    delays: list[int | None] = []
    held: list[bool] = []
    statuses: Counter[Status] = Counter()
    during, after = [np.empty(0)], [np.empty(0)]  # the target is there in a burst, not in all frames after it
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
