"""Regions, boxes and the mapping between them in the reference, which ``test_native_tracker.py`` compares C++ with."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference.geometry import clip, from_region, letterbox, region_around, target_share

from edgetrack.errors import BoxError
from edgetrack.types import Box

numbers = st.floats(-500, 1500)
sides = st.floats(1, 900)
boxes = st.builds(Box, numbers, numbers, sides, sides)


@given(boxes, st.sampled_from([2.0, 4.0]))
def test_box_survives_the_round_trip_to_its_region(box: Box, factor: float) -> None:
    x, y, side, _ = region = region_around(box, factor)
    cx, cy = box.center
    back = from_region(region, ((cx - x) / side, (cy - y) / side, box.w / side, box.h / side))
    assert back.xywh == pytest.approx(box.xywh, abs=1e-6)
    assert side == pytest.approx(factor * (box.w * box.h) ** 0.5)


@given(boxes, st.integers(3, 2000), st.integers(3, 2000))
def test_clipped_box_lies_in_the_frame(box: Box, width: int, height: int) -> None:
    cut = clip(box, width, height)
    assert cut.x >= 0
    assert cut.y >= 0
    assert cut.x + cut.w <= width + 1e-6
    assert cut.y + cut.h <= height + 1e-6
    assert min(cut.w, cut.h) >= 2 - 1e-6


@given(boxes)
def test_target_share_sums_to_the_area_of_the_box(box: Box) -> None:
    region = region_around(box, 2.0)
    share = target_share(box, region, 8)
    area = min(box.w, region[2]) * min(box.h, region[2])
    assert share.sum() * (region[2] / 8) ** 2 == pytest.approx(area, rel=1e-3)


def test_letterbox_contains_the_whole_frame() -> None:
    assert letterbox(640, 480) == (0, -80, 640, 640)
    assert letterbox(480, 640) == (-80, 0, 640, 640)


@pytest.mark.parametrize(
    "bad", [(0, 0, 0, 5), (0, 0, 5, -1), (np.nan, 0, 5, 5), (0, np.inf, 5, 5), (1, 2, 3), "abcd", 7]
)
def test_bad_box_is_rejected(bad: object) -> None:
    with pytest.raises(BoxError, match="box"):
        Box.of(bad)


@given(boxes, boxes)
def test_iou_is_symmetric_and_bounded(a: Box, b: Box) -> None:
    assert a.iou(b) == pytest.approx(b.iou(a))
    assert 0 <= a.iou(b) <= 1 + 1e-9
    assert a.iou(a) == pytest.approx(1)
