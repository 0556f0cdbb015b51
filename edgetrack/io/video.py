"""An annotated video as MP4, which can be played at any time, even if the process is killed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack._imports import require
from edgetrack.errors import SinkError
from edgetrack.events import Event
from edgetrack.io.files import OutputFile
from edgetrack.io.opencv import load_cv2
from edgetrack.io.overlay import Color, draw, draw_all
from edgetrack.io.sinks import Closing
from edgetrack.io.zone_overlay import draw_zones
from edgetrack.types import Frame, Track
from edgetrack.zones import Zones

TICKS = 60_000  # per second; MPEG-4 counts in 16 bits, and 24, 25, 30, 50, 60 and 29.97 fps are whole ticks
LONGEST_S = 3600.0  # between two frames; if it is longer, the clock was set
LARGEST = 8191  # pixels per side; MPEG-4 stores it in 13 bits
KEY_S = 2.0  # interval between key frames
# Both are almost indistinguishable from the original, with about the same encoding time and file size.
OPTIONS = {
    "libx264": {"preset": "ultrafast", "tune": "zerolatency", "crf": "20"},
    "mpeg4": {"qmin": "3", "qmax": "3"},  # range: 1 (best) to 31
}


def why_not_h264(av: Any, size: tuple[int, int]) -> str | None:
    """Return why videos of (width, height) are MPEG-4 Part 2, which browsers do not play; None if they are H.264."""
    if "libx264" not in av.codecs_available:
        return "this PyAV has no libx264; run: pip install --force-reinstall av"
    if size[0] % 2 or size[1] % 2:
        return f"H.264 needs an even width and height, not {size[0]}x{size[1]}"
    return None


class DrawingSink(Closing):
    """Base of sinks for annotated frames: draws the tracks; the subclass does the rest."""

    def __init__(self, text: str | None, zones: Zones | None = None) -> None:
        self._text, self._zones = text, zones
        self._colors: dict[str, Color] = {}

    def write(self, frame: Frame, track: Track, *, latency_ms: float) -> None:
        text = self._text and (track.name or self._text)  # the text may have changed during the run
        self._show(frame, lambda pixels: draw(pixels, track, text))

    def write_all(
        self,
        frame: Frame,
        tracks: Mapping[str, Track],
        *,
        latencies_ms: Mapping[str, float],
        events: Sequence[Event] = (),
    ) -> None:
        def paint(pixels: NDArray[np.uint8]) -> None:
            if self._zones is not None:
                draw_zones(pixels, self._zones)
            draw_all(pixels, tracks, self._colors)

        self._show(frame, paint)

    def _show(self, frame: Frame, paint: Callable[[NDArray[np.uint8]], None]) -> None:
        raise NotImplementedError


class VideoSink(DrawingSink):
    """A video with the track drawn into it, each frame at its own time: H.264, or MPEG-4 Part 2 (`why_not_h264`).

    Each frame is written as a separate fragment, one frame late; closing adds the index of an ordinary MP4 file. The
    index takes about 80 bytes of memory per frame.

    Attributes:
        notes: remarks about the file, known from the first frame on.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        fps: float,
        size: tuple[int, int] | None = None,
        text: str | None = None,
        zones: Zones | None = None,
    ) -> None:
        super().__init__(text, zones)
        self._cv2 = load_cv2()
        self._av = require("av", extra="mp4")
        self._fps, self._size = fps, size
        self.notes: list[str] = []
        self._name = f"output {path}"
        if size is not None:
            _check_size(self._name, size)
        self._file = OutputFile(path)
        self._canvas: NDArray[np.uint8] | None = None
        self._movie: _Movie | None = None

    def _show(self, frame: Frame, paint: Callable[[NDArray[np.uint8]], None]) -> None:
        height, width = frame.pixels.shape[:2]
        if self._canvas is None or self._canvas.shape != frame.pixels.shape:
            self._canvas = np.empty_like(frame.pixels)
        np.copyto(self._canvas, frame.pixels)
        paint(self._canvas)
        if self._size is None:
            _check_size(self._name, (width, height))
            self._size = (width, height)
        fits = (width, height) == self._size  # a folder may have images of several sizes
        if self._movie is None:
            why = why_not_h264(self._av, self._size)
            if why is not None:
                self.notes.append(f"{self._name} is MPEG-4 Part 2, which browsers do not play: {why}")
            codec = "libx264" if why is None else "mpeg4"
            self._movie = _Movie(self._file, size=self._size, fps=self._fps, codec=codec)
        self._movie.add(
            self._canvas if fits else letterbox(self._cv2, self._canvas, self._size), frame.time_s
        )

    def close(self) -> None:
        movie, self._movie = self._movie, None
        try:
            if movie is not None:
                movie.close()
        finally:
            self._file.close()


