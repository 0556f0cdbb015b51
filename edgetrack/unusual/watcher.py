"""Alerts for unusual events, in the same form as those of rules."""

from __future__ import annotations

from collections.abc import Mapping

from edgetrack.events import Event, counted
from edgetrack.types import Frame, Track
from edgetrack.unusual.alarms import Alarms
from edgetrack.unusual.model import NormalModel


class UnusualWatcher:
    """Raises an alert when a model of normal finds something unusual; has the interface of a ``Watcher``.

    Args:
        model: the model, which continues to learn.
        per_day: rate of false alarms per day for its threshold.

    Raises:
        ConfigError: ``per_day`` is not a number above 0.
    """

    def __init__(self, model: NormalModel, *, per_day: float = 1.0) -> None:
        self.model, self._per_day = model, per_day
        self._alarms, self._count, self._blocks = Alarms(), 0, -1
        self._limit = model.threshold(per_day=per_day).score

    @property
    def summary(self) -> dict[str, str]:
        """The number of alerts, in words."""
        return {"unusual": counted(self._count, "alert")}

    def update(self, tracks: Mapping[str, Track], frame: Frame) -> tuple[Event, ...]:
        """Process the tracks of the next frame.

        Args:
            tracks: By name, as ``MultiTracker.update`` returns them.
            frame: The frame that they were found in.

        Returns:
            An "alert" whose ``rule`` describes the unusual event, in the frame in which it begins.
        """
        if self._blocks != self.model.calibration.blocks:
            self._blocks = self.model.calibration.blocks
            self._limit = self.model.threshold(per_day=self._per_day).score
        began, _ = self._alarms.update(self.model.update(frame, tracks.values()), self._limit)
        if began is None:
            return ()
        self._count += 1
        said = f"unusual: {began.region.explanation}"
        return (Event("alert", frame.index, frame.time_s, rule=said, box=began.region.box),)
