"""An object that looks like the target is not followed in its place while the target is hidden."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from fake_engine import FakeEngine, FakeGraph, find_red
from numpy.typing import NDArray

from edgetrack import Box, Track, Tracker

Frame = NDArray[np.uint8]
TARGET, TWIN = Box(100, 100, 60, 40), Box(180, 100, 60, 40)
TWIN_SCORE = 0.4  # of a target, 1


class TwinGraph(FakeGraph):
    """Finds red, and what is green nearly as well."""

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        out = super().run(feeds)
        if "image" not in feeds or "score" not in out:
            return out
        green = find_red(feeds["image"][:, [1, 0, 2]])
        where = green["score"] > out["score"]
        for name in ("score", "offset", "size"):
            there = np.broadcast_to(where, out[name].shape)
            out[name] = np.where(there, green[name] * (TWIN_SCORE if name == "score" else 1), out[name])
        out["presence"] = np.maximum(out["presence"], green["presence"])
        out["quality"] = out["score"] > 0
        return {name: values.astype(np.float32) for name, values in out.items()}


class TwinEngine(FakeEngine):
    def graph(self, role: str) -> FakeGraph:
        return self._graphs.setdefault(role, TwinGraph(role, self.calls))


def scene(*, target: Box | None = TARGET, twin: Box | None = TWIN) -> Frame:
    frame = np.full((480, 640, 3), 128, np.uint8)
    for box, color in ((twin, (0, 255, 0)), (target, (0, 0, 255))):
        if box is not None:
            x, y, w, h = (int(side) for side in (box.x, box.y, box.w, box.h))
            frame[y : y + h, x : x + w] = color
    return frame


def moved(box: Box, dx: float) -> Box:
    return Box(box.x + dx, box.y, box.w, box.h)


def after(tracker: Tracker, *frames: Frame) -> Track:
    for frame in frames:
        track = tracker.update(frame)
    return track


def following(frames: int = 6) -> Tracker:
    """Return a tracker that has followed the target beside its twin for a few frames."""
    tracker = Tracker(engine=TwinEngine(), static_check=False)
    tracker.start(scene(), box=TARGET)
    track = after(tracker, *[scene()] * frames)
    assert track.box is not None
    assert track.box.iou(TARGET) > 0.9
    return tracker


def test_the_twin_of_a_hidden_target_is_not_followed_and_the_target_is_found_again() -> None:
    tracker = following()
    statuses = []
    for _ in range(60):
        track = tracker.update(scene(target=None))
        statuses.append(track.status)
        assert track.status != "tracking"
        assert track.box is None or track.box.iou(TARGET) > 0.9
    assert statuses[0] == "uncertain"
    assert statuses[-1] == "lost"
    track = after(tracker, *[scene()] * 12)
    assert track.status == "tracking"
    assert track.box is not None
    assert track.box.iou(TARGET) > 0.9


def test_a_twin_that_moves_while_the_target_is_hidden_stays_known() -> None:
    tracker = following()
    for step in range(30):
        track = tracker.update(scene(target=None, twin=moved(TWIN, 3 * step)))
        assert track.status != "tracking"


def test_after_some_seconds_the_twin_may_be_the_target() -> None:
    tracker = following()
    track = after(tracker, *[scene(target=None)] * 160)
    assert track.status == "tracking"
    assert track.box is not None
    assert track.box.iou(TWIN) > 0.9


def test_without_a_known_twin_a_target_that_jumps_is_followed() -> None:
    tracker = Tracker(engine=TwinEngine(), static_check=False)
    tracker.start(scene(twin=None), box=TARGET)
    after(tracker, *[scene(twin=None)] * 6)
    track = tracker.update(scene(target=moved(TARGET, 80), twin=None))
    assert track.status == "tracking"
    assert track.box is not None
    assert track.box.iou(moved(TARGET, 80)) > 0.7  # the region ends there


def test_a_part_of_the_target_is_not_a_twin() -> None:
    """The red half of a target whose other half is green remains a part of it."""
    half = Box(130, 100, 30, 40)
    tracker = Tracker(engine=TwinEngine(), static_check=False)
    tracker.start(scene(twin=None), box=TARGET)
    after(tracker, *[scene(target=TARGET, twin=moved(half, 31))] * 6)
    track = tracker.update(scene(target=None, twin=moved(half, 10)))
    assert track.status == "tracking"


def test_a_new_target_knows_no_twins() -> None:
    tracker = following()
    tracker.correct(TWIN)
    track = after(tracker, *[scene(target=None)] * 3)
    assert track.status == "tracking"
    assert track.box is not None
    assert track.box.iou(TWIN) > 0.9
