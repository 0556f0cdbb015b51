"""Raw frames that another program pipes to standard input."""

from __future__ import annotations

import sys
from collections.abc import Generator
from typing import Any, BinaryIO, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from edgetrack.errors import SourceError
from edgetrack.io.opencv import load_cv2
from edgetrack.types import Frame

PixelFormat = Literal["bgr24", "rgb24", "gray8", "nv12"]
FORMATS: tuple[PixelFormat, ...] = get_args(PixelFormat)
_EXAMPLE = "ffmpeg -i drive.mp4 -f rawvideo -pix_fmt bgr24 - | edgetrack run --source - --size 1280x720"


def read_raw(
    size: tuple[int, int] | None, pixel_format: str, fps: float, *, file: BinaryIO | None = None
) -> Generator[Frame, None, None]:
    """Yield every frame of a byte stream; its times follow from ``fps``.

    Args:
        size: width and height in pixels.
        pixel_format: one of `FORMATS`.
        fps: frames per second.
        file: what to read; None for standard input.

    Raises:
        SourceError: immediately, if an argument is invalid; while reading, if the last frame is incomplete.
    """
    if size is None:
        raise SourceError(
            f"the source - has raw frames, whose size is not known; give the size, as in: {_EXAMPLE}"
        )
    if pixel_format not in FORMATS:
        raise SourceError(f"pixel format is {pixel_format!r}; expected one of {', '.join(FORMATS)}")
    width, height = size
    if pixel_format == "nv12" and (width % 2 or height % 2):
        raise SourceError(
            f"frames of {width}x{height} pixels cannot be nv12; expected an even width and height"
        )
    return _frames(width, height, pixel_format, fps, file or sys.stdin.buffer)


def _frames(
    width: int, height: int, pixel_format: str, fps: float, file: BinaryIO
) -> Generator[Frame, None, None]:
    cv2: Any = load_cv2() if pixel_format != "bgr24" else None
    rows = {"nv12": (height * 3 // 2, width), "gray8": (height, width)}.get(pixel_format, (height, width, 3))
    size = int(np.prod(rows))
    index = 0
    while data := _whole(file, size):
        if len(data) < size:
            raise SourceError(
                f"standard input ends after {index} frames, with {len(data)} of the {size} bytes of the next "
                "one; "
                f"are its frames {width}x{height} in {pixel_format}?"
            )
        yield Frame(_bgr(cv2, np.frombuffer(data, np.uint8).reshape(rows), pixel_format), index, index / fps)
        index += 1


def _whole(file: BinaryIO, size: int) -> bytearray:
    """Read ``size`` bytes, or what is left; pipes deliver them in pieces."""
    data = bytearray(size)
    view, have = memoryview(data), 0
    while have < size:
        piece = file.read(size - have)
        if not piece:
            break
        view[have : have + len(piece)] = piece
        have += len(piece)
    view.release()
    return data[:have]


def _bgr(cv2: Any, rows: NDArray[np.uint8], pixel_format: str) -> NDArray[np.uint8]:
    if pixel_format == "bgr24":
        return rows
    code = {"rgb24": cv2.COLOR_RGB2BGR, "gray8": cv2.COLOR_GRAY2BGR, "nv12": cv2.COLOR_YUV2BGR_NV12}
    return np.asarray(cv2.cvtColor(rows, code[pixel_format]), np.uint8)
