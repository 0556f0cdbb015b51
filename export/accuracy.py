"""How well the tracker follows in one precision against another, on videos of the user's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgetrack.engines.base import Engine
from edgetrack.errors import ExportError
from edgetrack.evaluation.metrics import evaluate, overlap
from edgetrack.export.calibration import FRAMES, Clip
from edgetrack.export.watch import Watch
from edgetrack.io.sources import open_source
from edgetrack.tracker import Tracker
from edgetrack.types import Box

VIDEOS = (".mp4", ".avi", ".mkv", ".mov")
SAME = 0.5  # IoU from which two boxes count as the same
TURN = 50  # frames after which both precisions start from the same box again
Boxes = NDArray[np.float64]  # (N, 4) xywh, nan = none


@dataclass(frozen=True, slots=True)
class Labelled:
    """A video and the boxes of its target: one row a frame, from the first frame that has one."""

    video: Path
    truth: Boxes
    start: int  # index of that frame


class Judge(Protocol):
    """Has followed targets in float32 and compares others with that."""

    def accuracy(self, engine: Engine) -> Accuracy: ...


@dataclass(frozen=True, slots=True)
class Accuracy:
    """The figure of each clip in float32 and in the other precision."""

    kind: str  # "success AUC" or "agreement"
    clips: dict[str, tuple[float, float]]

    @property
    def means(self) -> tuple[float, float]:
        first, second = np.mean(list(self.clips.values()), axis=0)
        return float(first), float(second)

    @property
    def ratio(self) -> float:
        """Of the means, other over float32."""
        first, second = self.means
        return second / first if first > 0 else 0.0


def labelled_clips(folder: Path) -> list[Labelled]:
    """Every NAME.mp4 with a NAME.txt: a line ``x,y,w,h`` in pixels for each frame, nan where the target is absent.

    Raises:
        ExportError: the folder holds no such pair, or a label file that cannot be read.
    """
    videos = sorted(
        p for p in folder.glob("*") if p.suffix.lower() in VIDEOS and p.with_suffix(".txt").is_file()
    )
    if not videos:
        raise ExportError(
            f"--accept {folder} has no labelled clips; expected pairs such as drive.mp4 and drive.txt with a line "
            "x,y,w,h (pixels, nan where the target is absent) for each frame"
        )
    return [_labelled(video) for video in videos]


def _labelled(video: Path) -> Labelled:
    file = video.with_suffix(".txt")
    try:
        lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
        boxes = np.array([[float(value) for value in line.replace(",", " ").split()] for line in lines])
    except (OSError, ValueError) as error:
        raise ExportError(
            f"labels {file} cannot be read ({error}); expected a line x,y,w,h for each frame"
        ) from error
    present: NDArray[np.intp] = (
        np.nonzero(~np.isnan(boxes).any(1))[0]
        if boxes.ndim == 2 and boxes.shape[1] == 4
        else np.empty(0, np.intp)
    )
    if len(present) < 2:
        raise ExportError(
            f"labels {file} hold {len(present)} boxes; expected a line x,y,w,h for each frame, two or more"
        )
    return Labelled(video, boxes[present[0] :], int(present[0]))


class Labels:
    """Accuracy as success AUC (``edgetrack.evaluation.metrics``) on labelled clips.

    Trackers amplify: a box that is off by a pixel may end on another target a hundred frames later, in either
    precision. So each is started from the label anew every ``TURN`` frames (in the manner of the anchors of VOT 2020,
    Kristan et al.), and many short runs are compared instead of a few long ones.
    """

    def __init__(self, fp32: Engine, folder: Path, *, watch: Watch) -> None:
        self._clips, self._watch = labelled_clips(folder), watch
        self._fp32 = self._figures(fp32)

    def accuracy(self, engine: Engine) -> Accuracy:
        """Of ``engine`` against float32."""
        figures = self._figures(engine)
        return Accuracy("success AUC", {name: (auc, figures[name]) for name, auc in self._fp32.items()})

    def _figures(self, engine: Engine) -> dict[str, float]:
        title = f"following labelled clips in {engine.precision}"
        return {
            clip.video.stem: _success(engine, clip)
            for clip in self._watch(self._clips, title, len(self._clips))
        }


class Agreement:
    """Accuracy as agreement with float32: the share of frames in which both have no box, or both the same one.

    Every ``TURN`` frames the target is found anew (by ``text``, ``box`` or the next of the clip's words), which counts;
    then both go on from the box that float32 has found.
    """

    def __init__(
        self, fp32: Engine, clips: Sequence[Clip], *, text: str | None, box: Box | None, watch: Watch
    ) -> None:
        self._clips, self._text, self._box, self._watch = clips, text, box, watch
        self._fp32 = {clip.name: self._boxes(fp32, clip, None) for clip in clips}

    def accuracy(self, engine: Engine) -> Accuracy:
        """Of ``engine`` against float32, which is 1 by definition."""
        found = {clip.name: self._boxes(engine, clip, self._fp32[clip.name]) for clip in self._clips}
        figures = {name: (1.0, same_boxes(boxes, found[name])) for name, boxes in self._fp32.items()}
        return Accuracy("agreement", figures)

    def _boxes(self, engine: Engine, clip: Clip, fp32: Boxes | None) -> Boxes:
        tracker, rows = Tracker(engine=engine), []
        with clip.open() as source:
            total = min(FRAMES, source.frames or FRAMES)
            title = f"following in {engine.precision}: {Path(clip.name).name}"
            for frame in self._watch(islice(source, FRAMES), title, total):
                turn, rest = divmod(frame.index, TURN)
                if rest:
                    track = tracker.update(frame.pixels)
                elif self._box is not None and frame.index == 0:
                    track = tracker.start(frame.pixels, text=self._text, box=self._box)
                else:
                    track = tracker.start(frame.pixels, text=self._text or clip.words[turn % len(clip.words)])
                rows.append(_row(track.box))
                if rest == 0 and fp32 is not None and not np.isnan(fp32[frame.index]).any():
                    tracker.start(frame.pixels, box=fp32[frame.index])
                elif rest == 0 and track.box is not None:
                    tracker.start(frame.pixels, box=track.box)
        return np.array(rows)


def same_boxes(first: Boxes, second: Boxes) -> float:
    """The share of rows in which both have no box, or boxes of IoU ``SAME`` or more."""
    none = np.isnan(first).any(1), np.isnan(second).any(1)
    same = np.where(none[0] | none[1], none[0] & none[1], overlap(first, second) >= SAME)
    return float(same.mean())


def _success(engine: Engine, clip: Labelled) -> float:
    """The mean over all turns of the clip, weighted by their frames with a label."""
    tracker, starts = Tracker(engine=engine), list[int]()
    boxes: list[tuple[float, float, float, float]] = []
    with open_source(clip.video) as source:
        for frame in islice(source, clip.start, clip.start + len(clip.truth)):
            row = len(boxes)
            labelled = not np.isnan(clip.truth[row]).any()
            if not starts or (row - starts[-1] >= TURN and labelled):
                starts.append(row)
                track = tracker.start(frame.pixels, box=clip.truth[row])
            else:
                track = tracker.update(frame.pixels)
            boxes.append(_row(track.box))
    figures, weights = [], []
    for start, end in zip(starts, [*starts[1:], len(boxes)], strict=True):
        truth = clip.truth[start:end]
        weight = int((~np.isnan(truth[1:]).any(1)).sum())
        if weight:
            figures.append(evaluate(np.array(boxes[start:end]), truth).auc)
            weights.append(weight)
    if not weights:
        raise ExportError(
            f"labels of {clip.video} have no two boxes within {TURN} frames; expected a line x,y,w,h for each frame"
        )
    return float(np.average(figures, weights=weights))


def _row(box: Box | None) -> tuple[float, float, float, float]:
    return (float("nan"),) * 4 if box is None else box.xywh
