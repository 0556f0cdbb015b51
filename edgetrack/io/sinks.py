"""Where tracks go: JSON lines, an annotated video, a recording, a window."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edgetrack.errors import SinkError
from edgetrack.io.names import printable
from edgetrack.io.opencv import load_cv2
from edgetrack.io.overlay import Colour, draw, draw_all
from edgetrack.types import Frame, Track

GUI_HINT = "pip install 'edgetrack[gui]'"


class Sink(Protocol):
    """Takes one frame and its track at a time; a context manager."""

    @property
    def done(self) -> bool:
        """Whether it wants no more frames, as when its window was closed."""

    def write(self, frame: Frame, track: Track, *, latency_ms: float) -> None: ...

    def write_all(
        self, frame: Frame, tracks: Mapping[str, Track], *, latencies_ms: Mapping[str, float]
    ) -> None:
        """Takes one frame and the tracks of several targets in it, with what each of them cost."""

    def close(self) -> None: ...
    def __enter__(self) -> Sink: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Closing:
    """What every sink shares: leaving the ``with`` block closes it, whatever the reason."""

    done = False

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Any:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_sink(
    path: str | Path,
    *,
    fps: float | None = None,
    size: tuple[int, int] | None = None,
    text: str | None = None,
    facts: Mapping[str, str] | None = None,
) -> Sink:
    """Opens an output; its suffix says which kind: ``.jsonl``, ``.mp4`` or ``.mcap``.

    What is already there is only replaced once there is something to replace it with: JSON lines and a recording
    at the first frame, a video when it is complete.

    Args:
        path: the file to write.
        fps: frame rate of a video; 30 where the source does not know.
        size: width and height of a video in pixels; without it the first frame decides.
        text: what is being looked for, written into a video's pictures.
        facts: what a recording says of its origin: target, model, engine, precision.

    Raises:
        SinkError: the suffix is unknown or the place cannot be written.
        MissingExtra: a package that this kind needs is not installed.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == ".jsonl":
        return JsonlSink(path)
    if suffix == ".mp4":
        return VideoSink(path, fps=fps or 30.0, size=size, text=text)
    if suffix == ".mcap":
        from edgetrack.io.recorder import McapSink

        return McapSink(path, facts=facts or {})
    raise SinkError(f"output {path} ends in {suffix or 'nothing'!r}; expected .jsonl, .mp4 or .mcap")


def check_place(path: Path) -> None:
    """Raises `SinkError` where no file can be written."""
    try:
        _check_place(path)
    except SinkError:
        raise
    except OSError as error:
        raise SinkError(f"output {path!s:.200} cannot be written: {error.strerror}") from error


def _check_place(path: Path) -> None:
    if path.is_dir():
        raise SinkError(f"output {path} is a folder; expected a file name such as {path / 'out.jsonl'}")
    if not path.parent.is_dir():
        raise SinkError(f"output {path} cannot be written: folder {path.parent} does not exist")
    if path.exists() and not os.access(path, os.W_OK):
        raise SinkError(f"output {path} cannot be written: the file is read-only")


class JsonlSink(Closing):
    """One JSON object a line, for each frame and target, written at once: another program can follow the file."""

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._lines = 0
        check_place(self._path)
        self._created = not self._path.exists()
        self._replaces = self._path.is_file()  # rather than a pipe or a device, which have no end to cut
        try:
            # Unbuffered: a line is one system call, so not even a killed process leaves half of one.
            self._file = self._path.open("ab", buffering=0)
        except OSError as error:
            raise SinkError(f"output {self._path} cannot be written: {error.strerror}") from error

    def write(self, frame: Frame, track: Track, *, latency_ms: float) -> None:
        self._line(frame, track, latency_ms)

    def write_all(
        self, frame: Frame, tracks: Mapping[str, Track], *, latencies_ms: Mapping[str, float]
    ) -> None:
        for name, track in tracks.items():
            self._line(frame, track, latencies_ms[name], name=name)

    def _line(self, frame: Frame, track: Track, latency_ms: float, **named: str) -> None:
        record = {
            "frame": frame.index,
            "time_s": round(frame.time_s, 4),
            **named,
            "status": track.status,
            "box": None if track.box is None else [round(v, 2) for v in track.box.xywh],
            "score": round(track.score, 4),
            "basis": track.basis,
            "latency_ms": round(latency_ms, 3),
        }
        try:
            if self._lines == 0 and self._replaces:
                self._file.truncate(0)
            self._file.write(json.dumps(record).encode() + b"\n")
        except OSError as error:
            raise SinkError(f"output {self._path} cannot be written: {error.strerror}") from error
        self._lines += 1

    def close(self) -> None:
        if self._file.closed:
            return
        self._file.close()
        if self._created and self._lines == 0:
            self._path.unlink(missing_ok=True)


class _Drawing(Closing):
    """What sinks of pictures share: the tracks are drawn, the rest is theirs."""

    def __init__(self, text: str | None) -> None:
        self._text = text
        self._colours: dict[str, Colour] = {}

    def write(self, frame: Frame, track: Track, *, latency_ms: float) -> None:
        self._show(frame, lambda pixels: draw(pixels, track, self._text))

    def write_all(
        self, frame: Frame, tracks: Mapping[str, Track], *, latencies_ms: Mapping[str, float]
    ) -> None:
        self._show(frame, lambda pixels: draw_all(pixels, tracks, self._colours))

    def _show(self, frame: Frame, paint: Callable[[NDArray[np.uint8]], None]) -> None:
        raise NotImplementedError


