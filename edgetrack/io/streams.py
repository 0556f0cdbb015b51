"""Network streams through PyAV, with reliable timeouts, presentation times, and helpful errors."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack._imports import require
from edgetrack.io._shape import pixel_aspect, squared
from edgetrack.io.live import Picture
from edgetrack.io.names import host_of, without_secrets
from edgetrack.io.opencv import load_cv2
from edgetrack.io.reading import Reading
from edgetrack.io.states import Code, Lost
from edgetrack.io.tls import stream_options
from edgetrack.io.web_page import page_type

OPEN_S = 10.0  # timeout for a server's response
READ_S = 5.0  # time without a byte after which the connection counts as dead
UNREADABLE_S = 1.0  # time with only unreadable packets after which the connection is lost
PAUSE_S = 0.01  # pause after one of them
INVENTED = {
    "mpjpeg",
    "mjpeg",
}  # formats without timestamps: the demuxer assumes 25 frames per second
TLS = {"rtsps", "https", "tls"}


class Stream:
    """A connection to a stream; see `edgetrack.io.live.Connection`.

    Args:
        url: the stream's address.
        reading: where to report problems with frames.
        transport: "tcp" or "udp", for RTSP.

    Attributes:
        fps: nominal frame rate; None if unknown.
        live: whether the stream has no known end.

    Raises:
        Lost: the stream cannot be opened; with the reason, if it is known.
        MissingExtra: PyAV is not installed.
    """

    def __init__(self, url: str, reading: Reading, *, transport: str = "tcp") -> None:
        self._av = require("av", extra="av")
        self._reading = reading
        self._scheme = url.partition("://")[0].lower()
        options = {"fflags": "nobuffer", "flags": "low_delay"}
        if self._scheme in ("rtsp", "rtsps"):
            options["rtsp_transport"] = transport
        if self._scheme in TLS:
            options |= stream_options()
        try:
            self._container = self._av.open(url, options=options, timeout=(OPEN_S, READ_S))
        except (self._av.error.FFmpegError, OSError) as error:
            raise self._lost(error, url) from None  # its text contains the address, with the password
        try:
            self._stream = self._video()
        except BaseException:
            self._container.close()
            raise
        self.fps = float(self._stream.average_rate) if self._stream.average_rate else None
        known = self._container.duration is not None and self._container.duration > 0
        self.live = self._scheme not in ("http", "https") or not known
        self._url = url

    def _video(self) -> Any:
        if not self._container.streams.video:
            raise Lost("codec", "it has no video")
        stream = self._container.streams.video[0]
        stream.thread_type = "SLICE"  # frame threads would delay several frames
        if (
            stream.codec_context.name == "mjpeg"
        ):  # otherwise a truncated frame would be half gray, without an error
            stream.codec_context.options = {"err_detect": "explode"}
        aspect = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio
        self._aspect = pixel_aspect(aspect.numerator, aspect.denominator) if aspect else 1.0
        return stream

    def pictures(self) -> Iterator[Picture]:
        """Yield each frame as it arrives; broken ones are counted and skipped.

        Raises:
            Lost: no more frames arrive, or they cannot be read.
        """
        timed = self._container.format.name not in INVENTED
        for packet, arrived_ns in self._packets():
            for picture in self._decoded(packet):
                if picture.is_corrupt:
                    self._complain("parts of an image did not arrive; it shows the previous content there")
                pts_s = None if not timed or picture.pts is None else float(picture.pts * picture.time_base)
                yield Picture(self._pixels(picture), arrived_ns, pts_s)

    def _packets(self) -> Iterator[tuple[Any, int]]:
        """Yield each packet with its arrival time; the demuxer continues after an unreadable part."""
        read_s = time.monotonic()
        while not self._reading.canceled:
            try:
                for packet in self._container.demux(self._stream):
                    before_s, read_s = read_s, time.monotonic()
                    if read_s - before_s >= READ_S:  # on a timeout, the demuxer returns what it had
                        raise _silent()
                    yield packet, time.monotonic_ns()
                    read_s = time.monotonic()  # the consumer's time does not count as the camera's
                    if self._reading.canceled:
                        return
                raise Lost("ended", "the server has ended the stream")
            except Lost:  # which is an OSError
                raise
            except (self._av.error.InvalidDataError, self._av.error.ArgumentError) as error:
                if time.monotonic() - read_s > UNREADABLE_S:
                    raise self._lost(error, self._url) from None
                self._broken(error)
                time.sleep(PAUSE_S)
            except (self._av.error.FFmpegError, OSError) as error:
                lost = self._lost(error, self._url)
                silent = lost.code == "timeout"
                raise (_silent() if silent else Lost("ended", lost.reason)) from None

    def _broken(self, error: Any) -> None:
        self._reading.broken += 1
        self._complain(str(error.strerror))

    def _complain(self, words: str) -> None:
        self._reading.complaints += 1
        self._reading.complaint = self._reading.complaint or words

    def _decoded(self, packet: Any) -> list[Any]:
        try:
            return list(packet.decode())
        except (self._av.error.InvalidDataError, self._av.error.ArgumentError) as error:
            self._broken(error)
            return []

    def _pixels(self, picture: Any) -> NDArray[np.uint8]:
        pixels: NDArray[np.uint8] = picture.to_ndarray(format="bgr24")
        return pixels if self._aspect == 1.0 else squared(load_cv2(), pixels, self._aspect)

    def close(self) -> None:
        """Release the stream. May be called twice."""
        self._container.close()

    def _lost(self, error: Exception, url: str) -> Lost:
        reason = without_secrets(getattr(error, "strerror", None) or type(error).__name__)
        errors = self._av.error
        kinds: list[tuple[tuple[type[Exception], ...], Code]] = [
            ((errors.HTTPUnauthorizedError, errors.HTTPForbiddenError), "authentication"),
            ((errors.HTTPNotFoundError,), "not-found"),
            ((ConnectionRefusedError,), "refused"),
            ((TimeoutError, errors.ExitError), "timeout"),
            ((errors.InvalidDataError, errors.DecoderNotFoundError, errors.DemuxerNotFoundError), "codec"),
        ]
        for types, code in kinds:
            if isinstance(error, types) and code != "codec":
                return Lost(code, f"no answer within {OPEN_S:.0f} s" if code == "timeout" else reason)
        if page := page_type(url):  # for which FFmpeg has any error, such as "Input/output error"
            return Lost("codec", f"the server sent a web page ({page}) instead of a video")
        if isinstance(error, kinds[-1][0]):
            return Lost("codec", reason)
        host = host_of(url)
        if host and not _is_known(host):
            return Lost("unreachable", f"the host {host} cannot be resolved from here")
        if self._scheme in TLS:
            return Lost("tls", f"the TLS connection failed ({reason})")
        return Lost("unreachable", reason)


def _silent() -> Lost:
    return Lost("timeout", f"no data for {READ_S:.0f} s")


def _is_known(host: str) -> bool:
    try:
        socket.getaddrinfo(host, None)
    except (OSError, UnicodeError):  # UnicodeError: a host such as "a..b"
        return False
    return True
