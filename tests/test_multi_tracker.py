"""Several targets on one engine: the same tracks as separate trackers, one copy of the frame, separate failures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from fake_engine import FakeEngine, FakeGraph
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from red_scene import FakeTokenizer, scene

import edgetrack
from edgetrack.errors import (
    BoxError,
    ConfigError,
    EngineUnavailable,
    FrameError,
    NotStartedError,
    PromptError,
)
from edgetrack.multi_tracker import MultiTracker
from edgetrack.tracker import Tracker
from edgetrack.types import Box, Track

RED = (100, 100, 60, 40)


@pytest.fixture(autouse=True)
def tokens(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.node.get_closest_marker("real_network") is None:
        monkeypatch.setattr("edgetrack.words.Tokenizer", FakeTokenizer)


@pytest.fixture
def tracker() -> MultiTracker:
    return MultiTracker(engine=FakeEngine())


class Spy(FakeEngine):
    """An engine that records the inputs of ``ground``, overwrites the image after reading it, and fails when told."""

    def __init__(self) -> None:
        super().__init__()
        self.pictures: list[NDArray[np.float32]] = []
        self.seen: list[float] = []
        self.error: BaseException | None = None

    def graph(self, role: str) -> Any:
        return SpyGraph(role, self.calls, self)


class SpyGraph(FakeGraph):
    def __init__(self, role: str, calls: list[str], spy: Spy) -> None:
        super().__init__(role, calls)
        self._spy = spy

    def bind(self, inputs: Mapping[str, NDArray[Any]], outputs: Mapping[str, NDArray[Any]]) -> Any:
        if self.role == "ground":
            self._spy.pictures.append(inputs["image"])

        def run() -> None:
            if self._spy.error is not None and self.role == "search":
                raise self._spy.error
            for name, array in self.run(inputs).items():
                if name in outputs:
                    outputs[name][...] = array
            if self.role == "ground":
                self._spy.seen.append(float(inputs["image"][0, 0, 0, 0]))
                inputs["image"][...] = 7.0

        return run


def test_each_target_has_the_track_of_a_separate_tracker() -> None:
    engine = FakeEngine()
    many = MultiTracker(engine=engine, exclusive=False)  # there is one red thing for both
    alone = {"car": Tracker(engine=engine), "red": Tracker(engine=engine)}
    assert many.add(box=RED, name="car") == "car"
    assert many.add(text="red") == "red"
    frames = [scene((100 + 6 * i, 100, 60, 40) if i % 9 < 7 else None) for i in range(40)]
    for i, frame in enumerate(frames):
        tracks = many.update(frame)
        if i == 0:
            expected = {
                "car": alone["car"].start(frame, box=RED),
                "red": alone["red"].start(frame, text="red"),
            }
        else:
            expected = {name: tracker.update(frame) for name, tracker in alone.items()}
        assert tracks == expected
        assert list(tracks) == list(many.names) == ["car", "red"]
        assert not many.failed


def test_separate_trackers_share_no_image() -> None:
    spy = Spy()
    one, two = Tracker(engine=spy), Tracker(engine=spy)
    for tracker in (one, two):
        tracker.start(np.zeros((320, 320, 3), np.uint8), text="red")
        tracker.update(np.full((320, 320, 3), 255, np.uint8))
    assert spy.seen == [-1.0, 1.0, -1.0, 1.0]


@settings(max_examples=30)
@given(st.lists(st.sampled_from(["add", "remove", "update", "gone"]), max_size=12))
def test_targets_may_come_and_go(steps: list[str]) -> None:
    """In any order: the tracks contain the current targets, and each counts its own frames."""
    many = MultiTracker(engine=FakeEngine())
    ages: dict[str, int] = {}
    for number, step in enumerate(steps):
        if step == "add":
            ages[many.add(box=RED)] = 0
        elif step == "remove" and ages:
            name = list(ages)[number % len(ages)]
            many.remove(name)
            del ages[name]
        elif step in ("update", "gone") and ages:
            tracks = many.update(scene(RED if step == "update" else None))
            assert {name: track.index for name, track in tracks.items()} == ages
            ages = {name: age + 1 for name, age in ages.items()}
        assert many.names == tuple(ages)


def test_names_of_targets(tracker: MultiTracker) -> None:
    assert [tracker.add(box=RED), tracker.add(box=RED), tracker.add(text="red", box=RED)] == [
        "box 1",
        "box 2",
        "red",
    ]
    with pytest.raises(ConfigError, match="'red' already"):
        tracker.add(text="red")
    with pytest.raises(ConfigError, match=r"no target 'blue'.*'box 1', 'box 2', 'red'"):
        tracker.remove("blue")
    tracker.remove("box 1")
    assert tracker.add(box=RED) == "box 3"  # in a log, a name stands for one thing
    assert tracker.names == ("box 2", "red", "box 3")
    assert tracker.add(text="red", name="größer") in tracker.update(scene(RED))


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({}, ConfigError, "neither text nor box"),
        ({"name": "x"}, ConfigError, "'x' has neither"),
        ({"text": "red", "name": ""}, ConfigError, "name of a target is empty"),
        ({"text": "red", "name": 7}, ConfigError, "name is 7, a int"),
        ({"text": " ", "name": "x"}, PromptError, "empty"),
        ({"box": (1, 2, 0, 4)}, BoxError, "w > 0"),
        ({"box": (1, 2, 3)}, BoxError, "four numbers"),
        ({"box": (float("nan"), 2, 3, 4)}, BoxError, "not finite"),
    ],
)
def test_bad_target_is_named_and_not_added(
    tracker: MultiTracker, arguments: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        tracker.add(**arguments)
    assert tracker.names == ()


def test_missing_target_and_bad_frame_are_errors(tracker: MultiTracker) -> None:
    with pytest.raises(NotStartedError, match=r"add\(text="):
        tracker.update(scene(None))
    tracker.add(box=RED)
    tracker.update(scene(RED))
    with pytest.raises(FrameError, match="float64"):
        tracker.update(np.zeros((4, 4, 3)))
    assert tracker.update(scene(RED))["box 1"].index == 1  # it did not count
    tracker.remove("box 1")
    with pytest.raises(NotStartedError):
        tracker.update(scene(None))
    with pytest.raises(ConfigError, match="there is none"):
        tracker.remove("box 1")
    with pytest.raises(ConfigError, match="NoneType"):
        tracker.remove(None)


def test_failing_target_leaves_the_others_alone(tracker: MultiTracker) -> None:
    tracker.add(box=(700, 10, 20, 20), name="outside")
    tracker.add(box=RED, name="inside")
    for i in range(3):
        tracks = tracker.update(scene(RED))
        assert list(tracks) == ["inside"]
        assert tracks["inside"].index == i
        assert list(tracker.failed) == ["outside"]
        assert isinstance(tracker.failed["outside"], BoxError)
        assert "outside the frame of 640x480" in str(tracker.failed["outside"])
    wide = scene(RED, width=1000)
    assert tracker.update(wide)["outside"] == Track(Box(700, 10, 20, 20), 1.0, "tracking", 0)
    assert not tracker.failed
    tracker.remove("outside")
    assert list(tracker.update(wide)) == list(tracker.timing) == ["inside"]


@pytest.mark.parametrize(
    "error", [EngineUnavailable("it broke"), RuntimeError("it broke"), ZeroDivisionError("it broke")]
)
def test_engine_failure_is_reported_and_retried(error: Exception) -> None:
    spy = Spy()
    many = MultiTracker(engine=spy)
    many.add(box=RED, name="followed")
    many.add(text="red", name="searched")
    many.update(scene(None))
    spy.error = error
    assert list(many.update(scene(None))) == ["searched"]
    assert many.failed["followed"] is error
    spy.error = None
    assert many.update(scene(RED))["followed"].box is not None
    assert not many.failed


def test_ctrl_c_inside_a_target_is_not_its_failure() -> None:
    spy = Spy()
    many = MultiTracker(engine=spy)
    many.add(box=RED, name="a")
    many.update(scene(RED))
    spy.error = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        many.update(scene(RED))
    spy.error = None
    assert many.update(scene(RED))["a"].status == "tracking"


def test_engine_is_shared_with_single_trackers() -> None:
    engine = FakeEngine()
    assert MultiTracker(engine=engine).engine is Tracker(engine=engine).engine is engine
    with pytest.raises(ConfigError, match="bundle"):
        MultiTracker("edgetrack-256", engine=engine)


@pytest.mark.real_network
def test_shipped_network_gives_the_tracks_of_separate_trackers() -> None:
    """The demo's street, bit for bit, with one session per graph."""
    from edgetrack.demo.scene import Scene

    many = edgetrack.MultiTracker(threads=1, batch=False)
    for text in ("red car", "white van"):
        many.add(text=text)
    alone = {name: edgetrack.Tracker(engine=many.engine) for name in many.names}
    network_ms = dict.fromkeys(many.names, 0.0)
    for i, frame in zip(range(12), Scene().frames(), strict=False):
        tracks = many.update(frame.pixels)
        for name, tracker in alone.items():
            track = tracker.update(frame.pixels) if i else tracker.start(frame.pixels, text=name)
            mine = tracks[name]
            assert (mine.box, mine.status, mine.index) == (track.box, track.status, track.index)
            # without a box, the score is of the best place that no other target has
            assert track.box is None or mine.score == track.score
            network_ms[name] += many.timing[name].network
    assert {track.index for track in tracks.values()} == {11}
    assert all(spent > 0 for spent in network_ms.values())


def test_invalid_text_is_reported_as_such(tracker: MultiTracker) -> None:
    with pytest.raises(PromptError, match="text"):
        tracker.add(text=3)
    assert tracker.names == ()
