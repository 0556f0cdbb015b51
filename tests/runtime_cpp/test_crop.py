"""The fused crop against its numpy reference and against OpenCV."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetrack.crop import crop_into, crop_reference
from edgetrack.errors import BoxError, ConfigError, FrameError

GRAY: dict[str, Any] = {"mean": (127.5,) * 3, "std": (127.5,) * 3, "fill": (127.5,) * 3}
# Three different values everywhere, so that a swapped channel is detected.
COLORS: dict[str, Any] = {
    "mean": (120.0, 110.0, 100.0),
    "std": (60.0, 50.0, 40.0),
    "fill": (10.0, 90.0, 250.0),
}


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def cropped(frame: np.ndarray, region: Any, size: tuple[int, int], **colors: Any) -> np.ndarray:
    out = np.full((1, 3, *size), np.nan, np.float32)
    crop_into(frame, region, out, **colors)
    return out


@settings(max_examples=300, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    origin=st.tuples(st.floats(-60, 60), st.floats(-60, 60)),
    extent=st.tuples(st.floats(0.01, 120), st.floats(0.01, 120)),
    size=st.tuples(st.integers(1, 33), st.integers(1, 33)),
    seed=st.integers(0, 9),
)
def test_crop_equals_the_reference_for_any_region(shape, origin, extent, size, seed):
    height, width = shape
    frame = noise(height, width, seed)
    region = (*origin, *extent)
    expected = crop_reference(frame, region, size, **COLORS)
    np.testing.assert_allclose(cropped(frame, region, size, **COLORS), expected, atol=1e-4)


@pytest.mark.parametrize(
    "region",
    [(0, 0, 64, 48), (-20, -30, 100, 100), (50, 40, 60, 60), (-100.5, 10, 400, 7), (20.25, 11.75, 3, 5)],
)
def test_crop_equals_the_reference_at_the_network_size(region):
    frame = noise(48, 64)
    np.testing.assert_allclose(
        cropped(frame, region, (256, 256), **COLORS),
        crop_reference(frame, region, (256, 256), **COLORS),
        atol=1e-4,
    )


def test_whole_frame_at_its_own_size_is_the_frame_in_rgb():
    frame = noise(32, 24)
    rgb = frame[..., ::-1].transpose(2, 0, 1)[None].astype(np.float32)
    out = cropped(frame, (0, 0, 24, 32), (32, 24), mean=(0,) * 3, std=(1,) * 3, fill=(0,) * 3)
    np.testing.assert_array_equal(out, rgb)


@pytest.mark.parametrize("region", [(1e9, 0, 10, 10), (-1e300, -1e300, 5, 5), (0, 500, 64, 64)])
def test_region_outside_the_frame_is_all_fill(region):
    out = cropped(noise(48, 64), region, (8, 8), **GRAY)
    np.testing.assert_allclose(out, 0.0, atol=1e-6)


@pytest.mark.parametrize(
    "view",
    [np.s_[:, :], np.s_[::2], np.s_[::-1], np.s_[5:40, 7:50], np.s_[3:4, 2:3]],
    ids=["whole", "every second row", "upside down", "window", "one pixel"],
)
def test_rows_may_be_padded(view):
    frame = noise(48, 64)[view]
    region = (-3.0, 2.5, 30.0, 28.0)
    np.testing.assert_allclose(
        cropped(frame, region, (32, 32), **COLORS),
        crop_reference(frame, region, (32, 32), **COLORS),
        atol=1e-4,
    )


@pytest.mark.parametrize("view", [np.s_[:, ::2], np.s_[:, ::-1], np.s_[..., ::-1]])
def test_pixels_of_a_row_must_be_contiguous(view):
    with pytest.raises(FrameError, match=r"has the strides .* expected .*ascontiguousarray"):
        cropped(noise(48, 64)[view], (0, 0, 8, 8), (8, 8), **GRAY)


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        (np.zeros((4, 4, 3), np.float32), "float32"),
        (np.zeros((4, 4), np.uint8), r"\(4, 4\)"),
        (np.zeros((0, 4, 3), np.uint8), "empty"),
        ([[0]], "list"),
    ],
)
def test_unsupported_frames_are_rejected(frame, says):
    with pytest.raises(FrameError, match=says):
        cropped(frame, (0, 0, 8, 8), (8, 8), **GRAY)


@pytest.mark.parametrize(
    "region", [(0, 0, 0, 5), (0, 0, 5, -1), (float("nan"), 0, 5, 5), (0, 0, float("inf"), 5), (0, 1)]
)
def test_empty_regions_are_rejected(region):
    with pytest.raises(BoxError, match=r"expected finite \(x, y, w, h\)"):
        cropped(noise(8, 8), region, (8, 8), **GRAY)


@pytest.mark.parametrize(
    "out",
    [
        np.zeros((1, 3, 8, 8)),
        np.zeros((3, 8, 8), np.float32),
        np.zeros((1, 3, 8, 16), np.float32)[..., ::2],
        np.zeros((1, 3, 0, 8), np.float32),
        np.broadcast_to(np.float32(0), (1, 3, 1, 1)),
        None,
    ],
)
def test_unsupported_outputs_are_rejected(out):
    with pytest.raises(ConfigError, match="expected a writeable, C-contiguous float32"):
        crop_into(noise(8, 8), (0, 0, 8, 8), out, **GRAY)


@pytest.mark.parametrize("colors", [{"std": (1, 0, 1)}, {"mean": (1, 2)}, {"fill": (0, 0, float("nan"))}])
def test_colors_must_be_three_finite_numbers(colors):
    with pytest.raises(ConfigError, match=f"{next(iter(colors))} is .* expected 3 finite numbers"):
        cropped(noise(8, 8), (0, 0, 8, 8), (8, 8), **{**GRAY, **colors})


def test_threads_do_not_share_buffers():
    frames = [noise(120, 160, seed) for seed in range(4)]
    regions = [(-10.0 + 7 * i, 5.0 * i, 90.0 + i, 70.0) for i in range(4)]
    expected = [crop_reference(f, r, (64, 64), **COLORS) for f, r in zip(frames, regions, strict=True)]
    worst = [0.0] * 4

    def work(i: int) -> None:
        for _ in range(50):
            out = cropped(frames[i], regions[i], (64, 64), **COLORS)
            worst[i] = max(worst[i], float(np.abs(out - expected[i]).max()))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(worst) < 1e-4


@pytest.mark.parametrize("side", [64.0, 256.0, 400.0])
def test_crop_agrees_with_opencv_inside_the_frame(side):
    cv2 = pytest.importorskip("cv2", reason="compares with OpenCV (extra [video])")
    frame = noise(480, 640)
    x, y, step = 100.3, 50.7, side / 256
    matrix = np.array([[step, 0, x + step / 2 - 0.5], [0, step, y + step / 2 - 0.5]])
    warped = cv2.warpAffine(frame, matrix, (256, 256), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    expected = (warped[..., ::-1].transpose(2, 0, 1)[None].astype(np.float32) - 127.5) / 127.5
    difference = np.abs(cropped(frame, (x, y, side, side), (256, 256), **GRAY) - expected)
    # OpenCV 4 rounds positions to 1/32 pixel; with noise, this is up to 255 / 32 gray levels on each axis.
    assert difference.max() <= 2 * 255 / 32 / 127.5
    assert difference.mean() < 0.02
