"""Finds the cameras of this machine, and why one of them cannot be opened."""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgetrack import targets
from edgetrack.errors import EdgetrackError
from edgetrack.io.pictures import natural
from edgetrack.io.source import Source
from edgetrack.io.sources import open_source

# linux/videodev2.h: struct v4l2_capability, its ioctl, and capability flags.
_CAPABILITY = struct.Struct("16s32s32sIII12x")
_QUERYCAP = 0x80685600
_CAPTURES = 0x00000001 | 0x00001000  # V4L2_CAP_VIDEO_CAPTURE, ..._MPLANE
_DEVICE_CAPS = 0x80000000
_WHY = {
    errno.EACCES: "no permission; run: sudo usermod -aG video $USER, and log in again",
    errno.EPERM: "no permission; run: sudo usermod -aG video $USER, and log in again",
    errno.EBUSY: "another program uses it; run: fuser -v {device}",
    errno.ENODEV: "its driver has lost the device; plug it in again",
    errno.ENXIO: "its driver has lost the device; plug it in again",
}


@dataclass(frozen=True, slots=True)
class FoundCamera:
    """A camera of this machine.

    Attributes:
        source: its name for ``open_source`` and ``--source``.
        title: its name according to the driver.
        ready: whether it delivered a frame.
        said: its size and frame rate, or why it cannot be used and how to fix that.
    """

    source: str
    title: str
    ready: bool
    said: str


def find_cameras(
    *,
    root: Path = Path("/"),
    opened: Callable[[str], Source] = lambda source: open_source(source, give_up_s=0),
) -> list[FoundCamera]:
    """Return every video device and CSI camera; each is opened to check whether it delivers a frame.

    Args:
        root: root of the file system with the devices; a different one in tests.
        opened: function that opens a source.
    """
    devices = sorted((root / "dev").glob("video*"), key=lambda path: natural(path.name))
    found = [_device(path, root, opened) for path in devices]
    if targets.detect(root=root).camera_pipeline is not None:
        found.append(_opened("csi://0", "CSI camera", opened))
    return found


def _device(path: Path, root: Path, opened: Callable[[str], Source]) -> FoundCamera:
    about = root / "sys/class/video4linux" / path.name / "name"
    try:
        title = about.read_text(errors="replace").strip()
    except OSError:
        title = "unknown"
    if why := _why_not(path):
        return FoundCamera(str(path), title, False, why)
    return _opened(str(path), title, opened)


def _why_not(path: Path) -> str:
    """Return why a device delivers no frames, as far as the system tells; otherwise ""."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    except OSError as error:
        return _WHY.get(error.errno or 0, f"it cannot be opened: {error.strerror}").format(device=path)
    try:
        captures = _captures(descriptor)
    finally:
        os.close(descriptor)
    return "" if captures else "it delivers no images (it is for metadata or output)"


def _captures(descriptor: int) -> bool:
    """Return whether a device captures video; True if the system does not tell."""
    try:
        import fcntl

        answer = fcntl.ioctl(descriptor, _QUERYCAP, bytes(_CAPABILITY.size))
    except (ImportError, OSError):
        return True
    *_, all_of_it, own = _CAPABILITY.unpack(answer)
    return bool((own if all_of_it & _DEVICE_CAPS else all_of_it) & _CAPTURES)


def _opened(source: str, title: str, opened: Callable[[str], Source]) -> FoundCamera:
    try:
        with opened(source) as camera:
            rate = f", {camera.fps:.4g} fps" if camera.fps else ""
            return FoundCamera(source, title, True, "{}x{}".format(*camera.size) + rate)
    except EdgetrackError as error:
        return FoundCamera(source, title, False, str(error))
