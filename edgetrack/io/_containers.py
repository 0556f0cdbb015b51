"""Whether a video file ends where its container says that it does.

The counts and durations in containers are estimates, or count what an edit list hides; the sizes of their outermost
parts are not: a file that is shorter than those has lost its end.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

_UNKNOWN = (0, 0x7FFFFFFF, 0xFFFFFFFF)  # what recorders write where they will fill in the size later
_MATROSKA, _SEGMENT = b"\x1a\x45\xdf\xa3", 0x18538067


def bytes_missing(path: Path) -> int:
    """How many bytes the file lacks at the least; 0 where it is complete, or of a kind that does not tell."""
    if not path.is_file():  # a pipe has no end to look at
        return 0
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"styp"):
            return _past_end(file, size, _box)
        if head[:4] == b"RIFF":
            return _past_end(file, size, _chunk)
        if head[:4] == _MATROSKA:
            return _past_end(file, size, _element)
        if head[:3] == b"FLV":
            return _flv(file, size)
    return 0


def _past_end(file: BinaryIO, size: int, part: Callable[[BinaryIO], int | None]) -> int:
    """Goes over the outermost parts; ``part`` gives the length of each with its header, None where it cannot."""
    place = 0
    while place < size:
        file.seek(place)
        length = part(file)
        if not length:
            return 0
        place += length
    return place - size


def _box(file: BinaryIO) -> int | None:
    """Of MP4 and MOV. Only boxes that must be whole are believed: some cameras append what is no box."""
    head = file.read(16)
    length = int.from_bytes(head[:4], "big")
    if length == 1 and len(head) == 16:
        length = int.from_bytes(head[8:16], "big")
    known = (
        b"ftyp",
        b"styp",
        b"moov",
        b"moof",
        b"mdat",
        b"free",
        b"skip",
        b"wide",
        b"uuid",
        b"sidx",
        b"mfra",
    )
    return length if head[4:8] in known and length >= 8 else None


def _chunk(file: BinaryIO) -> int | None:
    """Of AVI, which from 2 GB on is several of them."""
    head = file.read(8)
    length = int.from_bytes(head[4:], "little")
    return None if head[:4] != b"RIFF" or length in _UNKNOWN else 8 + length


def _element(file: BinaryIO) -> int | None:
    """Of Matroska and WebM: the header, then the one segment, whose size a live recorder leaves open."""
    identity, wide = _number(file, keep_marker=True)
    length, more = _number(file, keep_marker=False)
    if identity not in (int.from_bytes(_MATROSKA, "big"), _SEGMENT) or length == (1 << (7 * more)) - 1:
        return None
    return wide + more + length


def _number(file: BinaryIO, *, keep_marker: bool) -> tuple[int, int]:
    """EBML's variable-length integer, and how many bytes it took."""
    first = file.read(1)
    if not first or not first[0]:
        return 0, 1
    width = 9 - first[0].bit_length()
    value = first[0] if keep_marker else first[0] & ((1 << (8 - width)) - 1)
    return int.from_bytes(bytes([value]) + file.read(width - 1), "big"), width


def _flv(file: BinaryIO, size: int) -> int:
    """Each tag ends in its length; the last four bytes lead back to the beginning of the last one."""
    if size < 32:
        return 0
    file.seek(size - 4)
    length = int.from_bytes(file.read(4), "big")
    if not 11 <= length <= size - 4:
        return 1
    file.seek(size - 4 - length)
    tag = file.read(4)
    return 0 if tag[0] & 0x1F in (8, 9, 18) and int.from_bytes(tag[1:], "big") + 11 == length else 1
