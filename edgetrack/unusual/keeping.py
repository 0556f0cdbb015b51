"""Saves the state of a model regularly while it learns."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from edgetrack.errors import SinkError
from edgetrack.events import Event
from edgetrack.io.sinks import Joint
from edgetrack.types import Frame, Track
from edgetrack.unusual.model import NormalModel

KEEP_S = 600.0  # interval at which the state of a learning model is saved


class StateSink(Joint):
    """Saves a model every ten minutes and at the end, so that a power failure costs minutes, not days.

    Args:
        model: the model, which is updated elsewhere.
        path: the file.
        warn: called with a message if a save during the run fails, which is repeated; a failure at the end raises.
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
        """Save the state if the interval has passed."""
        now_s = time.monotonic()
        if not self._model.learning or now_s - self._kept_s < KEEP_S:
            return
        self._kept_s = now_s
        try:
            self._model.save(self._path)
        except SinkError as error:
            self._warn(f"{error}; the next attempt is in {KEEP_S / 60:.0f} minutes")

    def close(self) -> None:
        """Complete the last block and save the state. May be called twice.

        Raises:
            SinkError: the state cannot be written.
        """
        if self._closed:
            return
        self._closed = True
        self._model.finish()
        if self._model.learning:
            self._model.save(self._path)
