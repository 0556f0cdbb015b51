"""Events of objects, zones, lines and rules."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from edgetrack.types import Box

EventType = Literal[
    "appeared", "lost", "back", "ended", "count", "enters", "leaves", "dwells", "crosses", "alert"
]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a frame to a track, a query, a zone or a line; or the alert of a rule.

    Attributes:
        type: What happened.
        index: Number of the frame, as ``Track.index``.
        time_s: Time of the frame in seconds, if it was given.
        query: Name of the query that found the track, if any.
        name: Name of the track; empty for "count".
        id: Number of the track.
        zone: Name of the zone or the line.
        direction: Direction of "crosses".
        seconds: Time in the zone, for "dwells" and "leaves".
        count: Number of objects or crossings, for "count", "enters", "leaves" and "crosses".
        rule: Name or sentence of the rule, for "alert".
        ids: Ids of the tracks, for "alert".
        box: Box around these tracks, for "alert".
    """

    type: EventType
    """Of a track: "appeared", "lost", "back" (found again), "ended" (its id is not used again). Of a query: "count".
    Of a zone: "enters", "leaves", "dwells". Of a line: "crosses". Of a rule that has become true: "alert"."""
    index: int
    """Frames since the tracker's first frame, which is frame 0."""
    time_s: float | None = None
    """Time of the frame in seconds; None if none was given."""
    query: str | None = None
    """Name of the query; None for a named target."""
    name: str = ""
    """Name of the track, such as "red car #3"; empty for "count"."""
    id: int | None = None
    """``Track.id``; None for "count"."""
    zone: str | None = None
    """Name of the zone or the line; None for events of tracks and queries."""
    direction: str | None = None
    """For "crosses": one of the line's two ``directions``."""
    seconds: float | None = None
    """For "dwells" and "leaves": how long the track has been in the zone."""
    count: int | None = None
    """Of "count": tracks in view. Of "enters" and "leaves": tracks in the zone now. Of "crosses": crossings of the line
    in this direction so far."""
    rule: str | None = None
    """For "alert": the name of the rule or, without one, its sentence."""
    ids: tuple[int, ...] = ()
    """For "alert": ``Track.id`` of each object involved; empty for counts and absent objects."""
    box: Box | None = None
    """For "alert": the smallest box around the last positions of these objects."""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields that are not None as JSON types."""
        return {key: value for key, value in asdict(self).items() if value not in (None, "", ())}


def counted(count: int, noun: str) -> str:
    """Return a number of things in words: ``1 alert``, ``2 alerts``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
