"""Small videos, and the threads that read them."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2")


def write_video(path: Path, frames: int = 12, *, size: tuple[int, int] = (64, 48), fps: float = 25.0) -> Path:
    """Write a video of increasing brightness: frame i has the value 10 + 15 * i."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), fps, size)
    assert writer.isOpened()
    for index in range(frames):
        writer.write(np.full((size[1], size[0], 3), (10 + 15 * index) % 256, np.uint8))
    writer.release()
    return path


def reader_threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("edgetrack ")]
