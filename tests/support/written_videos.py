"""Videos for the command line, and what its JSON lines hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2")


KEYS = ["frame", "time_s", "status", "box", "score", "basis", "latency_ms"]


def write_video(path: Path, frames: int) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 25, (160, 120))
    for index in range(frames):
        writer.write(np.full((120, 160, 3), 2 * index, np.uint8))
    writer.release()
    return path


def frames_of(path: Path) -> int:
    """Return how many frames can be decoded from a video."""
    capture = cv2.VideoCapture(str(path))
    count = 0
    while capture.read()[0]:
        count += 1
    capture.release()
    return count
