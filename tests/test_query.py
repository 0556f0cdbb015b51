"""``MultiTracker.every``: search intervals, tracks, events and counts; on the fake engine and with fake detections."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from fake_engine import FakeEngine
from red_scene import FakeTokenizer, scene

import edgetrack
from edgetrack.errors import ConfigError, MissingExtra, NotStartedError, PromptError
from edgetrack.multi_tracker import MultiTracker
from edgetrack.query import Four
from edgetrack.types import Frame

pytest.importorskip("scipy")

Found = list[tuple[Four, float, list[float]]]
FACES = np.eye(4)


class FakeDetector:
    """A detector that returns what it is told; ``slow`` results do not arrive in time."""

    def __init__(self, *_: Any) -> None:
        self.looks = 0
        self.answer: Callable[[int], Found] = lambda look: []
        self.slow = self.closed = False
        self.phrase: Any = None

    def look(self, pixels: object) -> None:
        self.looks += 1

    def wait(self, seconds: float) -> bool:
        return not self.slow

    def detections(self) -> Found:
        return self.answer(self.looks)

    def describe(self, text: Any) -> None:
        self.phrase = text

    def close(self) -> None:
        self.closed = True


@pytest.fixture(autouse=True)
def tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgetrack.words.Tokenizer", FakeTokenizer)


@pytest.fixture
def detector(monkeypatch: pytest.MonkeyPatch) -> FakeDetector:
    one = FakeDetector()
    monkeypatch.setattr("edgetrack.named_queries.PhraseDetector", lambda *_: one)
    return one


class Concurrent(FakeEngine):
    concurrent = True


def at(x: float, face: int = 0, score: float = 0.9) -> tuple[Four, float, list[float]]:
    return (x, 100.0, 40.0, 80.0), score, list(FACES[face])


def run(many: MultiTracker, frames: int, first: int = 0, fps: float = 30.0, **given: Any) -> list[Any]:
    picture = scene(None)
    return [many.update(Frame(picture, n, n / fps), **given) for n in range(first, first + frames)]


def test_detections_become_tracks_with_ids() -> None:
    """This runs through C++: "ground" of the fake engine finds the red box."""
    many = MultiTracker(engine=FakeEngine())
    many.add("mine", box=(10, 10, 20, 20), name="mine")
    query = many.every("red thing")
    for n in range(30):
        tracks = many.update(scene((100 + 2 * n, 100, 60, 40)), time_s=n / 30)
    track = tracks["red thing #2"]  # the target has number 1
    assert (track.id, track.query, track.status) == (2, "red thing", "tracking")
    assert track.box is not None
    assert track.box.iou(edgetrack.Box(158, 100, 60, 40)) > 0.8
    assert track.velocity == pytest.approx((2, 0), abs=0.4)
    assert list(tracks) == ["mine", "red thing #2"]
    assert (query.count, query.total, query.tracks) == (1, 1, (track,))
    assert set(many.timing) == {"mine", "red thing #2"}


def test_search_interval_is_independent_of_the_frame_rate(detector: FakeDetector) -> None:
    for fps, looks in ((30.0, 10), (60.0, 10), (10.0, 10), (5.0, 5)):
        detector.looks = 0
        with MultiTracker(engine=FakeEngine()) as many:
            many.every("car", interval_s=0.1)
            run(many, int(fps), fps=fps)
        assert abs(detector.looks - looks) <= 1


def test_concurrent_result_counts_a_tenth_of_a_second_later(
    detector: FakeDetector,
) -> None:
    detector.answer = lambda look: [at(100 + 30 * look)]
    with MultiTracker(engine=Concurrent()) as many:
        query = many.every("car", confirm=(1, 1))
        run(many, 30)
        seen = [n for n in range(30, 60) for _ in run(many, 1, n) if query.tracks[0].basis == "network"]
    assert {b - a for a, b in pairwise(seen)} == {3}


def test_events_and_counts(detector: FakeDetector) -> None:
    detector.answer = lambda look: [at(100), at(300, 1)] if look < 6 else [at(100)]
    many = MultiTracker(engine=FakeEngine())
    query = many.every("car", confirm=(2, 3), keep_s=1.0)
    events = []
    for n in range(90):
        run(many, 1, n)
        assert many.events == query.events
        events += [(event.type, event.id, event.count) for event in query.events]
    assert events == [
        ("appeared", 1, None), ("appeared", 2, None), ("count", None, 2),
        ("lost", 2, None), ("count", None, 1), ("ended", 2, None),
    ]  # fmt: skip
    assert (query.count, query.total) == (1, 2)


def test_tentative_tracks_have_no_id(detector: FakeDetector) -> None:
    detector.answer = lambda look: [at(100)]
    many = MultiTracker(engine=FakeEngine())
    query = many.every("car", confirm=(3, 5))
    (tracks,) = run(many, 1)
    assert tracks == {}
    (one,) = query.tentative
    assert (one.id, one.status, one.name) == (0, "tentative", "car")
    assert one.box is not None


def test_ids_are_never_reused_in_one_tracker(detector: FakeDetector) -> None:
    detector.answer = lambda look: [at(100)]
    many = MultiTracker(engine=FakeEngine())
    for _ in range(3):
        many.every("car", confirm=(1, 1))
        run(many, 2)
        many.remove("car")
        assert detector.closed
    many.every("car", confirm=(1, 1))
    (tracks,) = run(many, 1)
    assert [track.id for track in tracks.values()] == [4]


def test_new_text_ends_all_tracks(detector: FakeDetector) -> None:
    detector.answer = lambda look: [at(100)]
    many = MultiTracker(engine=FakeEngine())
    query = many.every("car", confirm=(1, 1))
    run(many, 3)
    many.set_text("car", "red car")
    (tracks,) = run(many, 1, 3)
    assert (query.text, query.name, detector.phrase is not None) == ("red car", "car", True)
    assert [(t.id, t.status) for t in tracks.values()] == [(1, "ended"), (2, "tracking")]
    with pytest.raises(PromptError):
        many.set_text("car", " ")
    assert query.text == "red car"


def test_short_deadline_does_not_wait_for_a_late_search(detector: FakeDetector) -> None:
    detector.answer = lambda look: [at(100)]
    with MultiTracker(engine=Concurrent()) as many:
        query = many.every("car", confirm=(1, 1))
        run(many, 4)
        detector.slow = True
        looks = [(run(many, 1, n, deadline_ms=5), detector.looks)[1] for n in range(4, 24)]
        gaps = [n for n in range(1, 20) if looks[n] > looks[n - 1]]
        assert {b - a for a, b in pairwise(gaps)} == {6}  # three of the look, three of patience
        assert query.tracks[0].status == "tracking"


def test_failing_query_leaves_the_others_alone(detector: FakeDetector) -> None:
    def fail(look: int) -> Found:
        raise RuntimeError("no memory")

    detector.answer = fail
    many = MultiTracker(engine=FakeEngine())
    many.every("car")
    many.add(box=(100, 100, 60, 40), name="mine")
    tracks = many.update(scene((100, 100, 60, 40)))
    assert list(tracks) == ["mine"]
    assert str(many.failed["car"]) == "no memory"
    detector.answer = lambda look: [at(100)]
    many.update(scene((100, 100, 60, 40)), time_s=1.0)
    assert many.failed == {}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"max": 0}, "max is 0; expected a whole number from 1 to 16"),
        ({"max": True}, "max is True"),
        ({"confirm": (4, 3)}, r"confirm is \(4, 3\); expected \(k, n\)"),
        ({"confirm": 3}, "confirm is 3"),
        ({"interval_s": -1}, "interval_s is -1; expected a number of seconds"),
        ({"keep_s": float("nan")}, "keep_s is nan"),
        ({"name": "mine"}, "a target 'mine' already exists"),
        ({"name": ""}, "the name of a target is empty"),
    ],
)
def test_invalid_queries_are_rejected(given: dict[str, Any], expected: str) -> None:
    many = MultiTracker(engine=FakeEngine())
    many.add(box=(1, 1, 5, 5), name="mine")
    with pytest.raises(ConfigError, match=expected):
        many.every("car", **given)
    assert many.queries == {}


def test_names_are_shared_with_targets() -> None:
    many = MultiTracker(engine=FakeEngine())
    many.every("car")
    with pytest.raises(ConfigError, match="a target 'car' already exists"):
        many.add("car")
    many.reset()
    assert many.queries == {}
    with pytest.raises(NotStartedError):
        many.update(scene(None))


def test_missing_scipy_names_the_install_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(MissingExtra, match=r"pip install 'edgetrack\[every\]'"):
        MultiTracker(engine=FakeEngine()).every("car")
