"""Input and output: everything that reads cameras and files, or writes files, streams and windows."""

from edgetrack.io.sinks import open_sink
from edgetrack.io.sources import open_source

__all__ = ["open_sink", "open_source"]
