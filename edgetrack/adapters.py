"""Adapters for other tools: the GOT-10k toolkit and supervision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from edgetrack._imports import require
from edgetrack.types import Box, Track

if TYPE_CHECKING:
    from edgetrack.tracker import Tracker


def got10k_tracker(tracker: Tracker, *, name: str = "edgetrack") -> Any:
    """Return a ``got10k.trackers.Tracker`` for that toolkit's experiments, started by boxes.

    The toolkit provides PIL images in RGB order and expects boxes xywh in pixels. If the tracker gives no box, its last
    one is repeated.

    Args:
        tracker: the tracker to use.
        name: name of the result files.

    Raises:
        MissingExtra: the toolkit is not installed.
    """
    base: Any = require("got10k.trackers", extra="parity").Tracker

    class Adapter(base):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(name=name, is_deterministic=True)

        def init(self, image: Any, box: Any) -> None:
            self._last = Box.of(box)
            tracker.start(_bgr(image), box=self._last)

        def update(self, image: Any) -> Any:
            self._last = tracker.update(_bgr(image)).box or self._last
            return np.array(self._last.xywh)

    return Adapter()


def detections(track: Track, *, class_id: int = 0) -> Any:
    """Convert a track to ``supervision.Detections``: one box xyxy in pixels, or none, with its score.

    ``tracker_id`` is ``Track.id``. ``data["status"]`` contains the tracker's status, to distinguish uncertain from
    certain boxes.

    Raises:
        MissingExtra: supervision is not installed.
    """
    supervision = require("supervision", extra="supervision")
    if track.box is None:
        return supervision.Detections.empty()
    return supervision.Detections(
        xyxy=np.array([track.box.xyxy], np.float32),
        confidence=np.array([track.score], np.float32),
        class_id=np.array([class_id]),
        tracker_id=np.array([track.id]),
        data={"status": np.array([track.status])},
    )


def _bgr(image: Any) -> Any:
    return np.ascontiguousarray(np.asarray(image)[..., ::-1])
