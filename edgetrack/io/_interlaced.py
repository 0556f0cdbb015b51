"""Reads interlaced video through PyAV, because OpenCV cannot convert it since it uses FFmpeg 8 (4.13, 5.0)."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack._imports import require
from edgetrack.errors import MissingExtra, SourceError
from edgetrack.io._shape import pixel_aspect, squared
from edgetrack.io.names import without_secrets
from edgetrack.io.opencv import load_cv2
from edgetrack.io.reading import Reading
from edgetrack.types import Frame

ANSWER_S = 10.0


def read_interlaced(
    target: int | str, reading: Reading, *, name: str, square: bool
) -> Generator[Frame, None, None]:
    """Yield every frame from the first one on, with both fields woven, as OpenCV did up to 4.12.

    Raises:
        SourceError: PyAV is not installed, or cannot read the source either.
    """
    version = load_cv2().__version__
    try:
        av = require("av", extra="video")
    except MissingExtra:
        raise SourceError(
            f"{name} is interlaced video, which OpenCV {version} cannot convert but PyAV can; run: pip "
            "install av"
        ) from None
    reading.remark(f"interlaced, which OpenCV {version} cannot convert: read with PyAV {av.__version__}")
    time_s = -1.0
    try:
        with av.open(str(target), timeout=ANSWER_S) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            step_s = float(1 / stream.average_rate) if stream.average_rate else 1 / 30
            for index, picture in enumerate(_pictures(av, container, stream, reading)):
                stamp_s = _stamp_s(picture, stream)
                time_s = stamp_s if stamp_s is not None and stamp_s > time_s else time_s + step_s
                yield Frame(_upright(av, picture, stream, square), index, time_s)
    except (av.error.FFmpegError, OSError) as error:
        reason = without_secrets(getattr(error, "strerror", None) or str(error))
        raise SourceError(f"{name} cannot be read beyond this point: {reason}") from error


def _pictures(av: Any, container: Any, stream: Any, reading: Reading) -> Iterator[Any]:
    for packet in container.demux(stream):
        if reading.canceled:
            return
        try:
            yield from packet.decode()
        except av.error.InvalidDataError as error:
            reading.broken += 1
            reading.complaints += 1
            reading.complaint = reading.complaint or str(error.strerror)


def _upright(av: Any, picture: Any, stream: Any, square: bool) -> NDArray[np.uint8]:
    """Return the pixels as `edgetrack.io.capture` does: square, and rotated as the file specifies."""
    aspect = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio
    over, under = (aspect.numerator, aspect.denominator) if aspect and square else (1, 1)
    woven = _woven(av, picture).to_ndarray(format="bgr24", interpolation="BICUBIC")
    pixels = squared(load_cv2(), woven, pixel_aspect(over, under))
    turns = round(getattr(picture, "rotation", 0) / 90) % 4  # counterclockwise, as numpy counts them
    return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels


def _woven(av: Any, picture: Any) -> Any:
    """Return the frame without the interlaced flag, to convert it as a whole, like ffmpeg and older OpenCV."""
    copy = av.VideoFrame(picture.width, picture.height, picture.format.name)
    copy.colorspace, copy.color_range = picture.colorspace, picture.color_range
    for here, there in zip(picture.planes, copy.planes, strict=True):
        rows = np.frombuffer(here, np.uint8).reshape(-1, here.line_size)
        width = min(here.line_size, there.line_size)
        np.frombuffer(there, np.uint8).reshape(-1, there.line_size)[: len(rows), :width] = rows[:, :width]
    return copy


def _stamp_s(picture: Any, stream: Any) -> float | None:
    if picture.pts is None:
        return None
    return max(0.0, float((picture.pts - (stream.start_time or 0)) * stream.time_base))
