"""Parses how sources are named: an index, a path, a pattern or an address, with settings after a question mark."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

from edgetrack.errors import SourceError

KEYS = ("size", "fps", "format")
_SIZE = re.compile(r"([1-9]\d{0,4})x([1-9]\d{0,4})", re.IGNORECASE)
_CODE = re.compile(r"[A-Za-z0-9 ]{4}")


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings requested from a camera; None for its default.

    Attributes:
        size: width and height in pixels.
        fps: frames per second.
        code: four letters of the pixel format, such as "MJPG".
    """

    size: tuple[int, int] | None = None
    fps: float | None = None
    code: str | None = None

    def __bool__(self) -> bool:
        return self != Settings()


def split_settings(source: str) -> tuple[str, Settings]:
    """Split ``/dev/video0?size=1280x720&fps=30&format=MJPG`` into the device and its settings.

    Raises:
        SourceError: a setting is unknown or invalid.
    """
    place, _, query = source.partition("?")
    values: dict[str, str] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key not in KEYS or key in values:
            what = "given twice" if key in values else "unknown"
            raise SourceError(
                f"setting {key!r} of {source!r} is {what}; expected size, fps and format, "
                f"as in {place}?size=1280x720&fps=30&format=MJPG"
            )
        values[key] = value
    return place, Settings(
        parse_size(values["size"], "size") if "size" in values else None,
        _fps(values["fps"]) if "fps" in values else None,
        _code(values["format"]) if "format" in values else None,
    )


def parse_size(text: str, name: str) -> tuple[int, int]:
    """Parse a size such as ``1280x720`` to width and height; ``name`` is its name in the error.

    Raises:
        SourceError: the text is not a size.
    """
    found = _SIZE.fullmatch(text)
    if not found:
        raise SourceError(f"{name} is {text!r}; expected WIDTHxHEIGHT in pixels, as in 1280x720")
    return int(found[1]), int(found[2])


def _fps(text: str) -> float:
    try:
        fps = float(text)
    except ValueError:
        fps = 0.0
    if not 0 < fps <= 1000:
        raise SourceError(f"fps is {text!r}; expected a number of frames per second, as in 30")
    return fps


def _code(text: str) -> str:
    if not _CODE.fullmatch(text):
        raise SourceError(
            f"format is {text!r}; expected the four letters of a pixel format, as in MJPG or YUYV"
        )
    return text.upper()
