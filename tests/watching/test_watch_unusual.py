"""Unusual activity is an alert like those of rules."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")

from edgetrack.events import Event
from edgetrack.types import Box, Frame, Track
from edgetrack.unusual import NormalModel
from edgetrack.unusual.watcher import UnusualWatcher

FPS = 5


def frame(index: int) -> Frame:
    return Frame(np.full((90, 160, 3), 90, np.uint8), index, index / FPS)


def person(x: float) -> dict[str, Track]:
    return {"person #1": Track(Box(x, 40, 10, 20), 0.9, "tracking", 0, id=1, name="person #1")}


def test_unusual_track_is_an_alert() -> None:
    model = NormalModel(block_s=1.5)
    for index in range(460):
        step = (8 * index) % 240 - 40
        model.update(frame(index), [] if step < 0 else person(step).values())
    model.finish()
    model.learning = False
    watcher = UnusualWatcher(model, per_day=2000)
    told: list[Event] = []
    for index in range(1060, 1092):
        tracks = person(150 - 8 * (index - 1070)) if 1070 <= index < 1088 else {}
        told += watcher.update(tracks, frame(index))
    assert [event.type for event in told] == ["alert"]
    assert told[0].rule is not None
    assert told[0].rule.startswith("unusual: person #1 moves left")
    assert told[0].box is not None
    assert watcher.summary == {"unusual": "1 alert"}
