"""The cache folder, for files that can be recreated: TensorRT plans, files derived from training data."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return ``$EDGETRACK_CACHE``, or ``edgetrack`` in the user's cache folder (XDG Base Directory Specification)."""
    own = os.environ.get("EDGETRACK_CACHE")
    return (
        Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edgetrack"
    )
