"""Frames in, tracks out: everything that touches files, cameras and windows."""

from edgetrack.io.sinks import open_sink
from edgetrack.io.sources import open_source

__all__ = ["open_sink", "open_source"]
