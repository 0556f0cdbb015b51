"""Where frames come from: a camera, a video file, a recording, a folder of pictures or a stream."""

from __future__ import annotations

import math
import stat
import warnings
import weakref
from collections.abc import Generator, Iterator
from pathlib import Path
from types import TracebackType

from edgetrack.errors import SourceError
from edgetrack.io._channel import Channel, Reader
from edgetrack.io.capture import open_capture
from edgetrack.io.names import is_url, public_name
from edgetrack.io.pictures import SUFFIXES, is_picture, natural, read_folder, read_picture
from edgetrack.io.reading import Reading
from edgetrack.types import Frame

DECODED_AHEAD = 4  # enough to smooth over key frames; each one waits as a whole picture in memory
SILENCE_S = 10.0  # a live source that sends nothing for this long is taken for gone


class Source:
    """An open source: a context manager and an iterable of frames, which are read ahead in a thread.

    A file yields every frame that can be decoded. A live source yields the newest frame; frames that arrived while the
    consumer was busy are counted in ``dropped``. A source that breaks off raises ``SourceError`` after its last good
    frame. Frames come once: another loop continues where the last one was left, and raises ``SourceError`` after the
    end. ``open_source`` makes it.

    Attributes:
        name (str): The source as shown in messages; a URL without user, password and keys.
        size (tuple[int, int]): Width and height of the first frame in pixels.
        fps (float | None): Frames per second; None if unknown.
        frames (int | None): Approximate number of frames; None if unknown. A video's container may estimate
            it, or count frames that are not shown.
        live (bool): Whether frames arrive at their own pace.
    """

    def __init__(
        self,
        frames: Generator[Frame, None, None],
        *,
        name: str,
        fps: float | None,
        count: int | None,
        live: bool,
        reading: Reading | None = None,
    ) -> None:
        self.name = name
        self.fps = fps
        self.frames = count
        self.live = live
        self._dropped_before = 0
        self._ended = False
        self._reading = reading or Reading()
        self._channel: Channel[Frame] = Channel(1 if live else DECODED_AHEAD, newest_wins=live)
        reader = Reader(frames, self._channel, name=f"edgetrack {name}")
        self._forget = weakref.finalize(self, _left_open, reader, self._reading, name)
        self._reader = reader
        try:
            # Fetched here, so that what cannot be read fails before anything else is set up.
            self._first: Frame | None = self._next()
        except BaseException:
            self.close()
            raise
        if self._first is None:
            self.close()
            raise SourceError(f"{name} has no frames; expected a video, a camera or a folder of pictures")
        height, width = self._first.pixels.shape[:2]
        self.size: tuple[int, int] = (width, height)

    @property
    def dropped(self) -> int:
        """Number of frames of a live source that were skipped because newer ones had arrived."""
        return self._channel.dropped - self._dropped_before

    @property
    def broken(self) -> int:
        """Number of pictures that could not be decoded so far; they are skipped."""
        return self._reading.broken

    @property
    def notes(self) -> list[str]:
        """Remarks about the frames so far: broken pictures, decoder warnings, conversions."""
        return self._reading.notes()

    def _next(self) -> Frame | None:
        try:
            return self._channel.get(timeout_s=SILENCE_S if self.live else None)
        except TimeoutError:
            message = f"{self.name} has sent no picture for {SILENCE_S:.0f} s; is it still connected?"
            raise SourceError(message) from None

    def __iter__(self) -> Iterator[Frame]:
        if not self._forget.alive:
            raise SourceError(f"{self.name} is closed; open it again to read it")
        if self._ended:
            raise SourceError(f"{self.name} has been read to its end; open it again to read it once more")
        return self._rest()

    def _rest(self) -> Iterator[Frame]:
        self._dropped_before = self._channel.dropped  # what passed during setting up is no loss
        first, self._first = self._first, None
        if first is not None:
            yield first
        while (frame := self._next()) is not None:
            yield frame
        self._ended = True

    def __enter__(self) -> Source:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the reader thread and release the device or file. May be called twice."""
        self._forget.detach()
        self._reading.canceled = True
        self._reader.close()


def _left_open(reader: Reader[Frame], reading: Reading, name: str) -> None:
    """For a source that nobody has closed: at its collection, or at the end of the process."""
    reading.canceled = True
    reader.close()
    warnings.warn(
        f"source {name} was left open; use it as in: with open_source(...) as source",
        ResourceWarning,
        stacklevel=2,
    )


def open_source(source: int | str | Path, *, fps: float = 30.0) -> Source:
    """Open a camera, a video, a folder of pictures or a stream, and read its first frame.

    Frames have square pixels and are upright, as players show them. The two fields of interlaced video are woven.
    16-bit pictures are scaled to 8 bits by the value range of the first one.

    Args:
        source: Index of a camera, starting at 0; path of a video, an MCAP recording, a picture, an animation, a
            multi-page TIFF, or a folder of pictures (in natural order: ``2.jpg`` before ``10.jpg``); or a URL such as
            ``rtsp://host/stream``.
        fps: Frame rate of a folder of pictures.

    Returns:
        A context manager, and an iterable of ``Frame`` with uint8 (H, W, 3) BGR pixels.

    Raises:
        SourceError: The source does not exist or cannot be read, or ``source`` or ``fps`` is invalid.
        MissingExtra: OpenCV, or for a recording the extra ``mcap``, is not installed.
    """
    _check_given(source, fps)
    if isinstance(source, int):
        return _captured(source, f"camera {source}", live=True)
    if isinstance(source, str) and is_url(source):
        return _captured(source, public_name(source), live=None)
    path = Path(source)
    mode = _mode(path)
    if stat.S_ISDIR(mode):
        return _open_folder(path, fps)
    if stat.S_ISCHR(mode):
        return _captured(str(path.absolute()), str(path), live=True)
    if stat.S_ISREG(mode):
        _check_readable(path)
    if is_picture(path) and path.suffix.lower() != ".gif":  # FFmpeg plays those of any length
        reading = Reading()
        frames = read_picture(path, fps, reading)
        return Source(frames, name=str(path), fps=fps, count=None, live=False, reading=reading)
    if path.suffix.lower() == ".mcap":
        return _open_recording(path)
    # An absolute path, because FFmpeg takes what is before a colon for a protocol.
    return _captured(str(path.absolute()), str(path), live=False)


def _captured(target: int | str, name: str, *, live: bool | None) -> Source:
    reading = Reading()
    opened = open_capture(target, reading, name=name, live=live)
    return Source(
        opened.frames, name=name, fps=opened.fps, count=opened.count, live=opened.live, reading=reading
    )


def _mode(path: Path) -> int:
    """What it is, as ``os.stat`` says.

    Raises:
        SourceError: it is not there, or the system does not say what it is.
    """
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        camera = (
            f"; for a camera: --camera {path}, in Python open_source({path})" if str(path).isdecimal() else ""
        )
        state = (
            f"is a link to {path.readlink()}, which is not there" if path.is_symlink() else "does not exist"
        )
        raise SourceError(f"{path} {state}; expected a video file or a folder of pictures{camera}") from None
    except OSError as error:
        raise SourceError(f"{path!s:.200} cannot be read: {error.strerror}") from error
    except ValueError as error:  # a zero byte
        raise SourceError(f"{str(path)!r} is no path: {error}") from error


def _check_readable(path: Path) -> None:
    """OpenCV does not say why it cannot open a file."""
    try:
        path.open("rb").close()
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from error


def _open_folder(path: Path, fps: float) -> Source:
    try:
        files = sorted(
            (p for p in path.iterdir() if not p.name.startswith(".")), key=lambda p: natural(p.name)
        )
    except OSError as error:
        raise SourceError(f"folder {path} cannot be listed: {error.strerror}") from error
    pictures = [file for file in files if is_picture(file)]
    if not pictures:
        others = sorted({file.suffix.lower() for file in files if file.suffix})
        found = f"; it has files {', '.join(others[:5])}" if others else ""
        known = ", ".join(sorted(SUFFIXES))
        raise SourceError(
            f"folder {path} has no pictures{found}; expected files such as 1.jpg, 2.jpg ({known})"
        )
    reading = Reading()
    frames = read_folder(pictures, fps, reading)
    return Source(frames, name=str(path), fps=fps, count=len(pictures), live=False, reading=reading)


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
    return Source(
        recording.frames(),
        name=recording.name,
        fps=recording.fps,
        count=None,
        live=False,
        reading=recording.reading,
    )
