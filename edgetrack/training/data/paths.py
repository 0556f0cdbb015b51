"""The folders of the training data and of the caches."""

from __future__ import annotations

import os
from pathlib import Path

from edgetrack import cache
from edgetrack.errors import SourceError


def data_root(path: str | Path | None = None) -> Path:
    """Return the data folder: ``path``, else ``$EDGETRACK_DATA``.

    Raises:
        SourceError: Neither is given, or the folder has no ``train`` inside.
    """
    given = path or os.environ.get("EDGETRACK_DATA")
    if not given:
        raise SourceError(
            "no folder of training data is given; expected one with a folder 'train' inside: "
            "set EDGETRACK_DATA or pass the data folder"
        )
    if not (Path(given) / "train").is_dir():
        raise SourceError(
            f"{given} does not contain the folder 'train' with the training data; "
            "set EDGETRACK_DATA or pass the data folder"
        )
    return Path(given)


def cache_folder() -> Path:
    """Return the folder for files derived from training data, ``training`` in edgetrack's cache folder."""
    return cache.cache_folder() / "training"
