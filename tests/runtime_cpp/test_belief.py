"""The score of a target that is found by its text accumulates the evidence of reverifications."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fake_engine import FakeEngine
from numpy.typing import NDArray
from red_scene import FakeTokenizer, scene

from edgetrack.policy import Policy
from edgetrack.tracker import Tracker
from edgetrack.types import Track

FOUND = 0.7  # score of the first find
NEUTRAL = Policy().neutral_score
CHECKS = 20


@pytest.fixture(autouse=True)
def tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgetrack.words.Tokenizer", FakeTokenizer)


class Doubtful(FakeEngine):
    """An engine that finds red; its full-frame searches give it the score ``sure``."""

    def __init__(self) -> None:
        super().__init__()
        self.sure = FOUND

    def revise(self, role: str, out: dict[str, NDArray[Any]]) -> None:
        if role == "ground":
            out["presence"] *= np.float32(self.sure)


def tracks(*sure: float, step: int) -> list[Track]:
    """Tracks after each check of a target that moves by ``step`` pixels per frame: ``CHECKS`` with each score.

    After each score, it moves the other way.
    """
    engine = Doubtful()
    tracker = Tracker(engine=engine)
    assert tracker.start(scene((60, 100, 60, 40)), text="red").score == pytest.approx(FOUND)
    found: list[Track] = []
    at = 60
    for engine.sure in sure:
        end = len(found) + CHECKS
        while len(found) < end:
            before, at = engine.calls.count("ground"), at + step
            track = tracker.update(scene((at, 100, 60, 40)))
            if engine.calls.count("ground") > before:
                found.append(track)
        step = -step
    return found


def scores(sure: float, *, step: int) -> list[float]:
    return [track.score for track in tracks(sure, step=step)]


@pytest.mark.parametrize("sure", [0.5, 0.9, 1.0])
def test_each_look_that_fits_the_text_adds_evidence(sure: float) -> None:
    found = scores(sure, step=1)
    assert FOUND < found[0] < FOUND + 0.1  # less than an independent look, which would give 0.81 or more
    assert found == sorted(found)
    assert 0.85 < found[-1] <= 0.98


@pytest.mark.parametrize("sure", [0.12, 0.25])
def test_looks_that_fit_less_than_neutral_count_against_the_target(sure: float) -> None:
    found = scores(sure, step=1)
    assert found == sorted(found, reverse=True)
    assert 0.02 <= found[-1] < FOUND - 0.1


def test_neutral_looks_change_nothing() -> None:
    assert scores(NEUTRAL, step=1) == pytest.approx([FOUND] * CHECKS, abs=1e-6)


@pytest.mark.parametrize("sure", [0.25, 0.9])
def test_unchanged_image_is_no_new_evidence(sure: float) -> None:
    assert scores(sure, step=0) == pytest.approx([FOUND] * CHECKS, abs=1e-6)


def test_target_is_uncertain_while_the_text_probably_means_something_else() -> None:
    found = tracks(0.12, 0.95, step=1)
    statuses = ["tracking" if track.score >= NEUTRAL else "uncertain" for track in found]
    assert [track.status for track in found] == statuses
    assert statuses[0] == statuses[-1] == "tracking"
    assert "uncertain" in statuses
    assert all(track.box is not None for track in found)


def after_it_has_left(sure: float, *, frames: int, at: int = 600) -> list[Track]:
    """Tracks of something red that appears where a red target left the frame; the checks give it the score ``sure``."""
    engine = Doubtful()
    tracker = Tracker(engine=engine)
    tracker.start(scene((540, 100, 60, 40)), text="red")
    for x in range(546, 640, 6):
        last = tracker.update(scene((x, 100, min(60, 640 - x), 40)))
    assert last.status == "tracking"
    engine.sure = sure
    tracker.update(scene(None))
    return [tracker.update(scene((at, 100, 40, 40))) for _ in range(frames)]


def test_what_appears_where_the_target_left_is_lost_unless_it_fits_the_text() -> None:
    statuses = [track.status for track in after_it_has_left(0.02, frames=60)]
    assert statuses[-1] == "lost"
    assert statuses.count("tracking") < 2 * Policy().reverify_interval


def test_target_that_returns_where_it_left_is_tracked() -> None:
    found = after_it_has_left(0.9, frames=60)
    assert all(track.box is not None for track in found)
    assert found[-1].status == "tracking"
    assert found[-1].score == pytest.approx(0.9, abs=0.03)


def test_text_does_not_make_a_target_uncertain_that_the_user_pointed_at() -> None:
    engine = Doubtful()
    tracker = Tracker(engine=engine)
    tracker.start(scene((60, 100, 60, 40)), text="red")
    tracker.correct((62, 100, 60, 40))
    engine.sure = 0.12
    found = [tracker.update(scene((60 + x, 100, 60, 40))) for x in range(200)]
    assert engine.calls.count("ground") > 10
    assert {(track.status, round(track.score, 2)) for track in found} == {("tracking", 1.0)}


def test_target_that_hardly_fits_its_text_is_lost_in_the_end() -> None:
    found = tracks(0.02, step=1)
    assert found[0].status == "tracking"
    assert found[-1].status == "lost"


def test_find_at_an_edge_is_checked_at_once_and_lost_if_nothing_is_there() -> None:
    engine = Doubtful()
    tracker = Tracker(engine=engine)
    engine.sure = 0.9
    assert tracker.start(scene((600, 100, 40, 40)), text="red").status == "tracking"
    engine.sure = 0.02
    found = [tracker.update(scene((600, 100, 40, 40))) for _ in range(3 * Policy().reverify_interval)]
    assert found[1].status == "uncertain"
    assert found[-1].status == "lost"


def test_find_inside_the_frame_is_checked_at_its_time() -> None:
    engine = Doubtful()
    tracker = Tracker(engine=engine)
    engine.sure = 0.9
    assert tracker.start(scene((300, 100, 40, 40)), text="red").status == "tracking"
    engine.sure = 0.02
    found = [tracker.update(scene((300, 100, 40, 40))) for _ in range(Policy().reverify_interval - 1)]
    assert {track.status for track in found} == {"tracking"}


def test_target_that_the_user_pointed_at_is_checked_no_more_often_at_an_edge() -> None:
    engine = Doubtful()
    tracker = Tracker(engine=engine)
    tracker.start(scene((600, 100, 40, 40)), text="red")
    tracker.correct((600, 100, 40, 40))
    for _ in range(100):
        tracker.update(scene((600, 100, 40, 40)))
    assert engine.calls.count("ground") <= 2 + 100 // Policy().reverify_interval
