"""Cameras, videos and streams through OpenCV, with detection of missing and damaged frames."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.errors import SourceError
from edgetrack.io._containers import bytes_missing
from edgetrack.io._interlaced import read_interlaced
from edgetrack.io._shape import pixel_aspect, squared
from edgetrack.io.live import Picture
from edgetrack.io.names import check_printable, is_url, without_secrets
from edgetrack.io.opencv import DecoderLog, load_cv2, silent
from edgetrack.io.reading import Reading
from edgetrack.io.stamps import monotonic_ns
from edgetrack.io.states import Lost
from edgetrack.io.uri import Settings
from edgetrack.types import Frame

Pixels = NDArray[np.uint8]
Frames = Generator[Frame, None, None]

ANSWER_S = 10  # timeout for a server's response
MISSES = 1000  # consecutive reads without a frame that mean the end of a file
MISSING_S = 1.0  # the same for a live source
MISSED_S = 0.01  # pause after a read without a frame


@dataclass(frozen=True)
class Opened:
    """An open video, for `edgetrack.io.sources.Source`."""

    frames: Frames
    fps: float | None
    count: int | None


class _Refused(Exception):
    """The converter did not write the last frame."""


def open_capture(
    target: int | str,
    reading: Reading,
    *,
    name: str,
    live: bool | None,
    square: bool = True,
    settings: Settings = Settings(),  # noqa: B008  # frozen
    gstreamer: bool = False,
) -> Opened | Camera:
    """Open a camera by index, a file by its absolute path, or a URL; a live source becomes a `Camera`.

    Args:
        target: What to open.
        reading: Where to report problems.
        name: Name of the source in errors.
        live: Whether frames arrive at their own pace; None to treat a URL of unknown length as live.
        square: Whether to convert to square pixels.
        settings: Settings requested from a camera; a remark is made about those that it does not apply.
        gstreamer: Whether ``target`` is a pipeline.

    Raises:
        SourceError: The target cannot be opened; with the reason, if it is known.
    """
    if isinstance(target, str):
        check_printable(target, name)  # OpenCV's bindings crash on such names
    capture = _Capture(target, reading, name, square, gstreamer)
    try:
        _ask(capture, settings)
        fps = _plausible(capture.get("FPS"), most=1000)
        count = _plausible(capture.get("FRAME_COUNT"), most=1e9)
        live = count is None if live is None else live
        if live:
            capture.set("BUFFERSIZE", 1)  # if the driver supports it: frames age less in its queue
            return Camera(capture, fps)
    except BaseException:
        capture.release()
        raise
    return Opened(_frames(capture, fps=fps, count=count), fps, int(count) if count else None)


class _Capture:
    """A ``cv2.VideoCapture`` that detects damaged frames and makes pixels square."""

    def __init__(self, target: int | str, reading: Reading, name: str, square: bool, gstreamer: bool) -> None:
        self.target, self.name, self.reading, self.square = target, name, reading, square
        self._cv2 = load_cv2()
        self._log = DecoderLog(self._cv2)
        try:
            with silent(self._cv2):
                self._capture = _open(self._cv2, target, gstreamer)
        except self._cv2.error as error:
            self._log.close()
            raise SourceError(f"{name} cannot be opened: {without_secrets(error.err)}") from error
        self._listen()
        if not self._capture.isOpened():
            self._log.close()
            reason = reading.complaint or without_secrets(self._log.warning)
            raise SourceError(_why_closed(target, name, reason))
        self._aspect = pixel_aspect(self.get("SAR_NUM"), self.get("SAR_DEN")) if square else 1.0
        self._sideways = bool(self.get("ORIENTATION_AUTO")) and self.get("ORIENTATION_META") % 180 == 90

    def get(self, what: str) -> float:
        return float(self._capture.get(getattr(self._cv2, f"CAP_PROP_{what}")))

    def set(self, what: str, value: float) -> None:
        self._capture.set(getattr(self._cv2, f"CAP_PROP_{what}"), value)

    def release(self) -> None:
        self._capture.release()
        self._log.close()

    def read(self) -> Pixels | None:
        """Return the next frame, uint8 (H, W, 3) BGR; None if there is none, or it could not be decoded.

        Raises:
            _Refused: OpenCV cannot convert it; the returned memory was not written.
        """
        try:
            good, pixels = self._capture.read()
        except self._cv2.error as error:
            self.reading.complaints += 1
            self.reading.complaint = self.reading.complaint or f"OpenCV: {error.err}"
            return None
        if self._listen():
            raise _Refused
        return squared(self._cv2, pixels, self._aspect, sideways=self._sideways) if good else None

    def _listen(self) -> bool:
        before = self._log.count
        refused = self._log.refused()
        self.reading.complaints += 0 if refused else self._log.count - before
        if not refused:
            self.reading.complaint = self.reading.complaint or without_secrets(self._log.first)
        return refused


class Camera:
    """A connection to a camera or a stream; see `edgetrack.io.live.Connection`.

    Attributes:
        fps: nominal frame rate; None if unknown.
    """

    def __init__(self, capture: _Capture, fps: float | None) -> None:
        self._capture, self.fps = capture, fps

    def pictures(self) -> Iterator[Picture]:
        """Yield each frame as it arrives; broken ones are counted and skipped.

        Raises:
            Lost: No more frames arrive.
            SourceError: OpenCV cannot convert the frames.
        """
        capture, misses, missing_s = self._capture, 0, 0.0
        while not capture.reading.canceled:
            try:
                pixels = capture.read()
            except _Refused:
                raise SourceError(
                    f"{capture.name} is interlaced video, which OpenCV cannot convert but PyAV can; "
                    "run: pip install 'edgetrack[av]'"
                ) from None
            if pixels is not None:
                capture.reading.broken += misses
                misses = 0
                yield Picture(pixels, monotonic_ns(capture.get("POS_MSEC")))
                continue
            now_s = time.perf_counter()
            missing_s = missing_s if misses else now_s
            misses += 1
            if now_s - missing_s > MISSING_S:
                raise Lost("ended", "no more frames can be read")
            time.sleep(MISSED_S)

    def close(self) -> None:
        """Release the device. May be called twice."""
        self._capture.release()


def _open(cv2: Any, target: int | str, gstreamer: bool) -> Any:
    if gstreamer:
        return cv2.VideoCapture(target, cv2.CAP_GSTREAMER)
    if isinstance(target, int) or not is_url(target):
        return cv2.VideoCapture(target)
    if cv2.CAP_FFMPEG not in cv2.videoio_registry.getStreamBackends():
        return cv2.VideoCapture(target)
    limits = [
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
        ANSWER_S * 1000,
        cv2.CAP_PROP_READ_TIMEOUT_MSEC,
        ANSWER_S * 1000,
    ]
    return cv2.VideoCapture(target, cv2.CAP_FFMPEG, limits)


def _ask(capture: _Capture, settings: Settings) -> None:
    """Request a format, a size and a frame rate from a camera, in the order that drivers need."""
    if settings.code is not None:
        capture.set("FOURCC", _fourcc(settings.code))
        given = round(capture.get("FOURCC"))
        if given != _fourcc(settings.code):
            letters = given.to_bytes(4, "little").decode("ascii", "replace") if given > 0 else "another one"
            capture.reading.remark(f"requested the format {settings.code}, but the camera delivers {letters}")
    if settings.size is not None:
        for what, value in zip(("FRAME_WIDTH", "FRAME_HEIGHT"), settings.size, strict=True):
            capture.set(what, value)
        given_size = round(capture.get("FRAME_WIDTH")), round(capture.get("FRAME_HEIGHT"))
        if given_size != settings.size:
            wanted = "{}x{}".format(*settings.size)
            capture.reading.remark(
                f"requested {wanted}, but the camera delivers {given_size[0]}x{given_size[1]}"
            )
    if settings.fps is not None:
        capture.set("FPS", settings.fps)
        if abs(capture.get("FPS") - settings.fps) > 0.5:
            capture.reading.remark(
                f"requested {settings.fps:g} fps, but the camera delivers {capture.get('FPS'):g}"
            )


def _fourcc(code: str) -> int:
    return int.from_bytes(code.encode("ascii"), "little")


def devices_here() -> str:
    """Return a description of this machine's cameras."""
    present = sorted((p.name for p in Path("/dev").glob("video*")), key=lambda n: (len(n), n))
    return "found: " + ", ".join(present) if present else "this machine has no camera (no /dev/video*)"


