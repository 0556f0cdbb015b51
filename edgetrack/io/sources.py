"""Where frames come from: a camera, a video file, a recording, a folder of pictures or a stream."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.errors import SourceError
from edgetrack.io._channel import Channel, Reader
from edgetrack.io.opencv import load_cv2
from edgetrack.types import Frame

PICTURES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
DECODED_AHEAD = 4  # enough to smooth over key frames; each one waits as a whole picture in memory
SILENCE_S = 10.0  # a live source that sends nothing for this long is taken for gone


class Source:
    """An open source: a context manager and an iterator of frames, read ahead in a thread.

    Files give every frame. Live sources give the newest one; those that came while the consumer was busy
    are counted in ``dropped``. A source that breaks raises `SourceError` after its last good frame.

    Attributes:
        name: what the user asked for, as shown in messages.
        size: width and height of the first frame in pixels.
        fps: frames per second, or None where the source does not know.
        frames: how many frames there are, for a video as its container says; None where the source does not know.
        live: whether frames come at their own pace.
    """

    def __init__(
        self,
        frames: Generator[Frame, None, None],
        *,
        name: str,
        fps: float | None,
        count: int | None,
        live: bool,
    ) -> None:
        self.name = name
        self.fps = fps
        self.frames = count
        self.live = live
        self._dropped_before = 0
        self._channel: Channel[Frame] = Channel(1 if live else DECODED_AHEAD, newest_wins=live)
        self._reader = Reader(frames, self._channel, name=f"edgetrack {name}")
        try:
            # Fetched here, so that what cannot be read fails before anything else is set up.
            self._first: Frame | None = self._next()
        except BaseException:
            self.close()
            raise
        if self._first is None:
            raise SourceError(f"{name} has no frames; expected a video, a camera or a folder of pictures")
        height, width = self._first.pixels.shape[:2]
        self.size: tuple[int, int] = (width, height)

    @property
    def dropped(self) -> int:
        """Frames of a live source that were skipped because newer ones had come."""
        return self._channel.dropped - self._dropped_before

    def _next(self) -> Frame | None:
        try:
            return self._channel.get(timeout_s=SILENCE_S if self.live else None)
        except TimeoutError:
            message = f"{self.name} has sent no picture for {SILENCE_S:.0f} s; is it still connected?"
            raise SourceError(message) from None

    def __iter__(self) -> Iterator[Frame]:
        self._dropped_before = self._channel.dropped  # what passed during setting up is no loss
        first, self._first = self._first, None
        if first is not None:
            yield first
        while (frame := self._next()) is not None:
            yield frame

    def __enter__(self) -> Source:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stops the reader thread and releases the device or file. May be called twice."""
        self._reader.close()


def open_source(source: int | str | Path, *, fps: float = 30.0) -> Source:
    """Opens a camera, a video, a folder of pictures or a stream, and reads its first frame.

    Args:
        source: camera index, 0 for the first; path of a video, of an MCAP recording, of a picture or of a folder of
            pictures (in natural order: ``2.jpg`` before ``10.jpg``); or a URL such as ``rtsp://host/stream``.
        fps: frame rate that a folder of pictures stands for.

    Returns:
        A context manager and an iterator of `Frame`, whose pixels are uint8 (H, W, 3) BGR.

    Raises:
        SourceError: it does not exist or cannot be read, or ``source`` or ``fps`` is not as described.
        MissingExtra: OpenCV, or for a recording the extra ``mcap``, is not installed.
    """
    _check_given(source, fps)
    if isinstance(source, int):
        return _open_capture(source, name=f"camera {source}", live=True)
    if isinstance(source, str) and re.match(r"[a-z][a-z0-9+]*://", source, re.IGNORECASE):
        return _open_capture(source, name=source, live=None)
    path = Path(source)
    if not path.exists():
        hint = f"; for a camera: --camera {source}" if str(source).isdecimal() else ""
        raise SourceError(f"{path} does not exist; expected a video file or a folder of pictures{hint}")
    if path.is_dir():
        pictures = sorted((p for p in path.iterdir() if _is_picture(p)), key=_natural)
        if not pictures:
            raise SourceError(f"folder {path} has no pictures; expected files such as 1.jpg, 2.jpg or 1.png")
        return Source(_read_pictures(pictures, fps), name=str(path), fps=fps, count=len(pictures), live=False)
    if _is_picture(path):
        return Source(_read_pictures([path], fps), name=str(path), fps=fps, count=1, live=False)
    if path.suffix.lower() == ".mcap":
        return _open_recording(path)
    return _open_capture(str(path), name=str(path), live=False)


