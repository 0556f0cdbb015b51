"""The outputs of a run, checked before anything is opened."""

from __future__ import annotations

import os
from pathlib import Path

from edgetrack.errors import ConfigError


def distinct(outputs: list[Path], source: str | None) -> list[Path]:
    """Return the outputs, if none overwrites another or the source."""
    seen: set[object] = set()
    for path in outputs:
        identity = _identity(path)
        if identity in seen:
            raise ConfigError(f"output {path} is given twice; give each output its own name")
        if source is not None and identity == _identity(Path(source)):
            raise ConfigError(f"output {path} is the source itself; give the output another name")
        seen.add(identity)
    return outputs


def _identity(path: Path) -> object:
    """Return the same for two names of one file."""
    try:
        found = path.stat()
    except (OSError, ValueError):  # what is wrong with it, says whoever opens it
        return os.path.realpath(path)
    return found.st_dev, found.st_ino
