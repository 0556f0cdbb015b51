"""Publishes the annotated video to a streaming server over RTSP, for browsers and recorders."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from typing import Any
from urllib.parse import SplitResult

import numpy as np
from numpy.typing import NDArray

from edgetrack._imports import require
from edgetrack.errors import ConfigError, MissingExtra, SinkError
from edgetrack.io.names import public_name, split_address, without_secrets
from edgetrack.io.opencv import load_cv2
from edgetrack.io.video import DrawingSink, letterbox
from edgetrack.types import Frame
from edgetrack.zones import Zones

TICKS = 90_000  # per second, as in RTP
KEY_S = 1.0  # interval between key frames
DEFAULT_PORTS = {"rtsp": 554, "rtsps": 322}
ANSWER_S = 2.0  # timeout for a server that neither answers nor accepts data
FIRST_S, LONGEST_S = 1.0, 30.0  # pause from a failure to the next attempt


class RtspSink(DrawingSink):
    """Publishes H.264 to a server such as MediaMTX or go2rtc. While the server is away, frames are dropped.

    Frames of another size than the first are scaled to fit into it. Connecting and sending can block, so wrap this
    sink in `edgetrack.io.threaded.ThreadedSink`.

    Args:
        url: ``rtsp://USER:PASSWORD@HOST:PORT/PATH``.
        fps: Nominal frame rate, which determines how often there is a key frame.
        text: The target's text, drawn into the frames.
        zones: Drawn into the frames with their counts.
        warn: Called with a sentence when the server becomes unavailable, once per outage.
        first_s: Seconds to the second attempt; each further one takes twice as long, up to 30 s.

    Raises:
        ConfigError: The address is invalid.
        MissingExtra: PyAV is not installed, or has no encoder for H.264.
    """

    def __init__(
        self,
        url: str,
        *,
        fps: float,
        text: str | None = None,
        zones: Zones | None = None,
        warn: Callable[[str], None] = lambda said: None,
        first_s: float = FIRST_S,
    ) -> None:
        super().__init__(text, zones)
        self._address = _checked(url)
        self._av, self._cv2 = require("av", extra="av"), load_cv2()
        if "libx264" not in self._av.codecs_available:
            raise MissingExtra(
                "this PyAV has no libx264, which --publish needs; run: pip install --force-reinstall av"
            )
        self.name = f"publish {public_name(url)}"
        self._url, self._fps, self._warn = url, fps, warn
        self._size: tuple[int, int] | None = None
        self._container: Any = None
        self._first_s = self._pause_s = first_s
        self._retry_s = 0.0  # on the monotonic clock
        self._warned = False

    def _show(self, frame: Frame, paint: Callable[[NDArray[np.uint8]], None]) -> None:
        if self._container is None and time.monotonic() < self._retry_s:
            return
        canvas = frame.pixels.copy()
        paint(canvas)
        height, width = canvas.shape[:2]
        even = max(2, width - width % 2), max(2, height - height % 2)  # H.264 needs even sides
        self._size = self._size or even
        if (width, height) != self._size:
            canvas = letterbox(self._cv2, canvas, self._size)
        try:
            if self._container is None:
                self._connect(self._size)
            self._send(canvas, frame.time_s)
        except (self._av.error.HTTPUnauthorizedError, self._av.error.HTTPForbiddenError) as error:
            self._leave()
            raise SinkError(f"{self.name}: {error.strerror}; check the user name and password") from None
        except (self._av.error.FFmpegError, OSError) as error:
            self._failed(getattr(error, "strerror", None) or type(error).__name__)

    def _connect(self, size: tuple[int, int]) -> None:
        _wait_for_answer(self._address)
        options = {"rtsp_transport": "tcp", "timeout": str(round(ANSWER_S * 1e6))}  # in microseconds
        container = self._av.open(self._url, "w", format="rtsp", options=options)
        stream = container.add_stream("libx264", rate=Fraction(self._fps).limit_denominator(1001))
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, TICKS)
        stream.codec_context.gop_size = max(1, round(self._fps * KEY_S))
        stream.codec_context.thread_count = 1  # leaves the cores to the tracker
        stream.codec_context.options = {"preset": "ultrafast", "tune": "zerolatency"}
        self._container, self._stream, self._last = container, stream, -1
        self._begin_s: float | None = None

    def _send(self, pixels: NDArray[np.uint8], time_s: float) -> None:
        begin_s = self._begin_s = time_s if self._begin_s is None else self._begin_s
        self._last = max(round((time_s - begin_s) * TICKS), self._last + 1)
        picture = self._av.VideoFrame.from_ndarray(pixels, format="bgr24")
        picture.pts, picture.time_base = self._last, Fraction(1, TICKS)
        for packet in self._stream.encode(picture):
            self._container.mux(packet)
        self._pause_s, self._warned = self._first_s, False

    def _failed(self, why: str) -> None:
        self._leave()
        self._retry_s = time.monotonic() + self._pause_s
        self._pause_s = min(2 * self._pause_s, LONGEST_S)
        if not self._warned:
            self._warned = True
            self._warn(f"{self.name}: the server accepts no frames ({without_secrets(why)}); trying again")

    def _leave(self) -> None:
        container, self._container = self._container, None
        if container is not None:
            with suppress(self._av.error.FFmpegError, OSError):  # the connection is lost already
                container.close()

    def close(self) -> None:
        """Disconnect from the server. May be called twice."""
        self._leave()


def _checked(url: str) -> SplitResult:
    parts = split_address(url, DEFAULT_PORTS)
    if parts is None or not url.isprintable() or " " in url:
        raise ConfigError(
            "the address of --publish is invalid; expected one such as rtsp://127.0.0.1:8554/gate-tracked"
        )
    return parts


def _wait_for_answer(address: SplitResult) -> None:
    """Wait until the server answers. PyAV connects without releasing the GIL, which would stop all threads meanwhile.

    Raises:
        OSError: It does not answer in time, or not as RTSP servers do.
    """
    place = str(address.hostname), address.port or DEFAULT_PORTS[address.scheme]
    try:
        with socket.create_connection(place, ANSWER_S) as connection:
            if address.scheme == "rtsps":  # an accepted connection has to suffice
                return
            connection.sendall(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: edgetrack\r\n\r\n")
            answer = connection.makefile("rb").read(5)
    except TimeoutError:
        raise TimeoutError(errno.ETIMEDOUT, f"no answer within {ANSWER_S:.0f} s") from None
    if answer != b"RTSP/":
        raise ConnectionError(errno.EPROTO, "it does not answer as an RTSP server")
