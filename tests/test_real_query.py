"""All objects of a phrase in a real video: their boxes as they enter and leave the frame, and lines that they cross."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

import edgetrack
from edgetrack.zone_shapes import Line

pytest.importorskip("scipy")


def test_cars_that_enter_and_leave_cross_a_line_once_each(shared_data: Path) -> None:
    """One car drives down the frame and one up; both are cut off by its edges at first and at last."""
    gate = Line("gate", ((0.0, 0.5), (1.0, 0.5)), directions=("down", "up"))
    zones = edgetrack.Zones(lines=(gate,))
    tops: dict[str, list[float]] = {}
    with (
        edgetrack.open_source(shared_data / "clips/car-detection.mp4") as source,
        edgetrack.MultiTracker(threads=1) as many,
    ):
        many.every("car")
        for frame in islice(source, 180, 245):
            tracks = many.update(frame)
            zones.update(tracks, frame)
            for name, track in tracks.items():
                if track.box is not None:
                    tops.setdefault(name, []).append(track.box.y)
    assert zones.counts["gate"] == {"down": 1, "up": 1}
    assert len(tops) == 2
    first = min(tops)  # it enters at the top
    assert max(tops[first][:8]) < 20
