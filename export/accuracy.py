"""Compare the tracker's accuracy in another precision with float32, on the user's videos."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgetrack.errors import ExportError
from edgetrack.evaluation.metrics.one_pass import overlap
from edgetrack.export.calibration import EVERY, FRAMES, Clip, images_of
from edgetrack.export.evidence import NEEDED, Seen, random_box
from edgetrack.export.labels import Boxes
from edgetrack.export.watch import Watch
from edgetrack.peers import FrameTracker, Mode
from edgetrack.types import Box

SAME = 0.5  # two boxes count as the same if their IoU is at least this
TURN = 50  # frames after which both precisions start from the same box again
Pixels = NDArray[np.uint8]


class Judge(Protocol):
    """Compares trackers in other precisions with a float32 run, which it has done already."""

    def accuracy(self, tracker: FrameTracker, precision: str) -> Accuracy: ...


@dataclass(frozen=True, slots=True)
class Turn:
    """Results between one restart and the next: the figures of both precisions, and the number of frames."""

    frames: int
    fp32: float
    other: float


@dataclass(frozen=True, slots=True)
class Accuracy:
    """The turns of each clip in float32 and in the other precision, without frames that cannot count."""

    kind: str  # "success AUC" or "agreement"
    turns: Mapping[str, Sequence[Turn]]

    @property
    def clips(self) -> dict[str, tuple[float, float]]:
        """Return the figures of each clip that has any, in float32 and in the other precision."""
        return {name: _means(turns) for name, turns in self.turns.items() if turns}

    @property
    def frames(self) -> int:
        """Return the number of frames of all clips that counted."""
        return sum(turn.frames for turns in self.turns.values() for turn in turns)

    @property
    def means(self) -> tuple[float, float]:
        """Return the means over the clips."""
        first, second = np.mean(list(self.clips.values()), axis=0)
        return float(first), float(second)

    @property
    def ratio(self) -> float:
        """Return the ratio of the means, the other precision over float32."""
        first, second = self.means
        return second / first if first > 0 else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Return the 95 % interval of the ratio, from the spread of the turns (ratio estimator).

        Each half of the interval is at least 3 / frames wide. The frames of one turn are not independent evidence. If
        all frames agree, later frames still may not: after n successes in n trials, the failure rate is below 3 / n
        (rule of three).
        """
        rows = [(t.frames, t.fp32, t.other) for turns in self.turns.values() for t in turns]
        weight, fp32, other = np.array(rows, np.float64).T
        total, count = float((weight * fp32).sum()), len(rows)
        if total == 0 or count < 2:
            return 0.0, float("inf")
        ratio = float((weight * other).sum()) / total
        spread = float((weight**2 * (other - ratio * fp32) ** 2).sum()) * count / (count - 1)
        half = max((1.96 + 2.4 / (count - 1)) * math.sqrt(spread) / total, 3 / self.frames)
        return max(0.0, self.ratio - half), self.ratio + half

    def __str__(self) -> str:
        low, high = self.interval
        first, second = self.means
        return (
            f"{self.kind} {second:.3f} against {first:.3f} in fp32 over {self.frames} frames (95 % interval of the "
            f"ratio {low:.2f} to {high:.2f})"
        )


def _means(turns: Sequence[Turn]) -> tuple[float, float]:
    weights = [turn.frames for turn in turns]
    fp32, other = (
        np.average([getattr(t, what) for t in turns], weights=weights) for what in ("fp32", "other")
    )
    return float(fp32), float(other)


def check_frames(accuracy: Accuracy, what: str) -> None:
    """Raise ExportError unless enough frames counted."""
    if accuracy.frames < NEEDED:
        raise ExportError(
            f"{what} in only {accuracy.frames} frames; expected at least {NEEDED}, because fewer cannot tell "
            "one precision from another; give more video, or select the target with --text or --box"
        )


@dataclass(frozen=True, slots=True)
class _Start:
    """How a turn starts: search for ``text``, then both precisions track ``box``, found by float32 or random."""

    text: str | None
    box: Box | None
    frames: int  # length of the turn


