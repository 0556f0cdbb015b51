"""Runs two trackers on the same frames, and measures their agreement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edgetrack.pipeline import FrameTracker
from edgetrack.types import Box, Frame, Status, Track


def agreement(a: Track, b: Track) -> float:
    """Return the IoU of the boxes; 1 if neither track has one, 0 if only one has."""
    if a.box is None or b.box is None:
        return float(a.box is b.box)
    return a.box.iou(b.box)


@dataclass(frozen=True, slots=True)
class Figures:
    """Metrics of two series of tracks for the same frames."""

    frames: int
    mean_iou: float
    lowest_iou: float
    diverging: int  # number of frames with an IoU below the bound
    same_status: int  # number of frames

    @classmethod
    def of(cls, ious: Sequence[float], a: Sequence[Track], b: Sequence[Track], *, bound: float) -> Figures:
        """Return the metrics of two series of tracks and their IoUs."""
        same = sum(x.status == y.status for x, y in zip(a, b, strict=True))
        below = sum(iou < bound for iou in ious)
        return cls(len(ious), float(np.mean(ious)), min(ious), below, same)


@dataclass(slots=True)
class Comparison:
    """The tracks of a reference and a candidate in each frame, and the recorded tracks."""

    min_iou: float  # frames with a lower IoU diverge
    recorded: list[Track] = field(default_factory=list)
    reference: list[Track] = field(default_factory=list)
    candidate: list[Track] = field(default_factory=list)
    ious: list[float] = field(default_factory=list)  # IoU of reference and candidate
    first: int | None = None  # index of the first frame that diverges
    pixels: NDArray[np.uint8] | None = None  # image of that frame, (H, W, 3) BGR

    def add(self, frame: Frame, recorded: Track, reference: Track, candidate: Track) -> None:
        """Add the next frame."""
        iou = agreement(reference, candidate)
        if iou < self.min_iou and self.first is None:
            self.first, self.pixels = len(self.ious), frame.pixels.copy()
        self.recorded.append(recorded)
        self.reference.append(reference)
        self.candidate.append(candidate)
        self.ious.append(iou)

    @property
    def diverging(self) -> float:
        """Return the fraction of diverging frames."""
        return self.figures().diverging / len(self.ious)

    def figures(self) -> Figures:
        """Return the metrics of the candidate against the reference."""
        return Figures.of(self.ious, self.reference, self.candidate, bound=self.min_iou)

    def as_recorded(self) -> Figures:
        """Return the metrics of the reference against the recorded tracks: the effect of JPEG, machine and version."""
        ious = [agreement(a, b) for a, b in zip(self.recorded, self.reference, strict=True)]
        return Figures.of(ious, self.recorded, self.reference, bound=self.min_iou)

    def statuses(self) -> Counter[tuple[Status, Status]]:
        """Return how often each pair of statuses of reference and candidate occurred."""
        both = zip(self.reference, self.candidate, strict=True)
        return Counter((a.status, b.status) for a, b in both if a.status != b.status)


def compare(
    steps: Iterable[tuple[Frame, Track]],
    candidate: FrameTracker,
    reference: FrameTracker | None,
    *,
    text: str | None,
    box: Box | None,
    min_iou: float,
    on_frame: Callable[[], None] = lambda: None,
) -> Comparison:
    """Run both on the same decoded frames; without a reference, the recorded tracks are the reference."""
    comparison = Comparison(min_iou)
    for frame, recorded in steps:
        said = [
            _track(tracker, frame, text=text, box=box)
            for tracker in (reference, candidate)
            if tracker is not None
        ]
        comparison.add(frame, recorded, *([recorded, *said] if reference is None else said))
        on_frame()
    return comparison


def _track(tracker: FrameTracker, frame: Frame, *, text: str | None, box: Box | None) -> Track:
    return tracker.start(frame, text=text, box=box) if frame.index == 0 else tracker.update(frame)
