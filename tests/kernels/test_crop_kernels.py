"""The work of one CUDA thread of the crop, run on the CPU: compared with numpy references, and OpenCV for NV12."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetrack._native import runtime
from edgetrack.crop import crop_reference

COLORS: dict[str, Any] = {
    "mean": (120.0, 110.0, 100.0),
    "std": (60.0, 50.0, 40.0),
    "fill": (10.0, 90.0, 250.0),
}
PLAIN: dict[str, Any] = {"mean": (0,) * 3, "std": (1,) * 3, "fill": (0,) * 3}
regions = st.tuples(st.floats(-60, 60), st.floats(-60, 60), st.floats(0.01, 120), st.floats(0.01, 120))


@settings(max_examples=300, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    region=regions,
    size=st.tuples(st.integers(1, 33), st.integers(1, 33)),
    seed=st.integers(0, 9),
)
def test_bgr_crop_equals_the_reference(shape, region, size, seed):
    frame = np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8)
    out = np.full((1, 3, *size), np.nan, np.float32)
    runtime.crop_bgr_pixels(frame, region, out, **COLORS)
    np.testing.assert_allclose(out, crop_reference(frame, region, size, **COLORS), atol=1e-4)


def bgr_of(luma: np.ndarray, chroma: np.ndarray) -> np.ndarray:
    """Convert limited-range YUV to BGR float64 by the definition in ITU-R BT.601: Kr = 0.299, Kb = 0.114."""
    y = (luma - 16.0) / 219.0
    pb, pr = (np.kron(chroma[..., i] - 128.0, np.ones((2, 2))) / 224.0 for i in (0, 1))
    red, blue = y + 2 * (1 - 0.299) * pr, y + 2 * (1 - 0.114) * pb
    linear = np.stack([blue, (y - 0.299 * red - 0.114 * blue) / 0.587, red], axis=-1)
    return np.clip(linear, 0, 1) * 255


def planes_of(half: tuple[int, int], seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return luma and chroma, both planes in one array as OpenCV expects it."""
    rows, cols = half
    planes = np.random.default_rng(seed).integers(0, 256, (3 * rows, 2 * cols), dtype=np.uint8)
    return planes, planes[: 2 * rows], planes[2 * rows :].reshape(rows, cols, 2)


@settings(max_examples=200, deadline=None)
@given(
    half=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    region=regions,
    size=st.tuples(st.integers(1, 33), st.integers(1, 33)),
    seed=st.integers(0, 9),
)
def test_nv12_crop_equals_the_reference(half, region, size, seed):
    _, luma, chroma = planes_of(half, seed)
    out = np.full((1, 3, *size), np.nan, np.float32)
    runtime.crop_nv12(luma, chroma, region, out, **COLORS)
    expected = crop_reference(bgr_of(luma, chroma), region, size, **COLORS)
    np.testing.assert_allclose(out, expected, atol=2e-4)


def test_nv12_has_the_layout_of_opencv():
    """The order of the planes and of U and V agrees; OpenCV computes in integers, and clamps luma to at least 16."""
    cv2 = pytest.importorskip("cv2")
    planes, luma, chroma = planes_of((48, 64), 0)
    np.maximum(luma, 16, out=luma)
    out = np.empty((1, 3, 96, 128), np.float32)
    runtime.crop_nv12(luma, chroma, (0, 0, 128, 96), out, **PLAIN)
    bgr = cv2.cvtColor(planes, cv2.COLOR_YUV2BGR_NV12)
    np.testing.assert_allclose(out[0].transpose(1, 2, 0)[..., ::-1], bgr, atol=2.5)


def test_gray_of_limited_range_spans_black_to_white():
    luma = np.array([[16, 235], [0, 255]], np.uint8)
    out = np.empty((1, 3, 2, 2), np.float32)
    runtime.crop_nv12(luma, np.full((1, 1, 2), 128, np.uint8), (0, 0, 2, 2), out, **PLAIN)
    np.testing.assert_allclose(out[0, 1], [[0, 255], [0, 255]], atol=0.1)


@pytest.mark.parametrize(
    ("luma", "chroma", "says"),
    [((3, 4), (1, 2, 2), "even"), ((4, 4), (2, 3, 2), "chroma"), ((0, 4), (0, 2, 2), "luma")],
)
def test_inconsistent_planes_are_rejected(luma, chroma, says):
    out = np.empty((1, 3, 2, 2), np.float32)
    with pytest.raises(ValueError, match=says):
        runtime.crop_nv12(np.zeros(luma, np.uint8), np.zeros(chroma, np.uint8), (0, 0, 2, 2), out, **COLORS)
