"""Opens cameras and addresses with PyAV or OpenCV, and reconnects them when the connection is lost."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from typing import Literal

from edgetrack.errors import ConfigError, SourceError
from edgetrack.io.capture import Opened, open_capture
from edgetrack.io.gstreamer import MISSING, SINK, Pipeline, has_bindings
from edgetrack.io.live import Connection, read_live
from edgetrack.io.names import check_printable, is_url
from edgetrack.io.opencv import load_cv2
from edgetrack.io.reading import Reading
from edgetrack.io.stamps import Stamps
from edgetrack.io.states import ADVICE, Code, Lost
from edgetrack.io.streams import Stream
from edgetrack.io.uri import Settings
from edgetrack.types import Frame

MOST_ENDS = (
    5  # a web server that ends its stream that often, each time within seconds, has a recording, not a camera
)
Transport = Literal["tcp", "udp"]
# Messages of OpenCV's FFmpeg, for use without PyAV.
_SAID: list[tuple[str, Code]] = [
    ("401", "authentication"),
    ("403", "authentication"),
    ("404", "not-found"),
    ("refused", "refused"),
    ("imed out", "timeout"),
]


@dataclass(frozen=True)
class Place:
    """What to open.

    Attributes:
        target: index of a camera, absolute path, URL, or GStreamer pipeline.
        name: its name in errors.
        live: whether frames arrive at their own pace; None to treat a URL of unknown length as live.
        settings: settings requested from a camera.
        pipeline: whether ``target`` is a pipeline.
    """

    target: int | str
    name: str
    live: bool | None
    settings: Settings = field(default_factory=Settings)
    pipeline: bool = False

    @property
    def is_url(self) -> bool:
        return isinstance(self.target, str) and not self.pipeline and is_url(self.target)


@dataclass(frozen=True)
class Connected:
    """An open camera, stream, or video behind an address.

    Attributes:
        opened: its frames.
        live: whether they arrive at their own pace.
        again: makes the frames of another reader, which continues if the first one hangs; None if it is not live.
    """

    opened: Opened
    live: bool
    again: Callable[[Reading], Generator[Frame, None, None]] | None = None


def open_connection(
    place: Place, reading: Reading, *, transport: Transport = "tcp", give_up_s: float | None = None
) -> Connected:
    """Open a source that is read frame by frame, with reconnection.

    Args:
        place: What to open.
        reading: Where to report events and problems.
        transport: "tcp" or "udp", for RTSP.
        give_up_s: Seconds without a frame after which to give up; None for never.

    Raises:
        SourceError: The place cannot be opened; with the reason, if it is known.
        ConfigError: The transport needs PyAV.
    """
    stamps = Stamps()

    def again(reading: Reading) -> Connection:
        try:
            connection = _connect(place, reading, transport)
        except Lost:
            raise
        except SourceError as error:
            raise Lost(_code_of(place, str(error)), str(error)) from error
        if isinstance(connection, Opened):
            connection.frames.close()
            raise Lost("ended", "the address now serves a video of known length")
        return connection

    try:
        first = _connect(place, reading, transport)
    except Lost as error:
        raise _unopened(place.name, error) from None
    if isinstance(first, Opened):
        return Connected(first, live=False)

    def read(first: Connection | Lost, reading: Reading) -> Generator[Frame, None, None]:
        return read_live(
            first,
            partial(again, reading),
            reading,
            name=place.name,
            give_up_s=give_up_s,
            most_ends=MOST_ENDS if str(place.target).startswith(("http://", "https://")) else None,
            stamps=stamps,
        )

    hung = Lost("timeout", "the driver or the decoder hangs")
    return Connected(Opened(read(first, reading), first.fps, None), live=True, again=partial(read, hung))


def _connect(place: Place, reading: Reading, transport: Transport) -> Connection | Opened:
    target, name = place.target, place.name
    if place.pipeline:
        return _start(str(target), name, reading)
    if not place.is_url:
        return open_capture(target, reading, name=name, live=place.live, settings=place.settings)
    address = str(target)
    check_printable(address, name)
    if find_spec("av") is None:
        if transport != "tcp":
            raise ConfigError(f"transport {transport!r} needs PyAV; run: pip install 'edgetrack[av]'")
        return open_capture(address, reading, name=name, live=None)
    stream = Stream(address, reading, transport=transport)
    if stream.live:
        return stream
    stream.close()
    return open_capture(address, reading, name=name, live=False)


def _start(pipeline: str, name: str, reading: Reading) -> Connection | Opened:
    if has_bindings():
        return Pipeline(pipeline, reading)
    cv2 = load_cv2()
    if not cv2.videoio_registry.hasBackend(cv2.CAP_GSTREAMER):
        raise SourceError(f"{name} cannot be opened: {MISSING}")
    whole = pipeline if "appsink" in pipeline else f"{pipeline} ! {SINK} drop=true max-buffers=1"
    return open_capture(whole, reading, name=name, live=True, gstreamer=True)


def _code_of(place: Place, message: str) -> Code:
    if not place.is_url:
        return "device"
    return next((code for words, code in _SAID if words in message), "unreachable")


def _unopened(name: str, error: Lost) -> SourceError:
    failure = SourceError(f"{name} cannot be opened: {error.reason}; {ADVICE[error.code]}")
    failure.code = error.code
    return failure
