"""How long a new target takes to be held after the prompt was switched in mid-stream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgetrack.datasets import Sequence as Clip
from edgetrack.evaluation.types import Floats

HOLD_FRAMES = 5  # consecutive frames with IoU >= 0.5
# Attributes of a sequence that was spliced from two, and the values of the second.
SWITCH_FRAME, SWITCH_KIND = "switch at", "switch"
SAME_VIDEO, OTHER_VIDEO = "same video", "other video"


@dataclass(frozen=True, slots=True)
class SwitchMetrics:
    """What became of the switches of one kind; fractions 0..1."""

    kind: str
    count: int
    held: float  # fraction after which the new target is held at all, within the frames that are watched
    held30: float  # within 30 frames
    delay: float  # median frames until then, where it is; nan where it never is


def switch_metrics(runs: Sequence[tuple[Clip, Floats]]) -> list[SwitchMetrics]:
    """Score the switches by kind, given each spliced sequence and the IoU (N,) on it."""
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
