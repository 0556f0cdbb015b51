"""The accuracy of the tracker in one precision relative to float32, on labeled clips."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from edgetrack.errors import ExportError
from edgetrack.evaluation.metrics.one_pass import one_pass_metrics
from edgetrack.export import accuracy
from edgetrack.export.accuracy import Accuracy, Turn, check_frames, row_of
from edgetrack.export.labels import Labeled, labeled_clips
from edgetrack.export.watch import Watch
from edgetrack.io.source import Source
from edgetrack.io.sources import open_source
from edgetrack.peers import FrameTracker
from edgetrack.types import Box, Frame, Track


class OnLabels:
    """Accuracy as the mean of a figure that ``measure`` yields for each turn of each clip."""

    kind: str  # name of the figure
    evidence: str  # condition for a frame to count
    doing: str  # description for the progress display

    def __init__(self, fp32: FrameTracker, clips: Sequence[Labeled], *, watch: Watch) -> None:
        self._clips, self._watch = clips, watch
        self._fp32 = self._figures(fp32, "fp32")
        check_frames(self._compared(self._fp32), self.evidence)

    def measure(self, tracker: FrameTracker, clip: Labeled) -> list[tuple[int, float]]:
        raise NotImplementedError

    def accuracy(self, tracker: FrameTracker, precision: str) -> Accuracy:
        """Return the accuracy of ``tracker`` relative to float32."""
        return self._compared(self._figures(tracker, precision))

    def _compared(self, figures: Mapping[str, list[tuple[int, float]]]) -> Accuracy:
        turns = {
            name: [Turn(n, a, b) for (n, a), (_, b) in zip(rows, figures[name], strict=True)]
            for name, rows in self._fp32.items()
        }
        return Accuracy(self.kind, turns)

    def _figures(self, tracker: FrameTracker, precision: str) -> dict[str, list[tuple[int, float]]]:
        title = f"{self.doing} in {precision}"
        return {
            clip.name: self.measure(tracker, clip)
            for clip in self._watch(self._clips, title, len(self._clips))
        }


class Labels(OnLabels):
    """Success AUC (``edgetrack.evaluation.metrics``) of the clips in a folder."""

    kind = "success AUC"
    evidence = "the clips of --accept have labels"
    doing = "following labeled clips"

    def __init__(self, fp32: FrameTracker, folder: Path, *, pairs: bool = False, watch: Watch) -> None:
        super().__init__(fp32, labeled_clips(folder, pairs=pairs), watch=watch)

    def measure(self, tracker: FrameTracker, clip: Labeled) -> list[tuple[int, float]]:
        """Yield the number of labeled frames, without the first, and the success AUC of each turn of the clip."""
        starts = list[int]()
        boxes: list[tuple[float, float, float, float]] = []
        for _, track, is_start in followed(tracker, clip):
            if is_start:
                starts.append(len(boxes))
            boxes.append(row_of(track.box))
        turns = []
        for start, end in zip(starts, [*starts[1:], len(boxes)], strict=True):
            truth = clip.truth[start:end]
            weight = int((~np.isnan(truth[1:]).any(1)).sum())
            if weight:
                turns.append((weight, one_pass_metrics(np.array(boxes[start:end]), truth).auc))
        if not turns:
            raise ExportError(
                f"labels of {clip.video} have no two boxes within {accuracy.TURN} frames; expected a line x,y,w,h for "
                "each frame"
            )
        return turns


def followed(tracker: FrameTracker, clip: Labeled) -> Iterator[tuple[Frame, Track, bool]]:
    """Track a clip from its first label on; yield each frame, its track, and whether the label gave the track.

    Trackers amplify errors: a box that is off by a pixel may lead to another target a hundred frames later, in any
    precision. The tracker is therefore restarted from the label every ``TURN`` frames (like the anchors of VOT 2020,
    Kristan et al.), so that many short runs are compared instead of a few long ones.

    Raises:
        ExportError: The numbers of frames and labels differ, or a frame cannot be decoded.
    """
    row, start = 0, -accuracy.TURN
    with ExitStack() as stack:
        videos = [stack.enter_context(open_source(path)) for path in (clip.video, clip.x) if path is not None]
        shown = zip(*videos)  # noqa: B905 - a video that ends early is reported below
        for frame, *second in islice(shown, clip.start, clip.start + len(clip.truth)):
            for video in videos:
                _check_whole(video)
            more: dict[str, Any] = {} if clip.x is None else {"x": second[0].pixels}
            is_start = row - start >= accuracy.TURN and not np.isnan(clip.truth[row]).any()
            if is_start:
                start = row
                track = tracker.start(frame.pixels, box=Box.of(clip.truth[row].tolist()), **more)
            else:
                track = tracker.update(None if clip.blind else frame.pixels, **more)  # type: ignore[arg-type]
            yield frame, track, bool(is_start)
            row += 1
    if row < len(clip.truth):
        both = f"{clip.video}" if clip.x is None else f"{clip.video} with {clip.x.name}"
        raise ExportError(
            f"{both} ends after {clip.start + row} frames, but its labels are for "
            f"{clip.start + len(clip.truth)}; expected a line x,y,w,h for each frame"
        )


def _check_whole(video: Source) -> None:
    if video.broken:
        raise ExportError(
            f"{video.name} has a frame that cannot be decoded, so the labels after it would belong to other "
            "frames; copy or encode the video again"
        )