def _check_given(source: object, fps: object) -> None:
    if isinstance(source, bool) or not isinstance(source, (int, str, Path)):
        raise SourceError(f"source is {source!r}; expected a camera's index, a path or a URL")
    if isinstance(source, int) and source < 0:  # some builds of OpenCV crash on it
        raise SourceError(f"camera {source} cannot be opened; expected 0 for the first one, 1 for the next")
    if not (isinstance(fps, (int, float)) and math.isfinite(fps) and fps > 0):
        raise SourceError(f"fps is {fps!r}; expected a positive number of frames per second")


def _open_recording(path: Path) -> Source:
    from edgetrack.io.recording import Recording

    recording = Recording(path)
    return Source(recording.frames(), name=recording.name, fps=recording.fps, count=None, live=False)


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in PICTURES and not path.name.startswith(".")


def _natural(path: Path) -> list[tuple[int, int, str]]:
    parts = re.split(r"(\d+)", path.name.lower())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]


def _read_pictures(paths: list[Path], fps: float) -> Generator[Frame, None, None]:
    cv2 = load_cv2()
    for index, path in enumerate(paths):
        pixels: NDArray[np.uint8] | None = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if pixels is None:
            raise SourceError(f"{path} is not a picture that OpenCV can read; is it complete?")
        yield Frame(pixels, index, index / fps)


def _open_capture(target: int | str, *, name: str, live: bool | None) -> Source:
    """``live`` None: a URL, which is a file when it knows its length and a live stream when it does not."""
    cv2 = load_cv2()
    try:
        capture = cv2.VideoCapture(target)
    except cv2.error as error:
        raise SourceError(f"{name} cannot be opened: {error.err}") from error
    if not capture.isOpened():
        raise SourceError(_why_closed(target, name))
    fps = _plausible(capture.get(cv2.CAP_PROP_FPS), most=1000)
    count = _plausible(capture.get(cv2.CAP_PROP_FRAME_COUNT), most=1e9)
    live = count is None if live is None else live
    if live:
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # where the driver supports it: less age in its queue
    frames = _read_live(capture, name) if live else _read_video(cv2, capture, name, fps, count)
    return Source(frames, name=name, fps=fps, count=int(count) if count and not live else None, live=live)


def _why_closed(target: int | str, name: str) -> str:
    if isinstance(target, int):
        present = sorted((p.name for p in Path("/dev").glob("video*")), key=lambda n: _natural(Path(n)))
        found = "found: " + ", ".join(present) if present else "this machine shows no camera (no /dev/video*)"
        return f"{name} cannot be opened; {found}"
    if "://" in target:
        return f"{name} cannot be opened; check that the address is right and the server can be reached"
    return f"{name} is not a video that OpenCV can read; expected for example .mp4, .avi or .mkv"


def _plausible(value: float, *, most: float) -> float | None:
    return value if math.isfinite(value) and 0 < value <= most else None


def _read_live(capture: Any, name: str) -> Generator[Frame, None, None]:
    opened_s = time.perf_counter()
    index = 0
    try:
        while True:
            good, pixels = capture.read()
            if not good:
                raise SourceError(f"{name} stopped after {index} frames; is it still connected?")
            yield Frame(pixels, index, time.perf_counter() - opened_s)
            index += 1
    finally:
        capture.release()


def _read_video(
    cv2: Any, capture: Any, name: str, fps: float | None, count: float | None
) -> Generator[Frame, None, None]:
    index, time_s = 0, -1.0
    try:
        while True:
            good, pixels = capture.read()
            if not good:
                break
            stamp_s = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            # Some containers carry no usable stamps: time then goes on at the nominal rate.
            time_s = stamp_s if stamp_s > time_s else time_s + 1 / (fps or 30.0)
            yield Frame(pixels, index, time_s)
            index += 1
    finally:
        capture.release()
    # Containers without an index only estimate their length: a few frames less is not yet a broken file.
    if count is not None and index < count - max(3.0, 0.02 * count):
        raise SourceError(f"{name} breaks off after {index} of {count:.0f} frames; is the file complete?")
