"""Frames without inference: boxes coast if the deadline is short, and are reused if nothing moves."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import reference.tracker
from fake_engine import FakeEngine, FakeGraph
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from one_text import OneText
from scripted_engine import ScriptedEngine

from edgetrack.errors import ConfigError
from edgetrack.tracker import Tracker
from edgetrack.types import Box, Track

SHORT, LONG = 1e-6, 1e9  # milliseconds: exceeded at once, and never
START = Box(100, 100, 60, 40)


class SlowGraph(FakeGraph):
    """A graph that sleeps before it answers."""

    def __init__(self, role: str, calls: list[str], seconds: float) -> None:
        super().__init__(role, calls)
        self.seconds = seconds

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        time.sleep(self.seconds)
        return super().run(feeds)


def slow_engine(**seconds: float) -> FakeEngine:
    """Make an engine that finds red; each role takes its own time."""
    engine = FakeEngine()
    engine._graphs.update({role: SlowGraph(role, engine.calls, s) for role, s in seconds.items()})
    return engine


def scene(box: Box | None = START, *, shade: int = 128) -> NDArray[np.uint8]:
    """Gray with a red rectangle, 640x480."""
    frame = np.full((480, 640, 3), shade, np.uint8)
    if box is not None:
        x, y = round(box.x), round(box.y)
        frame[y : y + round(box.h), x : x + round(box.w)] = (0, 0, 255)
    return frame


def moved(i: int) -> Box:
    return Box(START.x + 6 * i, START.y + 3 * i, START.w, START.h)


def bases(tracks: list[Track]) -> str:
    """Encode the bases of tracks: N for network, c for coasted, r for reused."""
    return "".join({"network": "N", "coasted": "c", "reused": "r"}[track.basis] for track in tracks)


def searches(tracker: Tracker) -> int:
    return tracker.engine.calls.count("search")  # type: ignore[attr-defined]


# deadlines


def test_slow_network_coasts_three_frames_and_then_runs() -> None:
    tracker = Tracker(engine=slow_engine(search=0.2))
    tracks = [tracker.start(scene(), box=START)]
    tracks += [tracker.update(scene(moved(i)), deadline_ms=150) for i in range(1, 10)]
    assert bases(tracks) == "NNcccNcccN"  # its duration is known after the first run
    assert searches(tracker) == 3
    assert [track.index for track in tracks] == list(range(10))
    assert {track.status for track in tracks} == {"tracking"}


def test_coasting_box_moves_at_its_velocity_and_inference_corrects_it() -> None:
    tracker = Tracker(engine=FakeEngine())
    tracker.start(scene(), box=START)
    for i in range(1, 12):
        tracker.update(scene(moved(i)))
    coasted = [tracker.update(scene(moved(i)), deadline_ms=SHORT) for i in (12, 13, 14)]
    assert bases(coasted) == "ccc"
    for i, track in zip((12, 13, 14), coasted, strict=True):
        assert track.box is not None
        assert track.box.center == pytest.approx(moved(i).center, abs=1.5)
    caught_up = tracker.update(scene(moved(15)), deadline_ms=SHORT)
    assert caught_up.basis == "network"
    assert caught_up.box is not None
    assert caught_up.box.iou(moved(15)) > 0.9


def test_coasting_box_stops_at_the_border_and_keeps_its_size() -> None:
    """Otherwise only a sliver of the box would be searched for in a sliver of the frame."""
    tracker = Tracker(engine=FakeEngine())
    tracker.start(scene(Box(400, 300, 60, 40)), box=(400, 300, 60, 40))
    for i in range(1, 10):
        last = tracker.update(scene(Box(400 + 19 * i, 300, 60, 40)))
    coasted = [tracker.update(scene(None), deadline_ms=SHORT) for _ in range(3)]
    assert bases(coasted) == "ccc"
    for track in coasted:
        assert track.box is not None
        assert last.box is not None
        assert (track.box.w, track.box.h) == pytest.approx((last.box.w, last.box.h))
        assert track.box.x + track.box.w <= 640


def test_network_always_runs_with_enough_time_or_no_deadline() -> None:
    for deadline_ms in (None, LONG, 60_000, np.float32(60_000)):
        tracker = Tracker(engine=slow_engine(search=0.002))
        tracker.start(scene(), box=START)
        tracks = [tracker.update(scene(moved(i)), deadline_ms=deadline_ms) for i in range(1, 8)]
        assert bases(tracks) == "N" * 7


def test_few_slow_runs_are_ignored_but_a_machine_that_slows_down_is_noticed() -> None:
    engine = slow_engine(search=0.0)
    tracker = Tracker(engine=engine)
    tracker.start(scene(), box=START)
    search = engine.graph("search")
    for seconds, expected in ((0.0, "N" * 9), (0.3, "N" * 4), (0.0, "N" * 5), (0.3, "NNNNNc")):
        search.seconds = seconds  # type: ignore[attr-defined]
        assert bases([tracker.update(scene(), deadline_ms=250) for _ in expected]) == expected


def test_nothing_coasts_while_the_target_is_searched_uncertain_or_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("edgetrack.words.Tokenizer", OneText)
    tracker = Tracker(engine=FakeEngine())
    tracker.start(scene(None), text="red thing")
    searching = [tracker.update(scene(None), deadline_ms=SHORT) for _ in range(5)]
    found = [tracker.update(scene(), deadline_ms=SHORT) for _ in range(4)]
    gone = [tracker.update(scene(None), deadline_ms=SHORT) for _ in range(30)]
    assert (bases(searching), {track.status for track in searching}) == ("N" * 5, {"searching"})
    assert bases(found) == "Nccc"
    statuses = [track.status for track in gone]
    assert {"uncertain", "lost"} == set(statuses)
    assert set(bases(gone)) == {"N"}


def test_reverification_is_postponed_for_the_deadline_but_not_forever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("edgetrack.words.Tokenizer", OneText)
    engine = slow_engine(ground=0.3)
    tracker = Tracker(engine=engine)
    tracker.start(scene(), text="red thing")
    tracks, checks = [], []
    for _ in range(1, 17):
        before = engine.calls.count("ground")
        tracks.append(tracker.update(scene(), deadline_ms=250))
        checks.append(engine.calls.count("ground") - before)
    assert bases(tracks) == "N" * 16  # the search alone meets the deadline
    assert [i + 1 for i, ran in enumerate(checks) if ran] == [9, 15]  # due at 6 and 12


@pytest.mark.parametrize("deadline_ms", [0, -3.0, float("nan"), float("inf"), "10", True, [5]])
def test_bad_deadline_is_named_and_the_frame_does_not_count(deadline_ms: Any) -> None:
    tracker = Tracker(engine=FakeEngine())
    tracker.start(scene(), box=START)
    with pytest.raises(ConfigError, match=r"deadline_ms is .*expected a positive number of milliseconds"):
        tracker.update(scene(), deadline_ms=deadline_ms)
    assert tracker.update(scene()).index == 1


# static scenes


def test_static_box_is_reused_for_five_frames_before_the_network_runs() -> None:
    tracker = Tracker(engine=FakeEngine(), static_check=True)
    tracks = [tracker.start(scene(), box=START)] + [tracker.update(scene()) for _ in range(16)]
    assert bases(tracks) == "NNNN" + "rrrrrN" * 2 + "r"
    assert searches(tracker) == 5
    assert all(track.box is not None and track.box.iou(START) > 0.95 for track in tracks)
    assert all(track.score == tracks[3].score for track in tracks[4:])


def test_static_check_is_off_by_default() -> None:
    tracker = Tracker(engine=FakeEngine())
    tracker.start(scene(), box=START)
    assert bases([tracker.update(scene()) for _ in range(12)]) == "N" * 12


def test_moving_target_is_searched_in_the_frame_in_which_it_moves() -> None:
    tracker = Tracker(engine=FakeEngine(), static_check=True)
    tracker.start(scene(), box=START)
    assert bases([tracker.update(scene()) for _ in range(5)]) == "NNNrr"
    jumped = Box(130, 110, 60, 40)
    track = tracker.update(scene(jumped))
    assert track.basis == "network"
    assert track.box is not None
    assert track.box.iou(jumped) > 0.9
    assert bases([tracker.update(scene(jumped)) for _ in range(4)]) == "NNNr"  # it must come to rest again


def test_slowly_moving_target_is_not_static() -> None:
    """Two consecutive boxes are at the same place, but not all of them; changes of the image are ignored here."""
    engine = FakeEngine()
    object.__setattr__(engine.bundle.manifest, "thresholds", {"static_max_diff": 255.0})
    tracker = Tracker(engine=engine, static_check=True)
    tracker.start(scene(), box=START)
    crawl = [tracker.update(scene(Box(START.x + 2 * i, START.y, START.w, START.h))) for i in range(1, 25)]
    assert bases(crawl) == "N" * 24


@pytest.mark.parametrize(
    ("change", "basis"),
    [
        ("noise", "reused"),  # of a camera: 2 levels
        ("elsewhere", "reused"),  # far from the target
        ("near", "network"),  # something small next to the target
        ("light", "network"),
        ("another size", "network"),
    ],
)
def test_what_counts_as_a_change_near_the_target(change: str, basis: str) -> None:
    tracker = Tracker(engine=FakeEngine(), static_check=True)
    tracker.start(scene(), box=START)
    assert bases([tracker.update(scene()) for _ in range(4)]) == "NNNr"
    frame = scene()
    if change == "noise":
        noise = np.random.default_rng(0).normal(0, 2, frame.shape)
        frame = np.clip(np.round(frame + noise), 0, 255).astype(np.uint8)
    elif change == "elsewhere":
        frame[400:460, 500:600] = 0
    elif change == "near":
        frame[70:84, 190:204] = 0
    elif change == "light":
        frame = scene(shade=134)
    else:
        frame = np.ascontiguousarray(frame[:-1])
    assert tracker.update(frame).basis == basis


def test_slow_fade_accumulates_until_the_network_runs() -> None:
    """Each frame resembles the previous one, but not the one that the network saw."""
    tracker = Tracker(engine=FakeEngine(), static_check=True)
    tracker.start(scene(), box=START)
    tracks = [tracker.update(scene(shade=128 + 3 * max(0, i - 2))) for i in range(6)]
    assert bases(tracks) == "NNNrNr"


def test_static_scenes_are_reused_before_anything_coasts() -> None:
    tracker = Tracker(engine=FakeEngine(), static_check=True)
    tracker.start(scene(), box=START)
    rest = [tracker.update(scene()) for _ in range(3)]
    hurried = [tracker.update(scene(), deadline_ms=SHORT) for _ in range(7)]
    assert bases(rest + hurried) == "NNN" + "rrrrrN" + "r"
    # The second frame changes without inference: more frames may coast than were reused.
    other = [tracker.update(scene(shade=190), deadline_ms=SHORT) for _ in range(4)]
    assert bases(other) == "ccNr"


# parity


@pytest.mark.parametrize("named_by", ["box", "text", "both"])
@settings(max_examples=8)
@given(seed=st.integers(0, 10_000), odds=st.sampled_from([(1 / 6,) * 6, (0.02, 0.03, 0.05, 0.1, 0.3, 0.5)]))
def test_cpp_equals_the_reference_bit_for_bit_with_deadlines(
    named_by: str, seed: int, odds: tuple[float, ...]
) -> None:
    """Scenes are static for a while, and deadlines come and go."""
    thresholds = {
        "max_uncertain_frames": 4.0,
        "reverify_interval": 3.0,
        "template_update_interval": 2.0,
        "template_blend": 0.3,
        "template_blend_interval": 3.0,
        "template_blend_delay": 1.0,
        "track_threshold": 0.2,
        "static_iou": 0.5,
        "static_min_runs": 1.0,
    }
    native, plain = (ScriptedEngine(seed, thresholds=thresholds, odds=odds) for _ in range(2))
    dice = np.random.default_rng(seed)
    height, width = (int(v) for v in dice.integers(40, 120, 2))
    box = None if named_by == "text" else Box(width * 0.3, height * 0.4, width * 0.2, height * 0.35)
    text = None if named_by == "box" else "5"
    one, two = Tracker(engine=native, static_check=True), reference.tracker.Tracker(plain, static_check=True)
    one.reader._tokenizer = OneText(0)  # type: ignore[assignment]
    picture = dice.integers(0, 256, (height, width, 3), dtype=np.uint8)
    assert one.start(picture, text=text, box=box) == two.start(
        picture, text=OneText(0).encode(text) if text else None, box=box
    )
    for i in range(40):
        if dice.random() < 0.3:
            picture = dice.integers(0, 256, (height, width, 3), dtype=np.uint8)
        elif dice.random() < 0.3:
            picture = picture.copy()
            picture[dice.integers(height) :, dice.integers(width) :] //= 2
        late = bool(dice.random() < 0.5)
        assert one.update(picture, deadline_ms=SHORT if late else LONG) == two.update(picture, late=late), i
    assert native.notes == plain.notes


def test_parity_test_covers_all_three_bases() -> None:
    thresholds = {"track_threshold": 0.2, "static_iou": 0.5, "static_min_runs": 1.0}
    engine = ScriptedEngine(1, thresholds=thresholds, odds=(0.02, 0.03, 0.05, 0.1, 0.3, 0.5))
    tracker = Tracker(engine=engine, static_check=True)
    picture = scene()
    tracker.start(picture, box=START)
    tracks = [tracker.update(picture, deadline_ms=SHORT if i % 12 < 4 else LONG) for i in range(60)]
    assert set(bases(tracks)) == {"N", "c", "r"}