class Agreement:
    """Accuracy as agreement with float32, over the frames in which at least one precision finds a box.

    Every ``TURN`` frames, both precisions search for the target by ``text`` or the next of the clip's words, which
    counts; then both continue from the box that float32 found. If a word is not found, or the tracker does not accept
    text, both continue from a random box for ``EVERY`` frames. A tracker that does not accept boxes continues without
    restart in both precisions. Frames do not count if their box was given, if they show nothing, or if neither
    precision has a box.
    """

    def __init__(
        self,
        fp32: FrameTracker,
        clips: Sequence[Clip],
        *,
        modes: Collection[Mode],
        text: str | None,
        box: Box | None,
        watch: Watch,
    ) -> None:
        self._clips, self._text, self._box, self._watch = clips, text, box, watch
        self._reads, self._boxes = "nl" in modes, "bbox" in modes
        self._starts: dict[str, list[_Start]] = {clip.name: [] for clip in clips}
        self._fp32 = {clip.name: self._follow(fp32, "fp32", clip) for clip in clips}
        check_frames(self._compared(self._fp32), "float32 had a box")

    def accuracy(self, tracker: FrameTracker, precision: str) -> Accuracy:
        """Return the accuracy of ``tracker`` relative to float32, whose accuracy is 1 by definition."""
        return self._compared({clip.name: self._follow(tracker, precision, clip) for clip in self._clips})

    def _compared(self, boxes: Mapping[str, list[Boxes]]) -> Accuracy:
        turns: dict[str, list[Turn]] = {}
        for name, fp32 in self._fp32.items():
            shares = [same_boxes(a, b) for a, b in zip(fp32, boxes[name], strict=True)]
            turns[name] = [Turn(count, 1.0, share) for share, count in shares if count]
        return Accuracy("agreement", turns)

    def _follow(self, tracker: FrameTracker, precision: str, clip: Clip) -> list[Boxes]:
        """Return the boxes of each turn, without those that were given."""
        turns: list[list[tuple[float, float, float, float]]] = []
        starts, random, last, left = self._starts[clip.name], np.random.default_rng(0), None, 0
        with clip.open() as source:
            total = min(FRAMES, source.frames or FRAMES)
            title = f"following in {precision}: {Path(clip.name).name}"
            frames = Seen(clip.name).shown(self._watch(islice(source, FRAMES), title, total))
            for frame in frames:
                if left:
                    last = tracker.update(images_of(frame)).box
                    turns[-1].append(row_of(last))
                    left -= 1
                    continue
                turn, look = len(turns), self._look(clip, len(turns)) if frame.color else None
                found = None if look is None else tracker.start(images_of(frame), text=look).box
                turns.append([] if look is None else [row_of(found)])
                if turn == len(starts):  # float32 runs first and determines the starts
                    seen = found or (last if self._box is not None else None)
                    starts.append(self._start(frame.pixels, turn, look, seen, random))
                last, left = starts[turn].box, starts[turn].frames - 1
                if last is not None:
                    tracker.start(images_of(frame), box=last, **self._told(turn))
        return [np.array(rows).reshape(-1, 4) for rows in turns]

    def _look(self, clip: Clip, turn: int) -> str | None:
        """Return the text to search for at the start of a turn."""
        if not self._reads or (turn == 0 and self._box is not None):
            return None
        return self._text or (clip.words[turn % len(clip.words)] if self._box is None else None)

    def _start(
        self, pixels: Pixels, turn: int, look: str | None, found: Box | None, random: np.random.Generator
    ) -> _Start:
        """Return how a turn starts according to float32; ``found`` is its current or most recent box."""
        if self._box is not None:
            place = self._box if turn == 0 else found
            return _Start(look, place, TURN if place is not None or look is not None else 1)
        if self._text is not None or (look is not None and found is not None):
            return _Start(look, found if self._boxes else None, TURN)
        drawn = random_box(pixels, random) if self._boxes else None
        return _Start(look, drawn, EVERY if drawn is not None or look is not None else 1)

    def _told(self, turn: int) -> dict[str, str]:
        """Return the text of the target in the given box, if the user gave both."""
        return {"text": self._text} if turn == 0 and self._box is not None and self._text is not None else {}


def same_boxes(first: Boxes, second: Boxes) -> tuple[float, int]:
    """Return the fraction of rows with an IoU of at least ``SAME``, among rows with any box, and their number."""
    none = np.isnan(first).any(1), np.isnan(second).any(1)
    either = ~(none[0] & none[1])
    same = ~none[0] & ~none[1] & (overlap(first, second) >= SAME)
    count = int(either.sum())
    return (float(same[either].mean()) if count else 0.0), count


def row_of(box: Box | None) -> tuple[float, float, float, float]:
    """Return x, y, w, h; NaN without a box."""
    return (float("nan"),) * 4 if box is None else box.xywh
