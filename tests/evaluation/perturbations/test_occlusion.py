"""Occlusion bursts: where and when the patch is, and what is counted afterwards."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetrack.datasets import Sequence
from edgetrack.errors import ConfigError
from edgetrack.evaluation.metrics.occlusion import REACQUISITION_WINDOW, reacquisition
from edgetrack.evaluation.metrics.one_pass import exists
from edgetrack.evaluation.perturbations.occlusion import (
    BURST_LENGTHS,
    EDGE_FRAMES,
    Occlusion,
    offset,
    schedule,
    texture,
)
from edgetrack.evaluation.types import Burst, Record

pytest.importorskip("cv2", reason="the video extra is not installed")


def path(frames: int) -> np.ndarray:
    """Make a target that moves and grows in half pixels."""
    t = np.arange(frames)[:, None]
    return np.concatenate([20.5 + t * 0.5, 30 + t * 0.3, 24.5 + t * 0.1, 18 + t * 0.1], 1)


@given(
    st.integers(2, 500),
    st.sampled_from(BURST_LENGTHS),
    st.integers(0, 50),
    st.lists(st.integers(0, 499), max_size=3),
)
def test_bursts_fit_into_the_sequence(frames: int, length: int, seed: int, gone: list[int]) -> None:
    truth = path(frames)
    truth[[t for t in gone if t < frames]] = np.nan
    bursts = schedule(truth, length, np.random.default_rng(seed))
    for burst in bursts:
        assert burst.clearing - burst.hidden == length
        assert burst.hidden - burst.begin == burst.end - burst.clearing == EDGE_FRAMES
        assert exists(truth)[burst.begin - 1 : burst.end + REACQUISITION_WINDOW].all()
        assert burst.end + REACQUISITION_WINDOW <= frames
    assert all(a.end + REACQUISITION_WINDOW <= b.begin for a, b in pairwise(bursts))
    if frames >= 20 + 2 * EDGE_FRAMES + length + REACQUISITION_WINDOW and not gone:
        assert bursts


@pytest.mark.parametrize("length", BURST_LENGTHS)
def test_patch_covers_the_whole_target_and_slides(length: int) -> None:
    truth, black = path(150), np.zeros((200, 240, 3), np.uint8)
    white = np.full((120, 160, 3), 255, np.uint8)
    stream = Occlusion(truth, length=length, image=white, rng=np.random.default_rng(1))
    covered = []
    for index, (x, y, w, h) in enumerate(truth):
        out = stream.step(black, index).pixels
        inside = out[int(np.ceil(y)) : int(y + h), int(np.ceil(x)) : int(x + w)]
        covered.append(inside.mean() / 255)
    assert not black.any(), "the frames of the source were written to"
    burst = stream.bursts[0]
    assert covered[burst.hidden : burst.clearing] == [1.0] * length
    assert covered[burst.begin - 1] == covered[burst.end] == 0
    coming, going = covered[burst.begin : burst.hidden], covered[burst.clearing : burst.end]
    assert coming == pytest.approx([0.2, 0.4, 0.6, 0.8], abs=0.05)
    assert going == pytest.approx([0.8, 0.6, 0.4, 0.2], abs=0.05)


def test_offset_runs_evenly_from_left_to_right() -> None:
    burst = Burst(10, 14, 24, 28)
    assert [offset(burst, i) for i in range(10, 14)] == pytest.approx([-0.8, -0.6, -0.4, -0.2])
    assert {offset(burst, i) for i in range(14, 24)} == {0.0}
    assert [offset(burst, i) for i in range(24, 28)] == pytest.approx([0.2, 0.4, 0.6, 0.8])


def test_target_at_the_border_can_be_occluded() -> None:
    truth = np.tile(np.array([[-30.0, -10, 40, 30]]), (100, 1))
    stream = Occlusion(
        truth, length=10, image=np.full((9, 9, 3), 255, np.uint8), rng=np.random.default_rng(0)
    )
    out = stream.step(np.zeros((60, 80, 3), np.uint8), stream.bursts[0].hidden).pixels
    assert (out[:20, :10] == 255).all()
    assert out.sum() == 20 * 10 * 3 * 255


def test_what_is_counted_after_a_burst() -> None:
    burst = Burst(10, 14, 24, 28)
    iou = np.full(80, 0.8)
    iou[14:38] = 0.0  # found again in the eleventh frame after the burst
    record = Record(statuses=["tracking"] * 16 + ["lost"] * 64, bursts=[burst])
    late = iou.copy()
    late[14:58] = 0.0  # one frame too late
    before = np.zeros(80)
    found = reacquisition([(record, iou), (record, late), (record, before)])
    assert (found.bursts, found.held, found.delay) == (3, 2, 10.0)
    assert found.reacquired == pytest.approx(1 / 3)
    assert found.reacquired_held == 0.5
    assert found.hidden == {"tracking": 0.2, "lost": 0.8}
    rates = 16 / 21  # 0.8 is above 16 of the 21 thresholds
    assert found.auc_burst == pytest.approx(rates * (4 + 4) / 54)
    assert found.auc_after == pytest.approx(rates * (40 + 20) / 150)
    gone = iou.copy()
    gone[60:] = np.nan  # the target has left: these frames are not counted
    assert reacquisition([(record, gone)]).auc_after == pytest.approx(rates * 22 / 32)
    nothing = reacquisition([])
    assert nothing.bursts == 0
    assert np.isnan(nothing.reacquired)


def test_target_must_be_held_in_the_last_frame_before_the_burst() -> None:
    burst = Burst(10, 14, 24, 28)
    lost_as_it_comes, found_as_it_comes = np.full(80, 0.8), np.full(80, 0.8)
    lost_as_it_comes[10:14] = 0.0
    found_as_it_comes[:10] = 0.2
    barely = np.full(80, 0.8)
    barely[9] = 0.5
    for iou, held in ((lost_as_it_comes, 1), (found_as_it_comes, 0), (barely, 1)):
        record = Record(statuses=["tracking"] * 80, bursts=[burst])
        assert reacquisition([(record, iou)]).held == held


def test_single_sequence_has_no_texture_for_the_patch() -> None:
    clip = Sequence("only", [np.zeros((9, 9, 3), np.uint8)] * 20, path(20), "x")
    with pytest.raises(
        ConfigError, match=r"occlusions cover the target of only .* expected a dataset with at least two"
    ):
        texture([clip], clip, seed=0)