def _why_closed(target: int | str, name: str, complaint: str) -> str:
    reason = f" ({complaint})" if complaint else ""
    if isinstance(target, int):
        return f"{name} cannot be opened; {devices_here()}{reason}"
    if is_url(target):
        return (
            f"{name} cannot be opened; check that the address is right and the server can be reached{reason}"
        )
    if Path(target).is_file() and not Path(target).stat().st_size:
        return f"{name} is empty; expected a video"
    if missing := bytes_missing(Path(target)):
        return f"{name} is truncated: at least {missing} bytes are missing; copy or record it again"
    return f"{name} is not a video that OpenCV can read; expected a video such as .mp4, .avi or .mkv{reason}"


def _plausible(value: float, *, most: float) -> float | None:
    return value if math.isfinite(value) and 0 < value <= most else None


def _frames(capture: _Capture, *, fps: float | None, count: float | None) -> Frames:
    """Yield all frames, with another decoder from the point where OpenCV's conversion fails."""
    index = 0
    try:
        for frame in _read_file(capture, fps, count):
            index = frame.index + 1
            yield frame
    except _Refused:
        capture.release()
        others = read_interlaced(capture.target, capture.reading, name=capture.name, square=capture.square)
        yield from islice(others, index, None)
    finally:
        capture.release()


def _read_file(capture: _Capture, fps: float | None, count: float | None) -> Frames:
    index, misses, time_s = 0, 0, -1.0
    while misses < MISSES and not capture.reading.canceled:
        pixels = capture.read()
        if pixels is None:  # a broken frame or the end: only the following reads tell
            misses += 1
            continue
        capture.reading.broken += misses
        misses = 0
        stamp_s = max(0.0, capture.get("POS_MSEC") / 1000)
        # Some containers have no usable timestamps: time then advances at the nominal rate.
        time_s = stamp_s if stamp_s > time_s else time_s + 1 / (fps or 30.0)
        yield Frame(pixels, index, time_s)
        index += 1
    if (
        not isinstance(capture.target, str)
        or is_url(capture.target)
        or (count is not None and index >= count)
    ):
        return
    if bytes_missing(Path(capture.target)):
        of = f" of {count:.0f}" if count else ""
        raise SourceError(f"{capture.name} ends early, after {index}{of} frames; is the file complete?")
