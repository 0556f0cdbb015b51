"""Names of the cameras of a run: given in front of the source, as in ``gate=rtsp://host/path``, or derived from it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from edgetrack.errors import ConfigError
from edgetrack.io.names import is_url, public_name

LONGEST = 64  # characters of a name that is derived
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_OTHERS = re.compile(r"[^A-Za-z0-9._-]+")


def is_name(name: str) -> bool:
    """Return whether a camera can have that name: letters, digits, ".", "_" and "-", but none of those three first."""
    return _NAME.fullmatch(name) is not None


def split_name(given: str) -> tuple[str | None, str]:
    """Split ``NAME=SOURCE``; the name is None if there is none, as in an address or a path that contains "=".

    A name has only letters, digits, ".", "_" and "-". A path is taken as such if it exists, or if its folder does.
    """
    name, equals, source = given.partition("=")
    if not equals or not is_name(name) or _is_path(given):
        return None, given
    return name, source


def name_cameras(given: Sequence[str]) -> dict[str, str]:
    """Return the sources by the names of their cameras.

    Raises:
        ConfigError: Two have the same name, or there is a name without a source.
    """
    found: dict[str, str] = {}
    split = [split_name(one) for one in given]
    taken = {name for name, _ in split if name is not None}
    for name, source in split:
        if not source:
            raise ConfigError(f"--source {name}= has no source; expected one such as {name}=rtsp://host/path")
        if name in found:
            raise ConfigError(
                f"the camera {name!r} is given twice; give each camera its own name: NAME=SOURCE"
            )
        found[name or _free(_derived(source), taken | found.keys())] = source
    return found


def _derived(source: str) -> str:
    """Return a short name without secrets: that of a file, or an address without its scheme and its settings."""
    if source.isdecimal():
        return f"camera-{source}"
    if source.startswith("gst:"):
        return "gst"
    shown = public_name(source).partition("?")[0]
    shown = shown.partition("://")[2] if is_url(source) else Path(shown).stem
    return _OTHERS.sub("-", shown).strip("-._")[:LONGEST] or "camera"


def _free(name: str, taken: set[str]) -> str:
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    return free


def _is_path(given: str) -> bool:
    path = Path(given)
    try:
        return path.exists() or (path.parent != Path() and path.parent.is_dir())
    except (OSError, ValueError):  # a name that the system cannot have
        return False
