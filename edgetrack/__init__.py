"""Track the object that a sentence or a box names, on the device.

>>> import edgetrack
>>> for frame, track in edgetrack.track("drive.mp4", text="red car"):  # doctest: +SKIP
...     print(track.index, track.status, track.box)

With frames of your own:

>>> tracker = edgetrack.Tracker()  # doctest: +SKIP
>>> track = tracker.start(frame, text="red car")  # doctest: +SKIP
>>> track = tracker.update(next_frame)  # doctest: +SKIP

Names are loaded on first use (PEP 562), so ``import edgetrack`` is fast. Log records go to the logger "edgetrack".
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgetrack.bundle import Bundle
    from edgetrack.errors import (
        AdapterError,
        BoxError,
        BundleError,
        ClosedError,
        ConfigError,
        DatasetError,
        EdgetrackError,
        EngineUnavailable,
        ExportError,
        FrameError,
        MissingExtra,
        NotCopyableError,
        NotStartedError,
        OutOfMemoryError,
        ParityError,
        PromptError,
        PromptWarning,
        ReaderGone,
        SinkError,
        SourceError,
        StateError,
        WorkerError,
    )
    from edgetrack.events import Event
    from edgetrack.following import track
    from edgetrack.io import open_sink, open_source
    from edgetrack.logits import MaskLogits
    from edgetrack.mask import Mask
    from edgetrack.multi_tracker import MultiTracker
    from edgetrack.parsing import ParsedText, parse
    from edgetrack.peers.tracker import open_tracker
    from edgetrack.query import Query
    from edgetrack.sensor import sensor_picture
    from edgetrack.timing import Timing
    from edgetrack.tracker import Tracker
    from edgetrack.types import Box, Candidate, Frame, Track
    from edgetrack.watching.rule import Rule
    from edgetrack.watching.watcher import Watcher
    from edgetrack.zone_shapes import Line, Zone
    from edgetrack.zones import Zones

    __version__: str

__all__ = [
    "AdapterError",
    "Box",
    "BoxError",
    "Bundle",
    "BundleError",
    "Candidate",
    "ClosedError",
    "ConfigError",
    "DatasetError",
    "EdgetrackError",
    "EngineUnavailable",
    "Event",
    "ExportError",
    "Frame",
    "FrameError",
    "Line",
    "Mask",
    "MaskLogits",
    "MissingExtra",
    "MultiTracker",
    "NotCopyableError",
    "NotStartedError",
    "OutOfMemoryError",
    "ParityError",
    "ParsedText",
    "PromptError",
    "PromptWarning",
    "Query",
    "ReaderGone",
    "Rule",
    "SinkError",
    "SourceError",
    "StateError",
    "Timing",
    "Track",
    "Tracker",
    "Watcher",
    "WorkerError",
    "Zone",
    "Zones",
    "__version__",
    "open_sink",
    "open_source",
    "open_tracker",
    "parse",
    "sensor_picture",
    "track",
]

_HOMES = {
    "AdapterError": "edgetrack.errors",
    "Box": "edgetrack.types",
    "BoxError": "edgetrack.errors",
    "Bundle": "edgetrack.bundle",
    "BundleError": "edgetrack.errors",
    "Candidate": "edgetrack.types",
    "ClosedError": "edgetrack.errors",
    "ConfigError": "edgetrack.errors",
    "DatasetError": "edgetrack.errors",
    "EdgetrackError": "edgetrack.errors",
    "EngineUnavailable": "edgetrack.errors",
    "Event": "edgetrack.events",
    "ExportError": "edgetrack.errors",
    "Frame": "edgetrack.types",
    "FrameError": "edgetrack.errors",
    "Line": "edgetrack.zone_shapes",
    "Mask": "edgetrack.mask",
    "MaskLogits": "edgetrack.logits",
    "MissingExtra": "edgetrack.errors",
    "MultiTracker": "edgetrack.multi_tracker",
    "NotCopyableError": "edgetrack.errors",
    "NotStartedError": "edgetrack.errors",
    "OutOfMemoryError": "edgetrack.errors",
    "ParityError": "edgetrack.errors",
    "ParsedText": "edgetrack.parsing",
    "PromptError": "edgetrack.errors",
    "PromptWarning": "edgetrack.errors",
    "Query": "edgetrack.query",
    "ReaderGone": "edgetrack.errors",
    "Rule": "edgetrack.watching.rule",
    "SinkError": "edgetrack.errors",
    "SourceError": "edgetrack.errors",
    "StateError": "edgetrack.errors",
    "Timing": "edgetrack.timing",
    "Track": "edgetrack.types",
    "Tracker": "edgetrack.tracker",
    "Watcher": "edgetrack.watching.watcher",
    "WorkerError": "edgetrack.errors",
    "Zone": "edgetrack.zone_shapes",
    "Zones": "edgetrack.zones",
    "open_sink": "edgetrack.io",
    "open_source": "edgetrack.io",
    "open_tracker": "edgetrack.peers.tracker",
    "parse": "edgetrack.parsing",
    "sensor_picture": "edgetrack.sensor",
    "track": "edgetrack.following",
}

logging.getLogger("edgetrack").addHandler(logging.NullHandler())  # the program decides what is shown


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
