"""What happens to targets: "appeared", "lost", "back". They have no events of their own, as objects of queries do."""

from __future__ import annotations

from collections.abc import Iterable

from edgetrack.events import Event, EventType
from edgetrack.types import Track


class TargetEvents:
    """Follows the targets of a run from frame to frame."""

    def __init__(self) -> None:
        self._seen: dict[int, bool] = {}  # by id: whether it was in view when it was last certain

    def events(self, tracks: Iterable[Track]) -> list[Event]:
        """Return what has happened to them in this frame; tracks of queries are left out."""
        return [
            Event(kind, track.index, track.time_s, None, track.name, track.id)
            for track in tracks
            if track.query is None and (kind := self._change(track)) is not None
        ]

    def _change(self, track: Track) -> EventType | None:
        seen = self._seen.get(track.id)
        if track.status == "tracking" and not seen:
            self._seen[track.id] = True
            return "appeared" if seen is None else "back"
        if track.status == "lost" and seen:
            self._seen[track.id] = False
            return "lost"
        return None
