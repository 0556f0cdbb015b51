"""Masks as palette PNG files, as in DAVIS, one for each frame."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgetrack.errors import SinkError
from edgetrack.events import Event
from edgetrack.io.files import OutputFile
from edgetrack.io.pictures import is_pattern, numbered
from edgetrack.io.sinks import Closing
from edgetrack.types import Frame, Track


class MaskPngSink(Closing):
    """Writes a palette PNG for each frame, as in DAVIS: 0 is background, 1 the first target, 2 the second.

    Args:
        pattern: Name of the files, with a placeholder such as ``%05d`` for the frame's number.

    Raises:
        SinkError: The folder does not exist, or the pattern has no number.
    """

    def __init__(self, pattern: str | Path) -> None:
        self._pattern = Path(pattern)
        if not is_pattern(self._pattern.name):
            raise SinkError(
                f"output {pattern} has no placeholder for the frame number; expected a name such as "
                "masks/%05d.png"
            )
        if not self._pattern.parent.is_dir():
            raise SinkError(
                f"output {pattern} cannot be written: folder {self._pattern.parent} does not exist"
            )

    def write(self, frame: Frame, track: Track, *, latency_ms: float) -> None:
        self._write(frame, [track])

    def write_all(
        self,
        frame: Frame,
        tracks: Mapping[str, Track],
        *,
        latencies_ms: Mapping[str, float],
        events: Sequence[Event] = (),
    ) -> None:
        self._write(frame, [track for track in tracks.values() if track.query is None])

    def _write(self, frame: Frame, tracks: Sequence[Track]) -> None:
        path = self._pattern.with_name(numbered(self._pattern.name, frame.index))
        with closing(OutputFile(path)) as file:
            file.append(palette_png(labels_of(frame, tracks)))

    def close(self) -> None:
        """Do nothing: no file is open between two frames."""


def labels_of(frame: Frame, tracks: Sequence[Track]) -> NDArray[np.uint8]:
    """Return the number of the target at each pixel (H, W), from 1 in the order of ``tracks``; 0 is background."""
    labels = np.zeros(frame.pixels.shape[:2], np.uint8)
    for number, track in enumerate(tracks, 1):
        if track.mask is not None:
            x, y, w, h = track.mask.box
            labels[y : y + h, x : x + w][track.mask.bits] = min(number, 254)
    return labels


def palette_png(labels: NDArray[np.uint8]) -> bytes:
    """Encode labels (H, W) as a PNG with the color map of PASCAL VOC and DAVIS."""
    height, width = labels.shape
    rows = np.zeros((height, width + 1), np.uint8)  # each row begins with its filter type: none
    rows[:, 1:] = labels
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = (
        (b"IHDR", header),
        (b"PLTE", _palette()),
        (b"IDAT", zlib.compress(rows.tobytes(), 6)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def voc_color(number: int) -> tuple[int, int, int]:
    """Return red, green and blue of an object in the color map of PASCAL VOC and DAVIS.

    Each group of three bits of the number sets one bit of red, green and blue, from the highest bit down.
    """
    red, green, blue = (
        sum((number >> (3 * bit + channel) & 1) << (7 - bit) for bit in range(8)) for channel in range(3)
    )
    return red, green, blue


def _palette() -> bytes:
    return bytes(value for number in range(256) for value in voc_color(number))
