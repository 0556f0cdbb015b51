"""Follow anything that you can describe, on the device.

>>> import edgetrack
>>> tracker = edgetrack.Tracker()  # doctest: +SKIP
>>> track = tracker.start(frame, text="red car")  # doctest: +SKIP
>>> track = tracker.update(next_frame)  # doctest: +SKIP

Names load on first use (PEP 562), so that ``import edgetrack`` stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgetrack.bundle import Bundle
    from edgetrack.errors import EdgetrackError
    from edgetrack.io import open_sink, open_source
    from edgetrack.multi_tracker import MultiTracker
    from edgetrack.peers.tracker import open_tracker
    from edgetrack.tracker import Tracker
    from edgetrack.types import Box, Frame, Track

    __version__: str

__all__ = [
    "Box",
    "Bundle",
    "EdgetrackError",
    "Frame",
    "MultiTracker",
    "Track",
    "Tracker",
    "__version__",
    "open_sink",
    "open_source",
    "open_tracker",
]

_HOMES = {
    "Box": "edgetrack.types",
    "Bundle": "edgetrack.bundle",
    "EdgetrackError": "edgetrack.errors",
    "Frame": "edgetrack.types",
    "MultiTracker": "edgetrack.multi_tracker",
    "Track": "edgetrack.types",
    "Tracker": "edgetrack.tracker",
    "open_sink": "edgetrack.io",
    "open_source": "edgetrack.io",
    "open_tracker": "edgetrack.peers.tracker",
}


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        value: object = version("edgetrack")
    elif name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module 'edgetrack' has no attribute {name!r}; it has {', '.join(__all__)}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
