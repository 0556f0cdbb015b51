"""Videos for tests, made by ffmpeg, and the frames that ffmpeg itself finds in them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

SIZE = (160, 120)  # width, height


def ffmpeg_program() -> str:
    """Return the system's ffmpeg, or that of the extra ``dev``; skip the test if there is neither."""
    if found := shutil.which("ffmpeg"):
        return found
    try:
        import imageio_ffmpeg
    except ImportError:
        pytest.skip("ffmpeg is not here; run: apt-get install ffmpeg, or: pip install imageio-ffmpeg")
    return str(imageio_ffmpeg.get_ffmpeg_exe())


def ffmpeg(*words: str | Path) -> bytes:
    """Run ffmpeg; return its standard output."""
    command = [ffmpeg_program(), "-v", "error", "-y", *map(str, words)]
    return subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True).stdout


def street(path: Path, *words: str | Path, frames: int = 24) -> Path:
    """Encode a moving test pattern as ``words`` say."""
    drawn = ("-f", "lavfi", "-i", f"testsrc2=size={SIZE[0]}x{SIZE[1]}:rate=25")
    ffmpeg(*drawn, *(words or ("-c:v", "libx264", "-bf", "2")), "-frames:v", str(frames), path)
    return path


def own_frames(path: Path, size: tuple[int, int] = SIZE, *words: str) -> NDArray[np.uint8]:
    """Return (N, H, W, 3) BGR: the frames that ffmpeg decodes, in its own timing, without duplicates or drops."""
    raw = ffmpeg(
        "-i",
        path,
        "-map",
        "0:v:0",
        *words,
        "-fps_mode",
        "passthrough",
        "-f",
        "rawvideo",
        "-pix_fmt",
        "bgr24",
        "-",
    )
    return np.frombuffer(raw, np.uint8).reshape(-1, size[1], size[0], 3)


def with_broken_picture(path: Path, number: int, marker: bytes) -> Path:
    """Replace the data of one frame by zeros."""
    data = bytearray(path.read_bytes())
    places = [
        i for i in range(len(data) - 10) if data[i : i + 4] == marker and data[i + 8 : i + 10] == b"\xff\xd8"
    ]
    data[places[number] + 8 : places[number] + 1008] = bytes(1000)
    path.write_bytes(data)
    return path
