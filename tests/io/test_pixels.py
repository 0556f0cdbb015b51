"""Frames that PyAV has decoded are converted in the thread that reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgetrack.io._pixels import bgr_pixels

av = pytest.importorskip("av", reason="needs PyAV: pip install 'edgetrack[av]'")


def threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="counts threads in /proc")
def test_conversion_starts_no_thread() -> None:
    picture = av.VideoFrame.from_ndarray(np.full((480 * 3 // 2, 640), 128, np.uint8), format="yuv420p")
    before = threads()
    pixels = bgr_pixels(av, picture)
    assert threads() == before
    assert pixels.shape == (480, 640, 3)
    assert pixels.dtype == np.uint8


def test_conversion_takes_options_of_the_scaler() -> None:
    picture = av.VideoFrame.from_ndarray(np.full((96, 64), 128, np.uint8), format="yuv420p")
    assert bgr_pixels(av, picture, interpolation="BICUBIC").shape == (64, 64, 3)
