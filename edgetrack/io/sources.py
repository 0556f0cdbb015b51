"""Opens sources of frames: a camera, a video file, a recording, a folder of images or a stream."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from edgetrack.errors import SourceError
from edgetrack.finite import is_finite
from edgetrack.io.capture import Opened, devices_here
from edgetrack.io.connections import Place, Transport, open_connection
from edgetrack.io.gstreamer import csi_pipeline
from edgetrack.io.names import is_url, public_name
from edgetrack.io.pacing import paced
from edgetrack.io.pictures import (
    SUFFIXES,
    is_pattern,
    is_picture,
    matching,
    natural,
    numbered,
    read_folder,
    read_picture,
)
from edgetrack.io.raw import PixelFormat, read_raw
from edgetrack.io.reading import Reading
from edgetrack.io.source import Source
from edgetrack.io.uri import split_settings


def open_source(
    source: int | str | Path,
    *,
    fps: float = 30.0,
    realtime: bool = False,
    transport: Transport = "tcp",
    give_up_s: float | None = None,
    size: tuple[int, int] | None = None,
    pixel_format: PixelFormat = "bgr24",
    levels: tuple[float, float] | None = None,
    fourth: bool = False,
) -> Source:
    """Open a camera, a video, a folder of images or a stream, and read its first frame.

    Frames have square pixels and are upright, as players show them. The two fields of interlaced video are woven.
    16-bit images are scaled to 8 bits by the value range of the first one.

    A live source has to answer when it is opened. When its connection breaks later, it is reconnected after a pause of
    half a second, then twice as long each time, up to 30 s; after wrong credentials or an unknown path, of 10 s to
    60 s. ``Frame.epoch`` counts the reconnections, and frames may have another size after one.

    Args:
        source: Index of a camera, starting at 0; path of a video, an MCAP recording, an image, an animation, a
            multi-page TIFF, or a folder of images (in natural order: ``2.jpg`` before ``10.jpg``); a pattern such as
            ``frames/%05d.png``; a URL such as ``rtsp://host/stream``; a device such as
            ``/dev/video0?size=1280x720&fps=30&format=MJPG``; ``csi://0``, a CSI camera of a Jetson; ``gst:PIPELINE``
            for GStreamer; ``-`` for raw frames on standard input; or ``test://street``, a drawn scene without end.
        fps: Frame rate of images and of raw frames.
        realtime: Play a file as a camera would: at the pace of its time stamps, dropping what comes while the consumer
            is busy.
        transport: "tcp" or "udp", for RTSP; needs PyAV.
        give_up_s: Raise ``SourceError`` when a live source has sent nothing for so many seconds; None to reconnect
            forever, 0 to do so at once.
        size: Width and height of raw frames in pixels.
        pixel_format: Format of raw frames: "bgr24", "rgb24", "gray8" or "nv12".
        levels: Values of a folder of 16-bit pictures that are shown black and white, such as (6000, 300) for depth in
            millimeters; 0 stays black. None for the value range of the first pictures.
        fourth: Show the fourth channel of a folder of images that have four, in gray: a second sensor beside color.

    Returns:
        A context manager, and an iterable of ``Frame`` with uint8 (H, W, 3) BGR pixels.

    Raises:
        SourceError: The source does not exist or cannot be read, or an argument is invalid.
        MissingExtra: OpenCV, or for a recording the extra ``mcap``, is not installed.
    """
    _check_given(source, fps)
    _check_live(transport, give_up_s)
    options = _Options(fps, realtime, transport, give_up_s, size, pixel_format, levels, fourth)
    _check_levels(source, levels)
    if fourth:
        _check_folder(source, "fourth", "images with four channels")
    if source != "-" and (size is not None or pixel_format != "bgr24"):
        raise SourceError(
            f"size and pixel_format have no effect: {source} sets the size of its own frames; leave them out"
        )
    if isinstance(source, int):
        return _captured(Place(source, f"camera {source}", live=True), options)
    named = _by_name(source, options) if isinstance(source, str) else None
    return named or _on_disk(Path(source), options)


def _by_name(source: str, options: _Options) -> Source | None:
    """Open a source that is not a path; return None if it is one."""
    if source == "-":
        frames = read_raw(options.size, options.pixel_format, options.fps)
        return _file(Opened(frames, options.fps, None), "standard input", Reading(), options)
    if source.startswith("gst:"):
        return _captured(Place(source[4:], public_name(source), live=True, pipeline=True), options)
    if source.startswith("csi://"):
        sensor, settings = split_settings(source)
        pipeline = csi_pipeline(sensor[6:], settings, source)
        return _captured(Place(pipeline, sensor, live=True, pipeline=True), options)
    if source.startswith("test://"):
        return _drawn(source)
    if source.startswith("/dev/") and "?" in source:
        device, settings = split_settings(source)
        _mode(Path(device))
        return _captured(Place(device, device, live=True, settings=settings), options)
    if is_url(source):
        return _captured(Place(source, public_name(source), live=None), options)
    if source.isdecimal() and not Path(source).exists():
        return _captured(Place(int(source), f"camera {source}", live=True), options)
    return None


def _on_disk(path: Path, options: _Options) -> Source:
    if is_pattern(path.name) and not path.exists():
        pictures = matching(path)
        if not pictures:
            raise SourceError(f"no image matches {path}; expected files such as {numbered(path.name, 1)}")
        return _pictures(pictures, str(path), options)
    mode = _mode(path)
    if stat.S_ISDIR(mode):
        return _open_folder(path, options)
    if stat.S_ISCHR(mode):
        return _captured(Place(str(path.absolute()), str(path), live=True), options)
    if stat.S_ISREG(mode):
        _check_readable(path)
    if is_picture(path) and path.suffix.lower() != ".gif":  # FFmpeg plays those of any length
        reading = Reading()
        return _file(
            Opened(read_picture(path, options.fps, reading), options.fps, None), str(path), reading, options
        )
    if path.suffix.lower() == ".mcap":
        return _open_recording(path, options)
    # An absolute path, because FFmpeg takes the text before a colon for a protocol.
    return _captured(Place(str(path.absolute()), str(path), live=False), options)


def _drawn(source: str) -> Source:
    from edgetrack.demo.scene import FPS, endless

    if source != "test://street":
        raise SourceError(f"{source} does not exist; expected test://street")
    reading = Reading()
    return Source(paced(endless(), reading), name=source, fps=FPS, count=None, live=True, reading=reading)


@dataclass(frozen=True)
class _Options:
    fps: float
    realtime: bool
    transport: Transport
    give_up_s: float | None
    size: tuple[int, int] | None
    pixel_format: PixelFormat
    levels: tuple[float, float] | None
    fourth: bool


def _captured(place: Place, options: _Options) -> Source:
    reading, name = Reading(), place.name
    connected = open_connection(place, reading, transport=options.transport, give_up_s=options.give_up_s)
    if connected.live:
        if options.realtime:
            connected.opened.frames.close()
            raise SourceError(f"realtime has no effect: {name} is already live; leave it out")
        opened = connected.opened
        return Source(
            opened.frames,
            name=name,
            fps=opened.fps,
            count=None,
            live=True,
            reading=reading,
            again=connected.again,
        )
    return _file(connected.opened, name, reading, options)


def _file(opened: Opened, name: str, reading: Reading, options: _Options) -> Source:
    if options.give_up_s is not None or options.transport != "tcp":
        opened.frames.close()
        option = "transport" if options.give_up_s is None else "give_up_s"
        raise SourceError(f"{option} has no effect: {name} is not a live source; leave it out")
    frames = paced(opened.frames, reading) if options.realtime else opened.frames
    return Source(
        frames, name=name, fps=opened.fps, count=opened.count, live=options.realtime, reading=reading
    )


def _mode(path: Path) -> int:
    """Return the file mode from ``os.stat``.

    Raises:
        SourceError: The file does not exist, or its mode cannot be read.
    """
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        state = (
            f"is a link to {path.readlink()}, which does not exist" if path.is_symlink() else "does not exist"
        )
        camera = str(path).startswith("/dev/video")
        expected = devices_here() if camera else "expected a video file or a folder of images"
        raise SourceError(f"{path} {state}; {expected}") from None
    except OSError as error:
        raise SourceError(f"{path!s:.200} cannot be read: {error.strerror}") from error
    except ValueError as error:  # a zero byte
        raise SourceError(f"{str(path)!r} is not a valid path: {error}") from error


def _check_readable(path: Path) -> None:
    """Raise SourceError if a file cannot be read, because OpenCV does not tell why it cannot open it."""
    try:
        path.open("rb").close()
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from error


def _open_folder(path: Path, options: _Options) -> Source:
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
            f"folder {path} has no images{found}; expected files such as 1.jpg, 2.jpg ({known})"
        )
    return _pictures(pictures, str(path), options)


def _pictures(files: list[Path], name: str, options: _Options) -> Source:
    reading = Reading()
    frames = read_folder(files, options.fps, reading, options.levels, fourth=options.fourth)
    return _file(Opened(frames, options.fps, len(files)), name, reading, options)


def _check_given(source: object, fps: object) -> None:
    if isinstance(source, bool) or not isinstance(source, (int, str, Path)):
        raise SourceError(f"source is {source!r}; expected a camera's index, a path or a URL")
    if isinstance(source, int) and source < 0:  # some builds of OpenCV crash on it
        raise SourceError(f"camera {source} cannot be opened; expected 0 for the first one, 1 for the next")
    if not is_finite(fps) or fps <= 0:
        raise SourceError(f"fps is {fps!r}; expected a positive number of frames per second")


def _check_levels(source: object, levels: object) -> None:
    if levels is None:
        return
    if not (
        isinstance(levels, tuple)
        and len(levels) == 2
        and all(map(is_finite, levels))
        and levels[0] != levels[1]
    ):
        raise SourceError(f"levels are {levels!r}; expected two different finite numbers, black and white")
    _check_folder(source, "levels", "16-bit images")


def _check_folder(source: object, option: str, pictures: str) -> None:
    path = None if isinstance(source, int) else Path(str(source))
    if path is None or not (path.is_dir() or is_pattern(path.name)):
        raise SourceError(f"{option} has no effect: {source} is not a folder of {pictures}; leave it out")


def _check_live(transport: object, give_up_s: object) -> None:
    if transport not in get_args(Transport):
        raise SourceError(f"transport is {transport!r}; expected 'tcp' or 'udp'")
    if give_up_s is not None and (not is_finite(give_up_s) or give_up_s < 0):
        raise SourceError(
            f"give_up_s is {give_up_s!r}; expected seconds, 0 or more, or None to reconnect forever"
        )


def _open_recording(path: Path, options: _Options) -> Source:
    from edgetrack.io.recording import Recording

    recording = Recording(path)
    return _file(Opened(recording.frames(), recording.fps, None), recording.name, recording.reading, options)
