"""The API of a tracker apart from its boxes: closing, state, identity, logging, and copying."""

from __future__ import annotations

import copy
import gc
import logging
import pickle
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fake_engine import FakeEngine
from red_scene import FakeTokenizer, scene

import edgetrack
from edgetrack.errors import (
    BoxError,
    ClosedError,
    ConfigError,
    FrameError,
    NotCopyableError,
    NotStartedError,
    PromptError,
)
from edgetrack.multi_tracker import MultiTracker
from edgetrack.tracker import Tracker
from edgetrack.types import Box, Frame

RED = (100, 100, 60, 40)


@pytest.fixture(autouse=True)
def tokens(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.node.get_closest_marker("real_network") is None:
        monkeypatch.setattr("edgetrack.words.Tokenizer", FakeTokenizer)


@pytest.fixture
def tracker() -> Tracker:
    return Tracker(engine=FakeEngine())


@pytest.fixture
def many() -> MultiTracker:
    return MultiTracker(engine=FakeEngine())


def moved(i: int, *, step: int = 6) -> Any:
    return scene((100 + step * i, 100, 60, 40))


def test_closed_tracker_says_so(tracker: Tracker) -> None:
    with tracker as same:
        assert same is tracker
        track = tracker.start(scene(RED), box=RED)
    tracker.close()  # once more
    calls: list[Callable[[], object]] = [
        lambda: tracker.start(scene(RED), box=RED),
        lambda: tracker.update(scene(RED)),
        lambda: tracker.set_text("red"),
        tracker.reset,
        tracker.__enter__,
        lambda: tracker.timing,
    ]
    for call in calls:
        with pytest.raises(
            ClosedError, match=r"Tracker was closed; create another one: edgetrack\.Tracker\(\)"
        ):
            call()
    assert tracker.track == track  # what it said stays


def test_closed_multi_tracker_says_so(many: MultiTracker) -> None:
    with many:
        many.add("red")
    calls: list[Callable[[], object]] = [
        lambda: many.start(scene(RED), ["red"]),
        lambda: many.update(scene(RED)),
        lambda: many.add("red"),
        lambda: many.set_text("red", "blue"),
        lambda: many.remove("red"),
        many.reset,
    ]
    for call in calls:
        with pytest.raises(ClosedError, match=r"edgetrack\.MultiTracker\(\)"):
            call()


@pytest.mark.real_network
def test_closing_releases_the_own_network_and_keeps_shared_ones() -> None:
    frame = scene(RED)
    owner = Tracker("edgetrack-160", threads=1)
    owner.start(frame, box=RED)
    guest = Tracker(engine=owner.engine)
    guest.start(frame, box=RED)
    guest.close()
    owner.update(frame)  # whose engine it was stays open
    graphs = [weakref.ref(owner.engine.graph(role)) for role in ("template", "search")]
    other = Tracker(engine=owner.engine)
    owner.close()
    other.start(frame, box=RED)  # loads again what it needs
    assert other.update(frame).box is not None
    gc.collect()
    assert [graph() for graph in graphs] == [None, None]


def test_reset_forgets_the_target_and_keeps_the_network(tracker: Tracker) -> None:
    tracker.start(scene(RED), "red", box=RED)
    tracker.reset()
    assert tracker.track is tracker.box is tracker.text is None
    for call in (lambda: tracker.update(scene(RED)), lambda: tracker.set_text("red")):
        with pytest.raises(NotStartedError):
            call()
    track = tracker.start(scene(RED), box=RED)
    assert (track.index, track.id) == (0, 2)


def test_state_is_readable(tracker: Tracker) -> None:
    assert tracker.track is tracker.box is tracker.text is None
    track = tracker.start(scene(RED), "red")
    assert (tracker.track, tracker.box, tracker.text) == (track, track.box, "red")
    tracker.set_text("blue")
    assert (tracker.track, tracker.box, tracker.text) == (None, None, "blue")  # nothing is known of it yet
    track = tracker.update(scene(RED))
    assert tracker.track is track
    with pytest.raises(BoxError):
        tracker.start(scene(RED), box=(900, 0, 5, 5))
    assert (tracker.track, tracker.text) == (track, "blue")


def test_each_target_has_a_number_and_a_name(tracker: Tracker) -> None:
    first = tracker.start(scene(RED), box=RED)
    assert (first.id, first.name) == (1, "box")
    assert (tracker.update(scene(RED)).id, tracker.update(scene(RED)).name) == (1, "box")
    second = tracker.start(scene(RED), "red")
    assert (second.id, second.name) == (2, "red")
    tracker.set_text("blue")
    assert (tracker.update(scene(RED)).id, tracker.track and tracker.track.name) == (3, "blue")
    assert tracker.start(scene(RED), "red") == second  # what they say of the target is the same


def test_reused_name_is_another_target(many: MultiTracker) -> None:
    many.add("red")
    many.add(box=RED)
    before = many.update(scene(RED))
    many.remove("red")
    assert (list(many.tracks), dict(many.texts)) == (["box 1"], {"box 1": None})
    many.add("red")
    after = many.update(scene(RED))
    assert (before["red"].id, before["box 1"].id) == (1, 2)
    assert (after["red"].id, after["red"].index) == (3, 0)
    assert (after["box 1"].id, after["box 1"].index) == (2, 1)


def test_velocity_matches_the_box(tracker: Tracker) -> None:
    assert tracker.start(moved(0), box=RED).velocity is None
    for i in range(1, 12):
        track = tracker.update(moved(i))
    assert track.velocity == pytest.approx((6, 0), abs=0.3)
    for _ in range(8):
        track = tracker.update(moved(11))
    assert track.velocity == pytest.approx((0, 0), abs=0.3)
    while track.box is not None:
        track = tracker.update(scene(None))
    assert track.velocity is None
    assert tracker.update(scene((500, 400, 60, 40))).velocity is None  # found anew: it did not fly there
    assert tracker.update(scene((500, 400, 60, 40))).velocity == pytest.approx((0, 0), abs=0.3)


def test_time_of_a_frame_is_returned(tracker: Tracker, many: MultiTracker) -> None:
    assert tracker.start(scene(RED), box=RED, time_s=12.5).time_s == 12.5
    assert tracker.update(scene(RED)).time_s is None
    assert tracker.update(Frame(scene(RED), 7, 0.25)).time_s == 0.25
    assert tracker.update(Frame(scene(RED), 8, 0.5), time_s=3).time_s == 3.0
    assert many.start(Frame(scene(RED), 0, 1.5), [RED])["box 1"].time_s == 1.5
    assert many.update(scene(RED), time_s=np.float64(2.5))["box 1"].time_s == 2.5


@pytest.mark.parametrize("time_s", ["1", float("nan"), float("inf"), True])
def test_invalid_time_is_rejected(tracker: Tracker, many: MultiTracker, time_s: Any) -> None:
    for call in (tracker.start, tracker.update, many.update):
        with pytest.raises(ConfigError, match=r"time_s is .*; expected a finite number of seconds"):
            call(scene(RED), time_s=time_s)


def test_status_changes_are_logged(tracker: Tracker, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "edgetrack"):
        tracker.start(scene(None), "red\x1b[2J")
        for i in range(20):
            tracker.update(scene(RED if i in (1, 2) else None))
    said = [record.getMessage() for record in caplog.records if record.name == "edgetrack.tracker"]
    assert [words.split(" in frame")[0].rpartition(": ")[2] for words in said] == [
        "searching",
        "searching -> tracking",
        "tracking -> uncertain",
        "uncertain -> lost",
    ]
    assert said[1].startswith(
        r"target 1 'red\x1b[2J': searching -> tracking in frame 2, score 1.00, box 100, 100, "
    )
    assert said[3].endswith("no box")
    assert any(
        isinstance(handler, logging.NullHandler) for handler in logging.getLogger("edgetrack").handlers
    )


def test_several_targets_are_logged_by_name(many: MultiTracker, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "edgetrack"):
        many.start(scene(RED), {"a": RED, "b": "red"})
        many.update(scene(RED))
    assert [record.getMessage()[:13] for record in caplog.records] == ["target 1 'a':", "target 2 'b':"]


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
def test_copying_a_tracker_names_the_alternative(
    tracker: Tracker, many: MultiTracker, copied: Callable[[Any], object]
) -> None:
    for one, way in (
        (tracker, r"edgetrack\.Tracker\(engine=tracker\.engine\)"),
        (many, r"edgetrack\.MultiTracker\(engine=tracker\.engine\)"),
    ):
        with pytest.raises(NotCopyableError, match=rf"cannot be copied or pickled: .*{way}"):
            copied(one)
    with pytest.raises(TypeError):  # as of what others cannot copy
        copied(tracker)


@pytest.mark.real_network
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
def test_engine_cannot_be_copied(copied: Callable[[Any], object]) -> None:
    engine = Tracker("edgetrack-160", threads=1).engine
    with pytest.raises(NotCopyableError, match=r"^OrtEngine .* edgetrack\.Tracker\(engine=engine\)"):
        copied(engine)
    with pytest.raises(NotCopyableError, match=r"^OrtGraph "):
        copied(engine.graph("search"))
    assert pickle.loads(pickle.dumps(engine.bundle)).folder == engine.bundle.folder


def test_several_targets_start_together_and_restart(many: MultiTracker) -> None:
    many.add("before")
    tracks = many.start(scene(RED), ["red", RED])
    assert list(tracks) == ["red", "box 1"]
    assert tracks["box 1"].box == Box.of(RED)
    tracks = many.start(scene(RED), {"left": RED, "right": "red"})
    assert list(tracks) == list(many.names) == ["left", "right"]
    assert dict(many.texts) == {"left": None, "right": "red"}
    assert {track.index for track in tracks.values()} == {0}
    many.reset()
    assert (many.names, dict(many.tracks), dict(many.failed)) == ((), {}, {})
    with pytest.raises(NotStartedError):
        many.update(scene(RED))


@pytest.mark.parametrize(
    ("targets", "error", "words"),
    [
        ([], ConfigError, "targets is empty"),
        ("red car", ConfigError, "targets is 'red car'; expected a list"),
        (None, ConfigError, "targets is None; expected a list"),
        (["red", "red"], ConfigError, "two targets 'red'"),
        ({"a": "red", 7: "blue"}, ConfigError, "name is 7"),
        ({"": "red"}, ConfigError, "name of a target is empty"),
        (["red", (1, 2, 3)], BoxError, "four numbers"),
        (["red", None], BoxError, "four numbers"),
        (["red", " "], PromptError, "empty"),
    ],
)
def test_bad_start_of_several_changes_nothing(
    many: MultiTracker, targets: Any, error: type[Exception], words: str
) -> None:
    many.add("before")
    many.update(scene(RED))
    with pytest.raises(error, match=words):
        many.start(scene(RED), targets)
    with pytest.raises(FrameError):
        many.start(np.zeros((4, 4)), ["red"])
    assert many.update(scene(RED))["before"].index == 1


def test_one_of_several_gets_another_text(many: MultiTracker) -> None:
    many.add("red", name="a")
    many.add(box=RED, name="b")
    before = many.update(scene(RED))
    many.set_text("a", "blue")
    assert dict(many.texts) == {"a": "blue", "b": None}
    after = many.update(scene(None))
    assert (after["a"].status, after["a"].id, after["a"].index) == ("searching", 3, 1)
    assert (after["b"].status, after["b"].id) == ("uncertain", before["b"].id)
    many.remove("b")
    many.add(box=(900, 0, 5, 5), name="c")
    many.set_text("c", "red")  # before its first frame: the box goes with it
    many.remove("a")
    assert many.update(scene(RED))["c"].status == "tracking"
    many.add("blue", name="a")
    with pytest.raises(PromptError):
        many.set_text("a", " ")
    assert many.texts["a"] == "blue"
    with pytest.raises(ConfigError, match="no target 'z' to describe; there is 'c', 'a'"):
        many.set_text("z", "red")


def test_text_and_box_are_not_confused(tracker: Tracker, many: MultiTracker) -> None:
    for call in (lambda: tracker.start(scene(RED), RED), lambda: many.add(RED)):
        with pytest.raises(PromptError, match=r"text is a tuple; .* box=\(x, y, w, h\)"):
            call()


@pytest.mark.parametrize("deadline_ms", [0, -1, float("nan"), float("inf"), "5", True])
def test_invalid_deadline_is_rejected(tracker: Tracker, many: MultiTracker, deadline_ms: Any) -> None:
    tracker.start(scene(RED), box=RED)
    many.start(scene(RED), [RED])
    for call in (tracker.update, many.update):
        with pytest.raises(
            ConfigError, match=r"deadline_ms is .*; expected a positive number of milliseconds"
        ):
            call(scene(RED), deadline_ms=deadline_ms)
    assert tracker.update(scene(RED)).index == 1
    assert many.update(scene(RED))["box 1"].index == 1


@pytest.mark.real_network
@pytest.mark.parametrize("batch", [False, True])
def test_targets_of_the_shipped_network_share_a_deadline(batch: bool) -> None:
    """The network skips targets for which it would be late, but runs for each after at most three frames."""
    many = MultiTracker("edgetrack-160", threads=1, batch=batch)
    frame = scene(RED)
    boxes = {name: (100 + 100 * i, 100, 60, 40) for i, name in enumerate("abcd")}
    for i, color in enumerate([(0, 0, 255), (255, 0, 0), (0, 200, 255), (20, 20, 20)]):
        frame[100:140, 100 + 100 * i : 160 + 100 * i] = color
    many.start(frame, boxes)
    for _ in range(4):
        assert {track.basis for track in many.update(frame).values()} == {"network"}
    seen = [many.update(frame, deadline_ms=1e-6) for _ in range(8)]
    for name in boxes:
        bases = "".join(tracks[name].basis[0] for tracks in seen if tracks[name].status == "tracking")
        assert "c" in bases
        assert "cccc" not in bases
    assert {track.basis for track in many.update(frame, deadline_ms=1e6).values()} == {"network"}


def test_several_static_targets_need_no_inference() -> None:
    engine = FakeEngine()
    many = MultiTracker(engine=engine, static_check=True)
    many.start(scene(RED), [RED])
    bases = [many.update(scene(RED))["box 1"].basis for _ in range(10)]
    assert bases.count("reused") >= 5
    many.add(box=RED)  # one that comes later, too
    bases = [many.update(scene(RED))["box 2"].basis for _ in range(10)]
    assert "reused" in bases


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"threads": 0}, "threads is 0; expected a whole number of at least 1"),
        ({"threads": 1.5}, "threads is 1.5"),
        ({"threads": True}, "threads is True"),
        ({"threads": 5000}, r"threads is 5000; expected at most \d+, the number of cores"),
        ({"engine": "warp"}, "engine 'warp' is unknown"),
        ({"engine": None}, "engine is None"),
        ({"precision": "fp13"}, "precision 'fp13' is unknown"),
        ({"static_check": 1}, "static_check is 1; expected True or False"),
    ],
)
def test_arguments_are_checked(arguments: dict[str, Any], words: str) -> None:
    for kind in (Tracker, MultiTracker):
        with pytest.raises(ConfigError, match=words):
            kind(**arguments)


def test_settings_of_a_given_engine_cannot_be_given_again() -> None:
    with pytest.raises(ConfigError, match="batch is 'no'; expected True or False"):
        MultiTracker(engine=FakeEngine(), batch="no")
    for given in ({"bundle": "edgetrack-160"}, {"precision": "int8"}, {"threads": 1}):
        with pytest.raises(ConfigError, match=f"got {next(iter(given))}=.* and an open engine"):
            edgetrack.Tracker(engine=FakeEngine(), **given)
