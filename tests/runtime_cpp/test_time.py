"""Time: what the policy counts in frames lasts equally long at any frame rate, and clock changes disturb no track."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fake_engine import FakeEngine
from numpy.typing import NDArray
from one_text import OneText
from scripted_engine import ScriptedEngine

from edgetrack.errors import ConfigError
from edgetrack.multi_tracker import MultiTracker
from edgetrack.tracker import Tracker
from edgetrack.types import Box, Frame, Track

START = Box(100, 100, 60, 40)
FAR = Box(480, 380, 60, 40)  # outside any search region around START
FPS = 30


def scene(box: Box | None = START) -> NDArray[np.uint8]:
    """Gray with a red rectangle, 640x480."""
    frame = np.full((480, 640, 3), 128, np.uint8)
    if box is not None:
        x, y, w, h = box.ints
        frame[y : y + h, x : x + w] = (0, 0, 255)
    return frame


def followed(*, thresholds: dict[str, float] | None = None, static_check: bool = False) -> Tracker:
    """Return a tracker that has START in its first frame, at 0 s."""
    engine = FakeEngine()
    object.__setattr__(engine.bundle.manifest, "thresholds", thresholds or {})
    tracker = Tracker(engine=engine, static_check=static_check)
    tracker.start(scene(), box=START, time_s=0.0)
    return tracker


def random_tracks(times: list[float | None]) -> list[Track]:
    """Return the tracks of a tracker with a random engine for one video, at the given times."""
    thresholds = {"max_uncertain_frames": 4.0, "reverify_interval": 3.0, "track_threshold": 0.2}
    engine = ScriptedEngine(7, thresholds=thresholds, odds=(1 / 6,) * 6)
    tracker, dice = Tracker(engine=engine), np.random.default_rng(7)
    pictures = dice.integers(0, 256, (len(times), 90, 110, 3), dtype=np.uint8)
    tracks = [tracker.start(pictures[0], box=(30, 30, 24, 30), time_s=times[0])]
    tracks += [tracker.update(p, time_s=t) for p, t in zip(pictures[1:], times[1:], strict=True)]
    return tracks


@pytest.mark.parametrize(
    "times",
    [
        [i / FPS for i in range(60)],
        [round(i / FPS, 3) for i in range(60)],  # rounded as in containers
        [1.7e9 + i / 29.97 for i in range(60)],
        [i / FPS + 0.002 * (i % 2) for i in range(60)],  # a camera with jitter
    ],
    ids=["exact", "milliseconds", "NTSC since 1970", "jitter"],
)
def test_frames_without_times_count_as_thirty_per_second(times: list[float | None]) -> None:
    assert random_tracks(times) == random_tracks([None] * 60)


@pytest.mark.parametrize("jump_s", [-3600.0, -0.5, 1.5, 86_400.0])
def test_clock_change_does_not_disturb_tracks(jump_s: float) -> None:
    steady = [i / 15 for i in range(60)]
    jumps = [t + (jump_s if 20 <= i < 40 else 0) for i, t in enumerate(steady)]
    assert random_tracks(list(jumps)) == random_tracks(list(steady))


def seconds_to_lose(fps: float) -> float:
    """Return the time from the last frame that shows the target to the first in which it is lost."""
    tracker = followed()
    for i in range(1, 4):
        tracker.update(scene(), time_s=i / fps)
    for i in range(1, 200):
        if tracker.update(scene(None), time_s=(3 + i) / fps).status == "lost":
            return i / fps
    raise AssertionError("never lost")


@pytest.mark.parametrize("fps", [120, 60, 30, 25, 15, 10, 6])
def test_target_is_lost_after_the_same_time_at_every_frame_rate(fps: float) -> None:
    assert seconds_to_lose(fps) == pytest.approx(12 / 30, rel=0.2)


def test_one_search_after_a_pause_does_not_lose_the_target() -> None:
    tracker = followed()
    tracker.update(scene(), time_s=1 / FPS)
    assert tracker.update(scene(None), time_s=0.9).status == "uncertain"
    back = tracker.update(scene(), time_s=0.9 + 1 / FPS)
    assert back.status == "tracking"


def checks(fps: int, hidden: int = 0) -> list[int]:
    """Return the frames of two seconds in which reverification runs; in frame ``hidden`` the target is hidden."""
    engine = FakeEngine()
    tracker = Tracker(engine=engine)
    tracker.start(scene(), text="red thing", time_s=0.0)
    found = []
    for i in range(1, 2 * fps + 1):
        before = engine.calls.count("ground")
        tracker.update(scene(None if i == hidden else START), time_s=i / fps)
        found += [i] * (engine.calls.count("ground") - before)
    return found


@pytest.mark.parametrize(("fps", "every"), [(60, 12), (30, 6), (15, 3), (10, 2)])
def test_reverification_runs_at_the_same_times_and_less_often_while_it_agrees(
    fps: int, every: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgetrack.words.Tokenizer", OneText)
    assert checks(fps) == [every, 2 * every, 4 * every, 8 * every]


def test_reverification_runs_at_the_initial_rate_after_a_weak_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgetrack.words.Tokenizer", OneText)
    assert checks(30, hidden=26) == [6, 12, 24, 30, 36, 48]


@pytest.mark.parametrize(("fps", "coasted"), [(60, 6), (30, 3), (15, 1), (6, 1), (2, 0)])
def test_box_coasts_for_a_tenth_of_a_second_or_one_frame(fps: float, coasted: int) -> None:
    tracker = followed()
    moved = [Box(START.x + 30 * i / fps, START.y, START.w, START.h) for i in range(200)]
    for i in range(1, 12):
        tracker.update(scene(moved[i]), time_s=i / fps)
    hurried = [tracker.update(scene(moved[i]), time_s=i / fps, deadline_ms=1e-6) for i in range(12, 24)]
    bases = "".join(track.basis[0] for track in hurried)
    assert bases[: coasted + 1] == "c" * coasted + "n"
    for i, track in zip(range(12, 24), hurried, strict=True):
        assert track.box is not None
        assert track.box.center == pytest.approx(moved[i].center, abs=2)


def test_velocity_is_measured_in_time_not_in_frames() -> None:
    """Every second frame is missing from the 12th on: a coasting box must move twice as far."""
    tracker = followed()
    for i in range(1, 12):
        tracker.update(scene(Box(START.x + 4 * i, START.y, START.w, START.h)), time_s=i / FPS)
    track = tracker.update(scene(None), time_s=13 / FPS, deadline_ms=1e-6)
    assert track.basis == "coasted"
    assert track.box is not None
    assert track.box.x == pytest.approx(START.x + 4 * 13, abs=1)


def frame_after(gap_s: float, box: Box) -> Frame:
    return Frame(scene(box), 1, 0.1, captured_ns=1, gap_s=gap_s)


def test_whole_frame_is_searched_first_after_a_gap() -> None:
    tracker = followed()
    found = tracker.update(frame_after(1.5, FAR))
    assert (found.status, found.basis) == ("tracking", "network")
    assert found.box is not None
    assert found.box.iou(FAR) > 0.9
    assert tracker.engine.calls[-2:] == ["ground", "search"]  # type: ignore[attr-defined]


def test_search_region_alone_is_searched_without_a_gap() -> None:
    tracker = followed()
    assert tracker.update(frame_after(0.9, FAR)).status == "uncertain"
    assert "ground" not in tracker.engine.calls  # type: ignore[attr-defined]


def test_stationary_target_is_followed_after_a_gap() -> None:
    tracker = followed()
    track = tracker.update(frame_after(60.0, START))
    assert track.status == "tracking"
    assert track.box is not None
    assert track.box.iou(START) > 0.9
    nothing = tracker.update(Frame(scene(None), 2, 0.2, gap_s=60.0))
    assert nothing.status == "uncertain"  # one search does not lose it


def test_no_frame_skips_the_network_after_a_gap() -> None:
    tracker = followed(static_check=True)
    for i in range(1, 6):
        tracker.update(scene(), time_s=i / FPS)
    assert tracker.update(scene(), time_s=6 / FPS).basis == "reused"
    assert tracker.update(Frame(scene(), 7, 7 / FPS, gap_s=2.0), deadline_ms=1e-6).basis == "network"


def test_several_targets_share_the_time_and_the_gap() -> None:
    engine = FakeEngine()
    tracker = MultiTracker(engine=engine, batch=False)
    tracker.start(scene(), {"one": START}, time_s=0.0)
    assert tracker.update(frame_after(1.5, FAR))["one"].status == "tracking"
    assert tracker.update(scene(None), time_s=0.3)["one"].status == "uncertain"
    assert tracker.update(scene(None), time_s=0.5)["one"].status == "lost"


@pytest.mark.parametrize("time_s", [float("nan"), float("inf"), "now", True])
def test_bad_time_is_named_and_the_frame_does_not_count(time_s: Any) -> None:
    tracker = followed()
    with pytest.raises(ConfigError, match=r"time_s is .*expected a finite number of seconds"):
        tracker.update(scene(), time_s=time_s)
    assert tracker.update(scene()).index == 1


def test_age_of_a_frame_grows_and_files_have_none() -> None:
    import time

    frame = Frame(scene(), 0, 0.0, captured_ns=time.monotonic_ns() - 20_000_000)
    first, second = frame.age_ms, frame.age_ms
    assert first is not None
    assert second is not None
    assert 20 <= first < second < 5000
    assert Frame(scene(), 0, 0.0).age_ms is None
