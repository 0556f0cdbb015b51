"""A state on disk that keeps up with a model that learns for days."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from edgetrack.errors import SinkError
from edgetrack.events import Event
from edgetrack.io.sinks import Joint
from edgetrack.types import Frame, Track
from edgetrack.unusual.model import NormalModel

KEEP_S = 600.0  # between two times that the state is written while a model learns


class StateSink(Joint):
    """Writes the state of a model every ten minutes and at the end, so that a power cut costs minutes, not days.

    Args:
        model: which somebody else updates.
        path: the file.
        warn: called with a sentence when it cannot be written on the way, which is tried again; the end raises.
    """

    def __init__(self, model: NormalModel, path: Path, *, warn: Callable[[str], None]) -> None:
        self._model, self._path, self._warn = model, path, warn
        self._kept_s = time.monotonic()
        self._closed = False

    def write_all(
        self,
        frame: Frame,
        tracks: Mapping[str, Track],
        *,
        latencies_ms: Mapping[str, float],
        events: Sequence[Event] = (),
    ) -> None:
        self.keep()

    def keep(self) -> None:
        """Write the state if it is time to."""
        now_s = time.monotonic()
        if not self._model.learning or now_s - self._kept_s < KEEP_S:
            return
        self._kept_s = now_s
        try:
            self._model.save(self._path)
        except SinkError as error:
            self._warn(f"{error}; it is tried again in {KEEP_S / 60:.0f} minutes")

    def close(self) -> None:
        """Count what has not made a whole block, and write the state. May be called twice.

        Raises:
            SinkError: it cannot be written.
        """
        if self._closed:
            return
        self._closed = True
        self._model.finish()
        if self._model.learning:
            self._model.save(self._path)