class VideoSink(_Drawing):
    """An MPEG-4 video with the track drawn into it; appears under its name when it is complete."""

    def __init__(
        self, path: str | Path, *, fps: float, size: tuple[int, int] | None = None, text: str | None = None
    ) -> None:
        super().__init__(text)
        self._path = Path(path)
        self._fps = fps
        self._writer: Any = None
        self._canvas: NDArray[np.uint8] | None = None
        self._frames = 0
        self._size = size
        self._cv2 = load_cv2()
        check_place(self._path)
        if printable(str(self._path)) != str(self._path):  # on which OpenCV's bindings crash
            raise SinkError(
                f"output {printable(str(self._path))} is not UTF-8, which OpenCV needs; rename it"
            )
        self._part = self._path.with_name(f".{self._path.stem}.{os.getpid()}.part.mp4")
        try:
            self._part.touch()
        except OSError as error:
            raise SinkError(f"output {self._path} cannot be written: {error.strerror}") from error
        if size is not None:
            self._open(size)

    def _open(self, size: tuple[int, int]) -> None:
        self._size = size
        fourcc = self._cv2.VideoWriter.fourcc(*"mp4v")
        place = str(self._part.absolute())  # FFmpeg takes what is before a colon for a protocol
        self._writer = self._cv2.VideoWriter(place, fourcc, self._fps, size)
        if not self._writer.isOpened():
            self._part.unlink(missing_ok=True)
            raise SinkError(
                f"output {self._path} cannot be written: OpenCV has no MPEG-4 encoder for {size[0]}x{size[1]}"
                f" at {self._fps:g} frames a second; pip install 'edgetrack[video]'"
            )

    def _show(self, frame: Frame, paint: Callable[[NDArray[np.uint8]], None]) -> None:
        height, width = frame.pixels.shape[:2]
        if self._canvas is None or self._canvas.shape != frame.pixels.shape:
            self._canvas = np.empty_like(frame.pixels)
        np.copyto(self._canvas, frame.pixels)
        paint(self._canvas)
        if self._size is None:
            self._open((width, height))
        assert self._size is not None
        # The encoder silently leaves out pictures of another size, which a folder may well hold.
        fits = (width, height) == self._size
        self._writer.write(self._canvas if fits else _letterbox(self._cv2, self._canvas, self._size))
        self._frames += 1

    def close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.release()
        if not self._part.exists():
            return
        if self._frames == 0:
            self._part.unlink()
            return
        # The encoder reports no errors; a full disk shows only in what it has left behind.
        capture = self._cv2.VideoCapture(str(self._part.absolute()))
        written = int(capture.get(self._cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
        capture.release()
        if written < self._frames:
            raise SinkError(
                f"output {self._path} holds {written} of {self._frames} frames, left as {self._part};"
                " is the disk full?"
            )
        self._part.replace(self._path)
        self._frames = 0


def _letterbox(cv2: Any, pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    ratio = min(size[0] / width, size[1] / height)
    w, h = max(1, round(width * ratio)), max(1, round(height * ratio))
    fitted = np.zeros((size[1], size[0], 3), np.uint8)
    left, top = (size[0] - w) // 2, (size[1] - h) // 2
    fitted[top : top + h, left : left + w] = cv2.resize(pixels, (w, h), interpolation=cv2.INTER_AREA)
    return fitted


class WindowSink(_Drawing):
    """Shows the track live; ``q``, Escape or closing the window ends the run."""

    def __init__(self, *, title: str = "edgetrack", text: str | None = None) -> None:
        super().__init__(text)
        self._cv2 = load_cv2()
        self._title = title
        if re.search(r"GUI:\s+NONE", self._cv2.getBuildInformation()):
            raise SinkError(f"this OpenCV is built without windows; for --show: {GUI_HINT}")
        # Without a display some builds end the whole process instead of raising.
        displays = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
        if sys.platform.startswith("linux") and not displays:
            raise SinkError(
                "there is no display for --show (DISPLAY is not set); use --output OUT.mp4 instead"
            )
        try:
            self._cv2.namedWindow(title, self._cv2.WINDOW_NORMAL | self._cv2.WINDOW_KEEPRATIO)
        except self._cv2.error as error:
            raise SinkError(f"no window can be opened ({error.err}); for --show: {GUI_HINT}") from error

    def _show(self, frame: Frame, paint: Callable[[NDArray[np.uint8]], None]) -> None:
        picture = frame.pixels.copy()
        paint(picture)
        self._cv2.imshow(self._title, picture)
        key = self._cv2.waitKey(1) & 0xFF
        visible = self._cv2.getWindowProperty(self._title, self._cv2.WND_PROP_VISIBLE) >= 1
        self.done = key in (ord("q"), 27) or not visible

    def close(self) -> None:
        with suppress(self._cv2.error):  # the user may have closed it
            self._cv2.destroyWindow(self._title)
