"""How much evidence a find needs before it is tracked, and what counts as evidence against the tracked target."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fake_engine import FakeEngine
from numpy.typing import NDArray
from red_scene import FakeTokenizer, scene

import edgetrack
from edgetrack.tracker import Tracker

RED = (100, 100, 60, 40)


class Says(FakeEngine):
    """An engine whose ``ground`` finds what it is told with the score it is told; in the background with ``beside``."""

    def __init__(self, *, beside: bool = False) -> None:
        super().__init__()
        self.concurrent = beside
        self.sure, self.here = 0.3, 0.3  # scores of the best find, and of the red object's position
        self.other: tuple[int, int] | None = None  # cell of the best find, if it is not the red object

    def revise(self, role: str, out: dict[str, NDArray[Any]]) -> None:
        if role != "ground":
            return
        out["quality"][:] = self.here if self.other else self.sure
        if self.other:
            row, column = self.other
            out["score"] *= np.float32(0.5)
            out["score"][0, 0, row, column] = 1.0
            out["quality"][0, 0, row, column] = self.sure
            out["presence"][:] = 1.0


@pytest.fixture(autouse=True)
def tokens(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("real_network") is None:
        monkeypatch.setattr("edgetrack.words.Tokenizer", FakeTokenizer)


def noisy(box: tuple[int, int, int, int], seed: int) -> NDArray[np.uint8]:
    """Draw the red rectangle with the noise of a stationary camera."""
    noise = np.random.default_rng(seed).normal(0, 2, (480, 640, 3))
    return np.clip(scene(box) + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("noise", [False, True])
def test_repeated_finds_in_a_still_image_add_no_evidence(beside: bool, noise: bool) -> None:
    engine = Says(beside=beside)
    engine.sure = engine.here = 0.45  # three independent finds would suffice
    tracker = Tracker(engine=engine)
    tracks = [tracker.start(noisy(RED, 0) if noise else scene(RED), text="red")]
    tracks += [tracker.update(noisy(RED, i) if noise else scene(RED)) for i in range(1, 40)]
    assert {track.status for track in tracks} == {"uncertain"}


@pytest.mark.parametrize("beside", [False, True])
def test_moving_candidate_is_confirmed(beside: bool) -> None:
    engine = Says(beside=beside)
    engine.sure = engine.here = 0.45
    tracker = Tracker(engine=engine)
    tracks = [tracker.start(scene(RED), text="red")]
    tracks += [tracker.update(scene((100 + 4 * i, 100, 60, 40))) for i in range(1, 20)]
    assert tracks[1].status == "uncertain"
    assert tracks[-1].status == "tracking"
    box = tracks[-1].box
    assert box is not None
    assert abs(box.x - 176) < 4


def test_weak_candidate_is_never_confirmed() -> None:
    engine = Says()
    engine.sure = engine.here = 0.3
    tracker = Tracker(engine=engine)
    tracks = [tracker.start(scene(RED), text="red")]
    tracks += [tracker.update(scene((100 + 4 * i, 100, 60, 40))) for i in range(1, 60)]
    assert {track.status for track in tracks} <= {"uncertain", "searching"}


def test_confident_find_is_tracked_at_once() -> None:
    engine = Says()
    engine.sure = 0.7
    assert Tracker(engine=engine).start(scene(RED), text="red").status == "tracking"


def test_candidate_that_disappears_is_dropped() -> None:
    tracker = Tracker(engine=Says(beside=True))
    tracker.start(scene(None), text="red")
    seen = [tracker.update(scene(RED)).status for _ in range(6)]
    gone = [tracker.update(scene(None)) for _ in range(20)]
    assert seen[-1] == "uncertain"
    assert (gone[-1].status, gone[-1].box) == ("searching", None)


def following(engine: Says) -> Tracker:
    """Track the red object by text; reverification then finds something else, far away."""
    engine.sure = 0.9
    tracker = Tracker(engine=engine)
    assert tracker.start(scene(RED), text="red").status == "tracking"
    engine.other = (14, 16)  # of 20 x 20 cells: the center at 528, 384 of 640 x 480
    return tracker


def boxes(tracker: Tracker, frames: int) -> list[bool]:
    """Tell for each box whether it is still on the red object."""
    tracks = [tracker.update(scene(RED)) for _ in range(frames)]
    return [track.box is not None and track.box.iou(edgetrack.Box(*RED)) > 0.5 for track in tracks]


def test_reverification_switches_to_a_much_better_match() -> None:
    """The evidence is log(0.9 / 0.3), 1.1 at each check: the second check, in frame 12, exceeds 1.5."""
    engine = Says()
    tracker = following(engine)
    engine.here = 0.3
    assert boxes(tracker, 11) == [True] * 11
    seen = engine.calls.count("template")
    tracker.update(scene(RED))
    assert engine.calls.count("template") == seen + 1  # of the other object
    assert not any(boxes(tracker, 1))


def test_slightly_better_match_does_not_switch_at_once() -> None:
    engine = Says()
    tracker = following(engine)
    engine.here = 0.8
    assert boxes(tracker, 60) == [True] * 60


def test_earlier_agreement_does_not_delay_a_switch() -> None:
    """Evidence is never negative: ten checks in favor of the target do not outweigh two against it."""
    engine = Says()
    tracker = following(engine)
    engine.sure, engine.here = 0.2, 0.9
    assert all(boxes(tracker, 60))
    engine.sure, engine.here = 0.9, 0.3
    boxes(tracker, 12)
    assert not all(boxes(tracker, 6))


@pytest.mark.real_network
@pytest.mark.nightly
def test_shipped_networks_do_not_track_weak_finds_in_a_still_image() -> None:
    """Search a street with a car for absent objects: none of them is tracked, unless it was so at once."""
    from edgetrack.demo.scene import Scene

    frame = next(f.pixels.copy() for f in Scene().frames() if f.index == 60)
    tracker = edgetrack.Tracker(threads=1)
    for text in ("purple elephant", "sailing boat", "wooden chair", "dog on a sofa"):
        first = tracker.start(frame, text=text)
        later = {tracker.update(frame).status for _ in range(15)}
        assert "tracking" not in later or first.status == "tracking" or first.score >= 0.6, text


@pytest.mark.real_network
@pytest.mark.nightly
def test_shipped_networks_do_not_track_a_white_image() -> None:
    from edgetrack.demo.scene import Scene

    tracker = edgetrack.Tracker(threads=1)
    frames = [f.pixels for f in Scene().frames() if 60 <= f.index < 70]
    tracker.start(frames[0], text="red car")
    for frame in frames[1:]:
        tracker.update(frame)
    white = np.full_like(frames[0], 255)
    statuses = [tracker.update(white).status for _ in range(80)]
    assert "tracking" not in statuses[15:]
