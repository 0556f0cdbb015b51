"""Metrics of prompt switching: the time until the new target is tracked after its text was set in mid-sequence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgetrack.datasets import Sequence as Clip
from edgetrack.evaluation.types import Floats

HOLD_FRAMES = 5  # consecutive frames with IoU >= 0.5
# Attributes of a spliced sequence, and the values of the second one.
SWITCH_FRAME, SWITCH_KIND = "switch at", "switch"
SAME_VIDEO, OTHER_VIDEO = "same video", "other video"


@dataclass(frozen=True, slots=True)
class SwitchMetrics:
    """Metrics of the switches of one kind; fractions 0..1."""

    kind: str
    count: int
    held: float  # fraction after which the new target is held within the evaluated frames
    held30: float  # the same within 30 frames
    delay: float  # median frames until it is held, if it is; NaN if it never is


def switch_metrics(runs: Sequence[tuple[Clip, Floats]]) -> list[SwitchMetrics]:
    """Score the switches by kind, given the spliced sequences with their IoU (N,)."""
    found = []
    for kind in (SAME_VIDEO, OTHER_VIDEO):
        delays = [
            hold_delay(iou[int(clip.attributes[SWITCH_FRAME]) :])
            for clip, iou in runs
            if clip.attributes[SWITCH_KIND] == kind
        ]
        held = [delay for delay in delays if delay is not None]
        if delays:
            quick = sum(delay <= 30 for delay in held) / len(delays)
            median = float(np.median(held)) if held else float("nan")
            found.append(SwitchMetrics(kind, len(delays), len(held) / len(delays), quick, median))
    return found


def hold_delay(iou: Floats) -> int | None:
    """Return the frames until the first of `HOLD_FRAMES` in a row with IoU >= 0.5; None if there are none."""
    good = iou >= 0.5
    runs = [bool(good[i : i + HOLD_FRAMES].all()) for i in range(len(iou) - HOLD_FRAMES + 1)]
    return runs.index(True) if True in runs else None
