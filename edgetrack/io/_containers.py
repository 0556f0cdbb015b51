"""Detects truncated video files from the sizes in their containers.

Frame counts and durations in containers are estimates, or include frames that an edit list hides. The sizes of their
outermost parts are exact: a file that is shorter has lost its end.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

_UNKNOWN = (0, 0x7FFFFFFF, 0xFFFFFFFF)  # placeholders that recorders write before the size is known
_MATROSKA, _SEGMENT = b"\x1a\x45\xdf\xa3", 0x18538067


def bytes_missing(path: Path) -> int:
    """Return the minimum number of missing bytes; 0 if the file is complete, or its format does not tell."""
    if not path.is_file():  # a pipe has no known end
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
    """Walk over the outermost parts; ``part`` returns the length of one with its header, or None if unknown."""
    place = 0
    while place < size:
        file.seek(place)
        length = part(file)
        if not length:
            return 0
        place += length
    return place - size


def _box(file: BinaryIO) -> int | None:
    """Return the length of a box in MP4 or MOV. Only known types count, because some cameras append other data."""
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
    """Return the length of a chunk in AVI; files above 2 GB have several."""
    head = file.read(8)
    length = int.from_bytes(head[4:], "little")
    return None if head[:4] != b"RIFF" or length in _UNKNOWN else 8 + length


def _element(file: BinaryIO) -> int | None:
    """Return the length of an element in Matroska or WebM: a header and one segment, with no size if live."""
    identity, wide = _number(file, keep_marker=True)
    length, more = _number(file, keep_marker=False)
    if identity not in (int.from_bytes(_MATROSKA, "big"), _SEGMENT) or length == (1 << (7 * more)) - 1:
        return None
    return wide + more + length


def _number(file: BinaryIO, *, keep_marker: bool) -> tuple[int, int]:
    """Read a variable-length integer of EBML; return it and its number of bytes."""
    first = file.read(1)
    if not first or not first[0]:
        return 0, 1
    width = 9 - first[0].bit_length()
    value = first[0] if keep_marker else first[0] & ((1 << (8 - width)) - 1)
    return int.from_bytes(bytes([value]) + file.read(width - 1), "big"), width


def _flv(file: BinaryIO, size: int) -> int:
    """Return the missing bytes of an FLV: each tag ends with its length, so the last 4 bytes lead to the last tag."""
    if size < 32:
        return 0
    file.seek(size - 4)
    length = int.from_bytes(file.read(4), "big")
    if not 11 <= length <= size - 4:
        return 1
    file.seek(size - 4 - length)
    tag = file.read(4)
    return 0 if tag[0] & 0x1F in (8, 9, 18) and int.from_bytes(tag[1:], "big") + 11 == length else 1
