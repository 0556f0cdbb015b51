"""Logits of masks: the value class, and what trackers add to a mask on request."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgetrack import MaskLogits, MultiTracker, Tracker

SIZE = (320, 240)


def ball(x: float, y: float) -> NDArray[np.uint8]:
    """Draw a red ball on a gray background."""
    rows, columns = np.mgrid[: SIZE[1], : SIZE[0]]
    pixels = np.random.default_rng(3).integers(90, 110, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    pixels[(columns + 0.5 - x) ** 2 + (rows + 0.5 - y) ** 2 < 34**2] = (40, 40, 210)
    return pixels


def around(x: float, y: float) -> tuple[float, float, float, float]:
    return x - 34, y - 34, 68, 68


@pytest.fixture(scope="module")
def tracker() -> Iterator[Tracker]:
    with Tracker(masks="logits", threads=1, precision="fp32") as opened:
        yield opened


def values(*rows: list[float]) -> Any:
    return np.array(rows, np.float32)


def test_logits_cover_their_region() -> None:
    whole = MaskLogits(values([1, 2], [3, 4]), (2, 1, 4, 4), (12, 10)).dense()
    assert whole.shape == (10, 12)
    assert whole.dtype == np.float32
    assert whole[2, 3] == pytest.approx(0.75**2 * 1 + 0.1875 * 2 + 0.1875 * 3 + 0.25**2 * 4)
    assert whole[3, 3] == pytest.approx(0.75 * (0.25 * 1 + 0.75 * 3) + 0.25 * (0.25 * 2 + 0.75 * 4))
    assert np.all(whole[7:] == -20)
    assert np.all(whole[:, 8:] == -20)
    at_its_edge = 0.25 * -20 + 0.75 * (0.75 * 1 + 0.25 * 2)
    assert whole[1, 3] == pytest.approx(at_its_edge)


def test_region_may_extend_beyond_the_frame() -> None:
    whole = MaskLogits(values([1, 2], [3, 4]), (-2, -2, 4, 4), (6, 4)).dense()
    assert whole[0, 0] == pytest.approx(0.25**2 * 1 + 0.1875 * 2 + 0.1875 * 3 + 0.75**2 * 4)
    assert whole[3, 5] == -20
    assert np.all(MaskLogits(values([1.0]), (50, 50, 4, 4), (6, 4)).dense() == -20)


@pytest.mark.parametrize("place", [(120, 110), (20, 225)])
def test_mask_is_where_its_logits_are_positive(tracker: Tracker, place: tuple[int, int]) -> None:
    track = tracker.start(ball(*place), box=around(*place))
    assert track.mask is not None
    logits = track.mask.logits
    assert logits is not None
    assert (logits.values.shape, logits.values.dtype) == ((80, 80), np.float32)
    whole = logits.dense()
    assert np.array_equal((whole > 0)[np.abs(whole) > 1e-3], track.mask.dense()[np.abs(whole) > 1e-3])
    assert np.count_nonzero(np.abs(whole) <= 1e-3) < 5


def test_logits_are_read_only_and_outlive_their_frame(tracker: Tracker) -> None:
    track = tracker.start(ball(120, 110), box=around(120, 110))
    assert track.mask is not None
    assert track.mask.logits is not None
    before = track.mask.logits.values.copy()
    tracker.update(ball(140, 120))
    assert np.array_equal(track.mask.logits.values, before)
    with pytest.raises(ValueError, match="read-only"):
        track.mask.logits.values[0, 0] = 1
    again = pickle.loads(pickle.dumps(track)).mask
    assert again == track.mask
    assert np.array_equal(again.logits.values, before)


def test_given_mask_has_no_logits(tracker: Tracker) -> None:
    whole = np.zeros((SIZE[1], SIZE[0]), np.bool_)
    whole[80:140, 90:150] = True
    given = tracker.start(ball(120, 110), mask=whole).mask
    assert given is not None
    assert given.logits is None
    found = tracker.update(ball(122, 110)).mask
    assert found is not None
    assert found.logits is not None


def test_coasting_box_moves_its_logits(tracker: Tracker) -> None:
    tracker.start(ball(100, 110), box=around(100, 110))
    for step in range(1, 6):
        before = tracker.update(ball(100 + 8 * step, 110)).mask
    track = tracker.update(ball(148, 110), deadline_ms=0.001)
    assert track.basis == "coasted"
    after = track.mask
    assert before is not None
    assert before.logits is not None
    assert after is not None
    assert after.logits is not None
    moved = after.x - before.x
    assert moved > 2
    x, *others = before.logits.region
    assert after.logits.region == pytest.approx((x + moved, *others))
    assert np.array_equal(after.logits.values, before.logits.values)


def test_targets_have_their_own_logits_only_on_request(tracker: Tracker) -> None:
    frame = np.minimum(ball(96, 110), ball(220, 110))
    found = {}
    for masks in (True, "logits"):
        with MultiTracker(masks=masks, engine=tracker.engine) as many:
            found[masks] = many.start(frame, {"left": around(96, 110), "right": around(220, 110)})
    for name, x in (("left", 96), ("right", 220)):
        plain, full = found[True][name].mask, found["logits"][name].mask
        assert plain is not None
        assert full is not None
        assert plain.logits is None
        assert full.logits is not None
        assert plain == full
        left, _, side, _ = full.logits.region
        assert left + side / 2 == pytest.approx(x, abs=8)
