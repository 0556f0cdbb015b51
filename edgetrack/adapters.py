"""edgetrack in other people's tools: the GOT-10k toolkit and supervision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from edgetrack._imports import require
from edgetrack.types import Box, Track

if TYPE_CHECKING:
    from edgetrack.tracker import Tracker


def got10k_tracker(tracker: Tracker, *, name: str = "edgetrack") -> Any:
    """A ``got10k.trackers.Tracker`` for that toolkit's experiments, started by boxes.

    The toolkit gives PIL pictures in RGB order and takes boxes xywh in pixels. Where the tracker gives no box, its
    last one stands.

    Args:
        tracker: does the work.
        name: of the result files.

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
    """The track as ``supervision.Detections``: one box xyxy in pixels, or none, with its score.

    ``tracker_id`` is ``Track.id``. ``data["status"]`` has the tracker's status, so that uncertain boxes can be told
    from sure ones.

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
