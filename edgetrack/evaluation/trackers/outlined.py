"""Combines edgetrack's boxes with another segmentation method."""

from __future__ import annotations

from dataclasses import replace

from edgetrack.evaluation.types import Pixels
from edgetrack.outlining import Outliner
from edgetrack.peers import FrameTracker
from edgetrack.types import Box, Track


class Outlined:
    """A tracker that adds the masks of an outliner to the boxes of another tracker.

    Args:
        tracker: Tracker that gives the boxes.
        outliner: Outliner that gives the masks.
    """

    def __init__(self, tracker: FrameTracker, outliner: Outliner) -> None:
        self._tracker, self._outliner = tracker, outliner

    def start(self, frame: Pixels, *, text: str | None = None, box: Box | None = None) -> Track:
        return self._outlined(frame, self._tracker.start(frame, text=text, box=box))

    def update(self, frame: Pixels) -> Track:
        return self._outlined(frame, self._tracker.update(frame))

    def set_text(self, text: str) -> None:
        self._tracker.set_text(text)

    def _outlined(self, frame: Pixels, track: Track) -> Track:
        mask = None if track.box is None else self._outliner.outline(frame, track.box)
        return replace(track, mask=mask)
