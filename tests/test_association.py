"""Motion, overlap and assignment: which detection belongs to which track."""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetrack.association import Motion, alike, assign, overlaps
from edgetrack.errors import MissingExtra
from edgetrack.types import Box

pytest.importorskip("scipy")

FRAME = (2000, 1000)


def walked(steps: int, speed: float, ticks: float = 1.0) -> tuple[Motion, Box]:
    motion = Motion(Box(100, 50, 40, 20), FRAME)
    for n in range(1, steps + 1):
        motion.step(ticks)
        motion.correct(Box(100 + speed * n * ticks, 50, 40, 20), FRAME)
    return motion, Box(100 + speed * steps * ticks, 50, 40, 20)


@pytest.mark.parametrize("ticks", [1.0, 3.0, 6.0])
def test_box_continues_at_its_velocity(ticks: float) -> None:
    motion, last = walked(30, 2.0, ticks)
    assert motion.box.iou(last) > 0.97
    assert motion.velocity == pytest.approx((2.0, 0.0), abs=0.1)
    motion.step(10)
    assert motion.box.iou(Box(last.x + 20, 50, 40, 20)) > 0.9


def test_copy_moves_independently() -> None:
    motion, _ = walked(5, 2.0)
    then = motion.copy()
    motion.step(5)
    assert then.box != motion.box
    then.step(5)
    assert then.box == motion.box


def test_shrinking_box_never_gets_a_negative_size() -> None:
    motion = Motion(Box(0, 0, 100, 100), FRAME)
    for side in (80, 60, 40):
        motion.step(1)
        motion.correct(Box(0, 0, side, side), FRAME)
    motion.step(60)
    assert motion.box.w >= 2
    assert motion.box.h >= 2


def test_overlap_matches_the_boxes_and_grows_with_a_buffer() -> None:
    ours, theirs = [Box(0, 0, 10, 10), Box(50, 50, 4, 8)], [Box(5, 0, 10, 10), Box(12, 0, 10, 10)]
    found = overlaps(ours, theirs)
    assert found.shape == (2, 2)
    for i, a in enumerate(ours):
        for j, b in enumerate(theirs):
            assert found[i, j] == pytest.approx(a.iou(b))
    assert found[0, 1] == 0
    grown = Box(-3, -3, 16, 16).iou(Box(9, -3, 16, 16))
    assert overlaps(ours, theirs, 0.3)[0, 1] == pytest.approx(grown) != 0
    assert overlaps([], theirs).shape == (0, 2)


def test_appearance_is_compared_by_cosine_similarity() -> None:
    a, b = np.array([1.0, 0.0]), np.array([0.6, 0.8])
    assert alike([a], [a, b]) == pytest.approx(np.array([[1.0, 0.6]]))
    assert alike([], [a]).shape == (0, 1)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_assignment_is_optimal(n: int, m: int, seed: int) -> None:
    """Compare with all possible assignments; an unassigned pair costs as much as the limit."""
    cost = np.random.default_rng(seed).random((n, m)).round(3)
    cost[cost > 0.8] = np.inf
    wide = np.minimum(cost if n <= m else cost.T, 0.7)
    best = min(
        sum(wide[i, j] for i, j in enumerate(order))
        for order in permutations(range(wide.shape[1]), len(wide))
    )
    pairs = assign(cost, 0.7)
    assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(pairs)
    assert all(cost[i, j] < 0.7 for i, j in pairs)
    assert sum(cost[i, j] for i, j in pairs) + 0.7 * (len(wide) - len(pairs)) == pytest.approx(best)


def test_missing_scipy_names_the_install_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(MissingExtra, match=r"pip install 'edgetrack\[every\]'"):
        assign(np.zeros((1, 1)), 1.0)


def test_single_wrong_box_does_not_change_the_size_permanently() -> None:
    motion, right = Motion(Box(100, 100, 54, 70), FRAME), Box(100, 100, 54, 70)
    for box in (*[right] * 5, Box(60, 60, 144, 130), right):
        motion.step(3)
        motion.correct(box, FRAME)
    before = motion.box
    for _ in range(5):  # it is not found
        motion.step(3)
    assert (motion.box.w, motion.box.h) == (before.w, before.h)
    assert motion.box.w == pytest.approx(54, rel=0.25)


@pytest.mark.parametrize("wrong", [Box(-40, 20, 216, 90), Box(102, 60, 34, 28), Box(96, 50, 120, 50)])
@pytest.mark.parametrize("speed", [0.0, 2.0])
def test_single_box_of_a_wrong_size_does_not_move_the_center(wrong: Box, speed: float) -> None:
    """The box is twice too large, half of the object, or too wide: it overlaps the object with another center."""
    motion = Motion(Box(100 - 60 * speed, 50, 70, 50), FRAME)
    for n in range(-19, 1):
        motion.step(3)
        motion.correct(Box(100 + 3 * speed * n, 50, 70, 50), FRAME)
    thrown = motion.copy()
    for one, box in ((motion, Box(100, 50, 70, 50)), (thrown, wrong)):
        one.step(3)
        one.correct(replace(box, x=box.x + 3 * speed), FRAME)
    for _ in range(4):  # until it is found again
        assert thrown.box.iou(motion.box) > 0.95
        motion.step(3)
        thrown.step(3)


def test_new_size_is_accepted_when_seen_twice() -> None:
    motion = Motion(Box(100, 100, 50, 50), FRAME)
    for box in [Box(100, 100, 50, 50)] * 6 + [Box(80, 60, 120, 120)] * 6:
        motion.step(3)
        motion.correct(box, FRAME)
    assert motion.box.iou(Box(80, 60, 120, 120)) > 0.8


def seen_in(frame: tuple[int, int], x: float, y: float, w: float, h: float) -> Box:
    """The part of an object in the frame."""
    low, high = np.maximum((x, y), 0), np.minimum((x + w, y + h), frame)
    return Box.from_xyxy(*low.tolist(), *high.tolist())


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("leaves", [False, True])
@pytest.mark.parametrize("far", [False, True])
def test_object_that_enters_or_leaves_stays_at_the_edge_of_the_frame(
    axis: int, leaves: bool, far: bool
) -> None:
    """An object of 100 pixels moves by 6 per tick across an edge; the detector sees the part in the frame."""
    frame, length, speed = (640, 640), 100.0, 6.0

    def part(tick: float) -> Box:
        place = -88 + speed * tick if not leaves else 20 - speed * tick
        place = frame[axis] - length - place if far else place
        return seen_in(frame, *((place, 300, length, 60) if axis == 0 else (300, place, 60, length)))

    motion = Motion(part(0), frame)
    for tick in range(1, 14):
        motion.step(1)
        if tick % 3 == 0:
            motion.correct(part(tick), frame)
        if tick > 4:
            assert motion.box.iou(part(tick)) > 0.8, (tick, motion.box, part(tick))
    outward = leaves != far
    assert motion.velocity[axis] == pytest.approx(-speed if outward else speed, rel=0.15)


def test_frame_may_change_its_size() -> None:
    motion = Motion(Box(540, 100, 100, 50), (640, 480))  # cut off on the right
    for box, frame in ((Box(800, 100, 100, 50), (1280, 720)), (Box(600, 100, 40, 50), (640, 480))):
        for _ in range(12):
            motion.step(3)
            motion.correct(box, frame)
        assert motion.box.iou(box) > 0.9
