"""Checks that a command overwrites neither its inputs nor its other outputs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from edgetrack.errors import ConfigError

STDIO = "-"


def check_overwrites(written: Iterable[Path | None], read: Iterable[str | Path | None]) -> None:
    """Refuse outputs that would overwrite an input or another output; None stands for an option that is not given.

    A folder of images and a pattern such as ``%05d.png`` stand for the files that exist there.

    Raises:
        ConfigError: Two names lead to one file.
    """
    sources = [(str(one), _files(Path(one))) for one in read if one is not None and str(one) != STDIO]
    seen: set[object] = set()
    for path in (path for path in written if path is not None):
        mine = _files(path)
        if seen & mine:
            raise ConfigError(f"output {path} is given twice; give each output its own name")
        for name, files in sources:
            if files & mine:
                raise ConfigError(
                    f"output {path} would overwrite {name}, which the run reads; give the output another name"
                )
        seen |= mine


def check_files(written: Mapping[str, Path | None], read: Iterable[str | Path | None]) -> None:
    """Do the same for files that are written at the end, by option, and check that they can be written.

    Raises:
        ConfigError: Two names lead to one file.
        SinkError: One cannot be written.
    """
    from edgetrack.io.files import check_place

    check_overwrites(written.values(), read)
    for option, path in written.items():
        if path is not None:
            check_place(path, option=option)


def _files(path: Path) -> set[object]:
    """Return identities of the files that a path stands for."""
    from edgetrack.io.pictures import is_pattern, is_picture, matching

    found: Sequence[Path] = []
    try:
        if path.is_dir():
            found = [file for file in path.iterdir() if is_picture(file)]
        elif is_pattern(path.name) and path.parent.is_dir():
            found = matching(path)
    except (OSError, ValueError):  # opening it will report the error
        return {str(path)}
    names = [file.name for file in found] or [path.name]
    folder = _identity(found[0].parent if found else path.parent)
    return {_identity(path), *((folder, name) for name in names)}


def _identity(path: Path) -> object:
    """Return the same value for two names of one file."""
    try:
        state = path.stat()
    except (OSError, ValueError):
        return os.path.realpath(path) if "\0" not in str(path) else str(path)
    return state.st_dev, state.st_ino
