"""LiteTrack-B on ONNX Runtime: works like UVLTrack, with a network that drops search tokens in its layers."""

from __future__ import annotations

from pathlib import Path

from edgetrack.peers import uvltrack

NAME = "litetrack"


class Published(uvltrack.Published):
    """Opens the output of ``edgetrack export litetrack`` for a checkpoint of ``edgetrack train``."""

    def open(self, folder: Path, *, threads: int, precision: str = "fp32") -> uvltrack.UVLTracker:
        """Open the tracker with the graphs in ``folder``."""
        return uvltrack.UVLTracker(folder, threads=threads, precision=precision, name=NAME)
