"""A target lost in a pair: in which image whole frames are searched, and with which template."""

from __future__ import annotations

import numpy as np
import pytest
from pair_engine import BOX, PairEngine, X, faded, picture, second

import edgetrack

EMPTY, EMPTY_X = picture(400), second(400)  # without the target


@pytest.fixture
def engine() -> PairEngine:
    return PairEngine()


@pytest.fixture
def tracker(engine: PairEngine) -> edgetrack.Tracker:
    return edgetrack.Tracker(engine=engine)


def lose(tracker: edgetrack.Tracker, color: np.ndarray | None, x: np.ndarray | None) -> edgetrack.Track:
    """Show images without the target until it is lost and searched for in the whole frame."""
    for _ in range(60):
        track = tracker.update(color, x=x)
    assert track.status == "lost"
    return track


def test_lost_target_is_searched_in_color_while_that_is_good(
    engine: PairEngine, tracker: edgetrack.Tracker
) -> None:
    engine.sure = 0.9
    tracker.start(picture(), box=BOX, x=second())
    track = lose(tracker, EMPTY, EMPTY_X)
    assert (track.modalities, track.x_share) == (("color",), 0)
    assert engine.searches[-1][1] == "x", "the template that was used last"
    assert set(engine.full_frame) == {"color"}
    for _ in range(8):
        track = tracker.update(picture(), x=EMPTY_X)
    assert (track.status, track.modalities) == ("tracking", ("color",))


def test_lost_target_is_found_in_the_second_sensor_while_color_is_missing(
    engine: PairEngine, tracker: edgetrack.Tracker
) -> None:
    tracker.start(picture(), box=BOX, x=second())
    track = lose(tracker, None, EMPTY_X)
    assert (track.modalities, track.x_share) == (("x",), 1)
    assert set(engine.full_frame) == {"x"}
    for _ in range(8):
        track = tracker.update(None, x=second(20))
    assert (track.status, track.modalities) == ("tracking", ("x",))
    assert track.box is not None
    assert track.box.x == pytest.approx(20, abs=3)


def test_lost_target_is_searched_in_turns_while_the_contrast_of_color_is_restored(
    engine: PairEngine, tracker: edgetrack.Tracker
) -> None:
    tracker.start(picture(), box=BOX, x=second())
    engine.sure = engine.sure_of_x = 0.0
    for _ in range(120):
        tracker.update(faded(), x=second())
    assert engine.full_frame[:4] in (["color", "x"] * 2, ["x", "color"] * 2)


def test_lost_target_is_searched_in_color_alone_if_the_second_sensor_has_no_template(
    engine: PairEngine, tracker: edgetrack.Tracker
) -> None:
    tracker.start(picture(), box=BOX)
    lose(tracker, EMPTY, None)
    engine.full_frame.clear()
    assert tracker.update(None, x=second()).modalities == ()
    for _ in range(8):
        assert tracker.update(EMPTY, x=second()).modalities == ("color",)
    assert set(engine.full_frame) == {"color"}


def test_template_does_not_change_under_a_full_frame_search_in_the_background(engine: PairEngine) -> None:
    engine.concurrent = True
    engine.sure = 0.05
    engine.sure_of_frame = 0.4  # a find is followed on trial, and looked at again and again
    tracker = edgetrack.Tracker(engine=engine)
    tracker.start(picture(), box=BOX, x=second())
    lose(tracker, EMPTY, EMPTY_X)
    engine.searches.clear()
    engine.full_frame_s = 0.02
    for _ in range(20):
        assert tracker.update(picture(), x=second()).status in ("lost", "uncertain", "tracking")
    assert X in engine.searches
    assert set(engine.full_frame) == {"color"}
