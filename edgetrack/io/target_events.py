"""Events of targets: "appeared", "lost", "back". Unlike objects of queries, targets have no events of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from edgetrack.events import Event, EventType
from edgetrack.io.sinks import Joint, Sink
from edgetrack.types import Frame, Track


class TargetEvents:
    """Follows the targets of a run from frame to frame."""

    def __init__(self) -> None:
        self._seen: dict[int, bool] = {}  # by id: whether it was in view when it was last certain

    def events(self, tracks: Iterable[Track]) -> list[Event]:
        """Return the events of this frame; tracks of queries are ignored."""
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


class WithTargetEvents(Joint):
    """Passes everything on to another sink, and adds the events of targets to those of queries.

    Put it in front of a threaded sink, which drops frames if it cannot keep up, but never events.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink, self._targets = sink, TargetEvents()

    @property
    def dropped(self) -> int:
        """Number of frames that the sink has dropped."""
        return int(getattr(self._sink, "dropped", 0))

    @property
    def notes(self) -> Sequence[str]:
        """Notes of the sink for the summary."""
        return tuple(getattr(self._sink, "notes", ()))

    def write_all(
        self,
        frame: Frame,
        tracks: Mapping[str, Track],
        *,
        latencies_ms: Mapping[str, float],
        events: Sequence[Event] = (),
    ) -> None:
        more = self._targets.events(tracks.values())
        self._sink.write_all(frame, tracks, latencies_ms=latencies_ms, events=(*events, *more))

    def close(self) -> None:
        self._sink.close()
