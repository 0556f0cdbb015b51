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
from edgetrack.export.calibration import FRAMES, Clip
from edgetrack.export.ope import evaluate, iou
from edgetrack.export.watch import Watch
from edgetrack.io.sources import open_source
from edgetrack.tracker import Tracker
from edgetrack.types import Box

VIDEOS = (".mp4", ".avi", ".mkv", ".mov")
SAME = 0.5  # IoU from which two boxes count as the same
_TURN = 30  # frames for which a word is looked for, where no target is given
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
        boxes = np.genfromtxt(file, delimiter=",", ndmin=2)
    except ValueError as error:
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
    """Accuracy as success AUC on labelled clips, each started from its first box (``edgetrack.export.ope``)."""

    def __init__(self, fp32: Engine, folder: Path, *, watch: Watch) -> None:
        self._clips, self._watch = labelled_clips(folder), watch
        self._fp32 = self._figures(fp32)

    def accuracy(self, engine: Engine) -> Accuracy:
        """Of ``engine`` against float32."""
        figures = self._figures(engine)
        return Accuracy("success AUC", {name: (auc, figures[name]) for name, auc in self._fp32.items()})

    def _figures(self, engine: Engine) -> dict[str, float]:
        figures = {}
        for clip in self._watch(
            self._clips, f"following labelled clips in {engine.precision}", len(self._clips)
        ):
            boxes = _follow(engine, clip)
            figures[clip.video.stem] = evaluate(boxes, clip.truth[: len(boxes)]).auc
        return figures


class Agreement:
    """Accuracy as agreement with float32: the share of frames in which both have no box, or both the same one.

    Without ``text`` and ``box`` the words of a clip are looked for in turn.
    """

    def __init__(
        self, fp32: Engine, clips: Sequence[Clip], *, text: str | None, box: Box | None, watch: Watch
    ) -> None:
        self._clips, self._text, self._box, self._watch = clips, text, box, watch
        self._fp32 = self._boxes(fp32)

    def accuracy(self, engine: Engine) -> Accuracy:
        """Of ``engine`` against float32, which is 1 by definition."""
        boxes = self._boxes(engine)
        return Accuracy(
            "agreement", {name: (1.0, same_boxes(found, boxes[name])) for name, found in self._fp32.items()}
        )

    def _boxes(self, engine: Engine) -> dict[str, Boxes]:
        return {clip.name: self._one(engine, clip) for clip in self._clips}

    def _one(self, engine: Engine, clip: Clip) -> Boxes:
        tracker, rows = Tracker(engine=engine), []
        with clip.open() as source:
            total = min(FRAMES, source.frames or FRAMES)
            title = f"following in {engine.precision}: {clip.name}"
            for frame in self._watch(islice(source, FRAMES), title, total):
                turn, rest = divmod(frame.index, _TURN)
                if self._text is None and self._box is None and rest == 0:
                    track = tracker.start(frame.pixels, text=clip.words[turn % len(clip.words)])
                elif frame.index == 0:
                    track = tracker.start(frame.pixels, text=self._text, box=self._box)
                else:
                    track = tracker.update(frame.pixels)
                rows.append(_row(track.box))
        return np.array(rows)


def same_boxes(first: Boxes, second: Boxes) -> float:
    """The share of rows in which both have no box, or boxes of IoU ``SAME`` or more."""
    none = np.isnan(first).any(1), np.isnan(second).any(1)
    same = np.where(none[0] | none[1], none[0] & none[1], iou(first, second) >= SAME)
    return float(same.mean())


def _follow(engine: Engine, clip: Labelled) -> Boxes:
    tracker, rows = Tracker(engine=engine), []
    with open_source(clip.video) as source:
        for frame in islice(source, clip.start, clip.start + len(clip.truth)):
            first = frame.index == clip.start
            track = tracker.start(frame.pixels, box=clip.truth[0]) if first else tracker.update(frame.pixels)
            rows.append(_row(track.box))
    return np.array(rows)


def _row(box: Box | None) -> tuple[float, float, float, float]:
    return (float("nan"),) * 4 if box is None else box.xywh
