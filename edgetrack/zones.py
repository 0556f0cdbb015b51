"""Zones and lines in the image: objects that enter, leave, dwell and cross."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edgetrack.errors import ConfigError
from edgetrack.events import Event, EventType
from edgetrack.types import Frame, Track
from edgetrack.zone_shapes import Line, Side, Zone, anchor_of

INERTIA = 3  # frames in a row that a track must be inside or outside of a zone before it counts


_NOBODY = Track(None, 0.0, "searching", 0)


@dataclass(slots=True)
class _Stay:
    """The state of one track in one zone."""

    track: Track = _NOBODY  # its last state
    inside: bool = False
    against: int = 0  # frames in a row with the other state
    since_s: float = 0.0
    dwelled: bool = False


@dataclass(slots=True)
class _Now:
    """A frame and its events."""

    index: int
    time_s: float
    size: tuple[int, int]
    events: list[Event] = field(default_factory=list)

    def tell(
        self,
        kind: EventType,
        track: Track,
        zone: str,
        *,
        direction: str | None = None,
        seconds: float | None = None,
        count: int | None = None,
    ) -> None:
        self.events.append(
            Event(
                kind,
                self.index,
                self.time_s,
                track.query,
                track.name,
                track.id,
                zone,
                direction,
                seconds,
                count,
            )
        )


class Zones:
    """Zones and lines, with the tracks inside.

    A track counts while it is "tracking". An "uncertain" one keeps its state; one without a box has left.

    Args:
        zones: The zones.
        lines: The lines; no two zones or lines may share a name.

    Raises:
        ConfigError: Two zones or lines have the same name.

    Examples:
        >>> zones = edgetrack.Zones.read("zones.toml")  # doctest: +SKIP
        >>> tracks = many.update(frame)  # doctest: +SKIP
        >>> for event in zones.update(tracks, frame):  # doctest: +SKIP
        ...     print(event.zone, event.type, event.name)
    """

    def __init__(self, zones: tuple[Zone, ...] = (), lines: tuple[Line, ...] = ()) -> None:
        names = [zone.name for zone in zones] + [line.name for line in lines]
        for name in names:
            if names.count(name) > 1:
                raise ConfigError(f"two zones or lines have the name {name!r}; give each a different name")
        self.zones, self.lines = tuple(zones), tuple(lines)
        self._stays: dict[tuple[str, str], _Stay] = {}  # by zone and track
        self._sides: dict[tuple[str, str], Side] = {}  # by line and track: the last position
        self._inside = dict.fromkeys((zone.name for zone in self.zones), 0)
        self._crossed = {line.name: dict.fromkeys(line.directions, 0) for line in self.lines}

    @classmethod
    def read(cls, path: str | Path) -> Zones:
        """Read zones and lines from a TOML file.

        Raises:
            ConfigError: The file cannot be read or is invalid; the message contains the line.
        """
        from edgetrack.zone_file import read_zones

        return cls(*read_zones(Path(path)))

    @property
    def shapes(self) -> tuple[Zone | Line, ...]:
        """Return all zones, then all lines."""
        return (*self.zones, *self.lines)

    @property
    def counts(self) -> dict[str, int | dict[str, int]]:
        """Counts by name: tracks that are in a zone now; crossings of a line so far, by direction."""
        return {**self._inside, **{name: dict(ways) for name, ways in self._crossed.items()}}

    @property
    def summary(self) -> dict[str, str]:
        """``counts`` in words."""
        said = {}
        for name, count in self.counts.items():
            ways = {"inside": count} if isinstance(count, int) else count
            said[name] = ", ".join(f"{way} {number}" for way, number in ways.items())
        return said

    def update(self, tracks: Mapping[str, Track], frame: Frame) -> tuple[Event, ...]:
        """Process the tracks of the next frame.

        Args:
            tracks: By name, as ``MultiTracker.update`` returns them.
            frame: The frame that they were found in.

        Returns:
            The events "enters", "leaves", "dwells" and "crosses".
        """
        height, width = frame.pixels.shape[:2]
        now = _Now(frame.index, frame.time_s, (width, height))
        for track in tracks.values():
            for zone in self.zones:
                self._stay(zone, track, now)
            for line in self.lines:
                self._cross(line, track, now)
        self._forget({track.name for track in tracks.values()}, now)
        return tuple(now.events)

    def _stay(self, zone: Zone, track: Track, now: _Now) -> None:
        stay = self._stays.setdefault((zone.name, track.name), _Stay())
        stay.track = track
        if track.box is None:
            stay.against = 0
            if stay.inside:
                self._leave(zone.name, stay, now)
            return
        if track.status == "tracking":
            inside = zone.holds(anchor_of(track.box, zone.anchor), now.size)
            stay.against = stay.against + 1 if inside != stay.inside else 0
        if stay.against >= INERTIA:
            stay.against = 0
            if stay.inside:
                self._leave(zone.name, stay, now)
            else:
                self._enter(zone.name, stay, now)
        seconds = now.time_s - stay.since_s
        if stay.inside and not stay.dwelled and zone.dwell_s is not None and seconds >= zone.dwell_s:
            stay.dwelled = True
            now.tell("dwells", track, zone.name, seconds=seconds)

    def _enter(self, zone: str, stay: _Stay, now: _Now) -> None:
        stay.inside, stay.since_s, stay.dwelled = True, now.time_s, False
        self._inside[zone] += 1
        now.tell("enters", stay.track, zone, count=self._inside[zone])

    def _leave(self, zone: str, stay: _Stay, now: _Now) -> None:
        stay.inside = False
        self._inside[zone] -= 1
        now.tell("leaves", stay.track, zone, seconds=now.time_s - stay.since_s, count=self._inside[zone])

    def _cross(self, line: Line, track: Track, now: _Now) -> None:
        key = (line.name, track.name)
        if track.box is None:
            self._sides.pop(key, None)
        if track.box is None or track.status != "tracking":
            return
        at = anchor_of(track.box, line.anchor)
        way, side = line.crossing(self._sides.get(key), at, track.box, now.size)
        if side is not None:
            self._sides[key] = side
        if way is None:
            return
        self._crossed[line.name][way] += 1
        now.tell("crosses", track, line.name, direction=way, count=self._crossed[line.name][way])

    def _forget(self, names: set[str], now: _Now) -> None:
        """Let tracks that no longer exist leave."""
        for key in [key for key in self._stays if key[1] not in names]:
            stay = self._stays.pop(key)
            if stay.inside:
                self._leave(key[0], stay, now)
        for key in [key for key in self._sides if key[1] not in names]:
            del self._sides[key]
