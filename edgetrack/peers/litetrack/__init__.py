"""LiteTrack-B on ONNX Runtime: follows as UVLTrack does, with a network that drops search tokens on its way."""

from __future__ import annotations

from pathlib import Path

from edgetrack.peers import uvltrack

NAME = "litetrack"


class Published(uvltrack.Published):
    """Opens what ``edgetrack export litetrack`` wrote of a checkpoint that ``edgetrack train`` wrote."""

    def open(self, folder: Path, *, threads: int, precision: str = "fp32") -> uvltrack.UVLTracker:
        """The tracker on the graphs in ``folder``."""
        return uvltrack.UVLTracker(folder, threads=threads, precision=precision, name=NAME)
