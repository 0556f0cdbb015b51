"""Where the training data and the caches lie."""

from __future__ import annotations

import os
from pathlib import Path

from edgetrack.errors import SourceError

_REPOSITORY = Path(__file__).resolve().parents[2]


def data_root(path: str | Path | None = None) -> Path:
    """The data folder: ``path``, else ``$EDGETRACK_DATA``, else ``../shared/data`` beside the repository.

    Raises:
        SourceError: the folder has no ``train`` inside.
    """
    root = Path(path or os.environ.get("EDGETRACK_DATA") or _REPOSITORY.parent / "shared" / "data")
    if not (root / "train").is_dir():
        raise SourceError(
            f"{root} has no folder 'train'; expected the training data there; "
            "set EDGETRACK_DATA or pass the data folder"
        )
    return root


def cache_folder() -> Path:
    """The folder for derived files, ``runs/cache`` in the repository (ignored by git)."""
    return _REPOSITORY / "runs" / "cache"
