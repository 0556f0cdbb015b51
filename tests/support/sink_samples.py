"""Frames and tracks to write, and what of a video can be decoded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgetrack.types import Box, Frame, Track

TRACK = Track(Box(10.123456, 20, 30, 25), 0.87654321, "tracking", 0)
ABSENT = Track(None, 0.1, "searching", 0)


def frame(index: int = 0, *, size: tuple[int, int] = (160, 120)) -> Frame:
    return Frame(np.full((size[1], size[0], 3), 90, np.uint8), index, index / 25)


def noise(index: int) -> Frame:
    return Frame(np.random.default_rng(index).integers(0, 255, (48, 64, 3), np.uint8), index, index / 25)


def stamps(path: Path) -> list[float]:
    """Return when each decodable frame is shown, in seconds."""
    av = pytest.importorskip("av")
    with av.open(str(path)) as container:
        return [float(picture.time) for picture in container.decode(video=0)]
