"""Falls, seen by a detector that cannot detect people who lie: with ``every(lying=True)`` and the rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fake_engine import FakeEngine
from numpy.typing import NDArray
from red_scene import FakeTokenizer

from edgetrack.arrays import GpuFrame
from edgetrack.errors import ConfigError, FrameError
from edgetrack.multi_tracker import MultiTracker
from edgetrack.query import Four, Query
from edgetrack.types import Box, Frame, Track
from edgetrack.watching.rule import Rule
from edgetrack.watching.watcher import Watcher

pytest.importorskip("scipy")

FPS = 10
FEET = 200, 240  # in a frame of 400 x 300 pixels
Pose = tuple[str, float]  # "up", "right", "left" (where the head is) or "gone"; share of the height
Way = Callable[[float], Pose]


def picture(pose: Pose) -> NDArray[np.uint8]:
    """Draw a person of 36 x 120 pixels, whose head is brighter."""
    frame = np.zeros((300, 400, 3), np.uint8)
    where, share = pose
    (x, y), long = FEET, round(120 * share)
    if where == "up":
        frame[y - long : y, x - 18 : x + 18] = 100
        frame[y - long : y - long + 20, x - 18 : x + 18] = 255
    elif where != "gone":
        body = frame[y - 36 : y, x : x + long] if where == "right" else frame[y - 36 : y, x - long : x]
        body[:] = 100
        body[:, -20:] = 255
        if where == "left":
            body[:] = body[:, ::-1]
    return frame


class Upright:
    """A detector that only finds a person whose head is up."""

    def __init__(self, *_: Any) -> None:
        self.shapes: list[tuple[int, ...]] = []
        self._found: list[tuple[Four, float, list[float]]] = []

    def look(self, pixels: NDArray[np.uint8]) -> None:
        self.shapes.append(pixels.shape)
        self._found = []
        ys, xs, _ = np.nonzero(pixels)
        if len(ys) == 0:
            return
        box = Box.from_xyxy(float(xs.min()), float(ys.min()), float(xs.max() + 1), float(ys.max() + 1))
        if box.h > box.w and pixels[int(box.y) + 5, int(box.x) + 18, 0] == 255:
            self._found = [(box.xywh, 0.9, [1.0, 0.0])]

    def wait(self, seconds: float) -> bool:
        return True

    def detections(self) -> list[tuple[Four, float, list[float]]]:
        return self._found

    def close(self) -> None:
        """There is nothing to release."""


@pytest.fixture
def detector(monkeypatch: pytest.MonkeyPatch) -> Upright:
    one = Upright()
    monkeypatch.setattr("edgetrack.words.Tokenizer", FakeTokenizer)
    monkeypatch.setattr("edgetrack.named_queries.PhraseDetector", lambda *_: one)
    return one


def watched(way: Way, seconds: float = 6, lying: bool = True) -> tuple[list[tuple[float, int]], list[Track]]:
    """Return time and id of each alert, and the last tracks."""
    watcher = Watcher([Rule.parse("a person falls")])
    told: list[tuple[float, int]] = []
    with MultiTracker(engine=FakeEngine()) as many:
        query: Query = many.every("person", lying=lying)
        for index in range(round(seconds * FPS)):
            frame = Frame(picture(way(index / FPS)), index, index / FPS)
            events = watcher.update(many.update(frame), frame)
            told += [(frame.time_s, event.ids[0]) for event in events if event.ids]
        return told, list(query.tracks)


def falls(where: str) -> Way:
    """Halfway down, nobody is found for 0.4 seconds."""
    return lambda t: ("up", 1) if t < 2 else ("gone", 1) if t < 2.4 else (where, 1)


@pytest.mark.parametrize(("where", "x"), [("right", 200), ("left", 80)])
def test_fall_is_reported_with_a_detector_of_upright_people(detector: Upright, where: str, x: int) -> None:
    [(time_s, id)], [track] = watched(falls(where))
    assert 2.9 <= time_s <= 3.5
    assert (id, track.id, track.status) == (1, 1, "tracking")
    assert track.box is not None
    assert track.box.iou(Box(x, 204, 120, 36)) > 0.95
    assert {shape[:2] for shape in detector.shapes} == {(300, 400), (400, 300)}


def test_without_lying_no_frame_is_rotated_and_the_fallen_person_is_lost(detector: Upright) -> None:
    told, [track] = watched(falls("right"), lying=False)
    assert (told, track.status) == ([], "lost")
    assert {shape[:2] for shape in detector.shapes} == {(300, 400)}


@pytest.mark.parametrize(
    "way",
    [
        lambda t: ("up", 1) if t < 2 or t > 3 else ("gone", 1),  # walks behind something, and comes back
        lambda t: ("up", 1) if t < 2 or t > 4 else ("up", 0.6),  # squats
        lambda t: ("up", 1) if t < 2 else ("gone", 1),
        lambda t: ("right", 1),  # lay from the beginning
    ],
)
def test_other_motions_are_not_falls(detector: Upright, way: Way) -> None:
    assert watched(way)[0] == []


def test_rotated_search_is_skipped_while_all_are_found(detector: Upright) -> None:
    watched(lambda t: ("up", 1))
    assert {shape[:2] for shape in detector.shapes} == {(300, 400)}


def test_person_who_gets_up_keeps_the_id_and_may_fall_again(detector: Upright) -> None:
    def twice(t: float) -> Pose:
        return ("up", 1) if t < 2 or 5 <= t < 7 else ("right" if t < 6 else "left", 1)

    told, [track] = watched(twice, 10)
    assert [id for _, id in told] == [1, 1]
    assert told[1][0] > 7
    assert track.id == 1


def test_rules_about_falls_set_lying() -> None:
    rules = [
        "a person falls then within 5 seconds (the car stops or a dog falls)",
        "a cat stops and it is near a person",
    ]
    assert Watcher([Rule.parse(rule) for rule in rules]).lying == ("person", "dog")
    assert Watcher([Rule.parse("the person falls")]).lying == ()  # a target, which is followed by the network


def test_unsupported_rotation_is_rejected(detector: Upright) -> None:
    with MultiTracker(engine=FakeEngine()) as many:
        with pytest.raises(ConfigError, match="lying is 1; expected True or False"):
            many.every("person", lying=1)
        query = many.every("person", lying=True)
        with pytest.raises(FrameError, match="GPU memory"):
            query._update(GpuFrame(0, 400, 300, 1200), (400, 300), 0, None, None)
