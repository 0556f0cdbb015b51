"""A target that vanishes and is found elsewhere may be a look-alike: it is uncertain for a second."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pair_engine import PairEngine, picture

import edgetrack
from edgetrack.bundle import Bundle

BOX = (40.0, 50.0, 40.0, 30.0)
SURE, VAGUE, GONE = 0.9, 0.4, 0.2  # scores
ELSEWHERE = 90  # left edge of the object beside the target


class Scene:
    """A target that a tracker with ``thresholds`` follows; the test says where it is and how sure the network is."""

    def __init__(self, **thresholds: float) -> None:
        self.engine = PairEngine()
        manifest = replace(self.engine.bundle.manifest, thresholds=thresholds)
        self.engine.bundle = Bundle(self.engine.bundle.folder, manifest)
        self.tracker = edgetrack.Tracker(engine=self.engine)
        self.tracker.start(picture(40), box=BOX)

    def see(self, left: int, score: float) -> str:
        self.engine.sure = score
        return self.tracker.update(picture(left)).status


def test_target_that_vanishes_and_is_found_elsewhere_is_uncertain_for_a_second() -> None:
    scene = Scene()
    assert [scene.see(40, SURE), scene.see(40, GONE)] == ["tracking", "uncertain"]
    assert [scene.see(ELSEWHERE, SURE) for _ in range(31)] == [*["uncertain"] * 30, "tracking"]


def test_target_that_returns_where_it_vanished_is_tracked_at_once() -> None:
    scene = Scene()
    for left in (40, 42, 45):
        assert scene.see(left, GONE) == "uncertain"
    assert scene.see(48, VAGUE) == "uncertain", "not yet certainly back"
    assert scene.see(50, SURE) == "tracking"


def test_target_that_leaves_the_frame_is_tracked_but_not_what_is_found_next() -> None:
    scene = Scene()
    assert [scene.see(left, score) for left, score in ((8, SURE), (4, SURE), (0, GONE))] == ["tracking"] * 3
    assert scene.see(60, SURE) == "uncertain"


def test_target_that_jumps_in_view_is_tracked() -> None:
    scene = Scene()
    assert [scene.see(left, SURE) for left in (40, ELSEWHERE, 40)] == ["tracking"] * 3
    assert [scene.see(left, VAGUE) for left in (40, ELSEWHERE)] == ["tracking"] * 2, "it has not vanished"


def test_doubt_can_be_turned_off() -> None:
    scene = Scene(doubtful_frames=0)
    assert [scene.see(40, GONE), scene.see(ELSEWHERE, SURE)] == ["tracking"] * 2


def test_user_who_points_at_the_object_ends_the_doubt() -> None:
    scene = Scene()
    scene.see(40, GONE)
    assert scene.see(ELSEWHERE, SURE) == "uncertain"
    scene.tracker.correct((ELSEWHERE, 50, 40, 30))
    assert [scene.see(ELSEWHERE, SURE) for _ in range(2)] == ["tracking"] * 2


@pytest.mark.parametrize("doubtful_frames", [0, 30])
def test_nothing_is_learned_from_an_object_in_doubt(doubtful_frames: int) -> None:
    scene = Scene(doubtful_frames=doubtful_frames, template_update_interval=1)
    scene.see(40, GONE)
    before = scene.engine.prompts
    scene.see(ELSEWHERE, SURE)
    scene.see(ELSEWHERE, SURE)  # with the prompts of the last frame
    assert np.array_equal(scene.engine.prompts, before) == (doubtful_frames > 0)