class _Movie:
    """The encoder and the container of a video file."""

    def __init__(self, file: OutputFile, *, size: tuple[int, int], fps: float, codec: str) -> None:
        av = require("av", extra="mp4")
        self._av, self._file = av, file
        self._target = _Target(file)
        self._step = max(1, round(TICKS / fps))  # default duration of a frame
        self._last: int | None = None
        self._begin_s = self._last_s = 0.0
        flags = "frag_every_frame+empty_moov+default_base_moof"
        if file.regular:  # becomes an ordinary MP4 when it is complete
            flags += "+hybrid_fragmented"
        self._container = av.open(self._target, "w", format="mp4", options={"movflags": flags})
        self._stream = self._container.add_stream(codec, rate=Fraction(fps).limit_denominator(1001))
        self._stream.width, self._stream.height = size
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = Fraction(1, TICKS)
        self._stream.codec_context.thread_count = 1  # leaves the cores to the tracker
        self._stream.codec_context.gop_size = max(1, round(fps * KEY_S))
        self._stream.codec_context.options = OPTIONS[codec]

    def add(self, pixels: NDArray[np.uint8], time_s: float) -> None:
        """Add an image, uint8 (H, W, 3) BGR.

        Raises:
            SinkError: the file cannot be written; it ends with what was written before.
        """
        picture = self._av.VideoFrame.from_ndarray(pixels, format="bgr24")
        picture.pts, picture.time_base = self._tick(time_s), Fraction(1, TICKS)
        self._mux(self._stream.encode(picture))

    def _tick(self, time_s: float) -> int:
        """Return when a frame is shown: its time since the first one, or a step after the last if the clock jumps."""
        if self._last is None:
            self._begin_s, tick = time_s, 0
        else:
            tick = round((time_s - self._begin_s) * TICKS) if 0 < time_s - self._last_s < LONGEST_S else 0
            if tick <= self._last:
                tick = self._last + self._step
                self._begin_s = time_s - tick / TICKS
        self._last, self._last_s = tick, time_s
        return tick

    def _mux(self, packets: list[Any]) -> None:
        for packet in packets:
            packet.duration = self._step
            self._container.mux(packet)
        self._target.settle()

    def close(self) -> None:
        """Complete the file.

        Raises:
            SinkError: The file cannot be completed; it still ends with the last frame that was written.
        """
        failed = self._target.error is not None  # reported already
        if not failed:
            self._mux(self._stream.encode())
        self._container.close()
        if not failed:
            self._target.settle(complete=True)


class _Target:
    """The stream that the container writes to. A fragment is written to the file completely or not at all.

    Libraries differ in what they overwrite before the end of the file is safe, so overwriting comes last.
    """

    name = "edgetrack.mp4"

    def __init__(self, file: OutputFile) -> None:
        self.error: SinkError | None = None
        self._file = file
        self._pending = bytearray()
        self._patches: list[tuple[int, bytes]] = []
        self._size = self._at = 0

    def write(self, data: bytes) -> int:
        data = bytes(data)
        if self._at < self._size:
            self._patches.append((self._at, data))
        else:
            self._pending += data
            self._size += len(data)
        self._at += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def seekable(self) -> bool:
        return self._file.regular

    def settle(self, *, complete: bool = False) -> None:
        """Write the buffered data to the file; with ``complete``, also data that overwrite earlier parts.

        Raises:
            SinkError: The data cannot be written, or an earlier write has failed.
        """
        if self.error is not None:
            raise self.error
        try:
            if self._pending:
                self._file.append(bytes(self._pending))
                self._pending.clear()
            if complete:
                for offset, data in self._patches:
                    self._file.patch(offset, data)
        except SinkError as error:
            self.error = error
            raise


def _check_size(name: str | Path, size: tuple[int, int]) -> None:
    if max(size) > LARGEST:
        raise SinkError(
            f"{name}: frames of {size[0]}x{size[1]} are too large for MPEG-4, at most {LARGEST} per side;"
            " write .jsonl or .csv"
        )


def letterbox(cv2: Any, pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    ratio = min(size[0] / width, size[1] / height)
    w, h = max(1, round(width * ratio)), max(1, round(height * ratio))
    fitted = np.zeros((size[1], size[0], 3), np.uint8)
    left, top = (size[0] - w) // 2, (size[1] - h) // 2
    fitted[top : top + h, left : left + w] = cv2.resize(pixels, (w, h), interpolation=cv2.INTER_AREA)
    return fitted
