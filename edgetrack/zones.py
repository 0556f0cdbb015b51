"""Areas and lines in the picture: what enters them, leaves them, stays in them and crosses them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edgetrack.errors import ConfigError
from edgetrack.events import Event, EventType
from edgetrack.types import Box, Frame, Track

INERTIA = 3  # frames in a row that a track must be in an area, or out of it, until that counts
MARGIN = 0.05  # how far beyond a line a track must be to have crossed it, in sizes of its box

Point = tuple[float, float]
Side = tuple[float, Point]  # pixels to the right of a line, and the point itself


@dataclass(frozen=True, slots=True)
class Zone:
    """An area of the picture.

    Attributes:
        name: Name of the zone, for its events.
        points: Corners of the polygon, in order; at least 3.
        relative: Whether they are shares of the frame's width and height, 0..1, instead of pixels.
        anchor: Point of a box that counts: "bottom" (the middle of its lower edge) or "center".
        dwell_s: Seconds after which a track that stays "dwells"; None for never.
    """

    name: str
    points: tuple[Point, ...]
    relative: bool = True
    anchor: str = "bottom"
    dwell_s: float | None = None

    def holds(self, point: Point, size: tuple[int, int]) -> bool:
        """Whether it contains a point in pixels of a frame of (width, height), by the number of edges to its right."""
        x, y = point
        corners = scaled(self.points, self.relative, size)
        inside = False
        for (x1, y1), (x2, y2) in zip(corners, corners[1:] + corners[:1], strict=True):
            if (y1 > y) != (y2 > y) and x < x1 + (y - y1) / (y2 - y1) * (x2 - x1):
                inside = not inside
        return inside


@dataclass(frozen=True, slots=True)
class Line:
    """A line in the picture.

    Attributes:
        name: Name of the line, for its events.
        points: Its two ends.
        relative: As for ``Zone``.
        anchor: As for ``Zone``.
        directions: Names of crossing it from left to right, for somebody who walks from the first end to the second,
            and from right to left.
    """

    name: str
    points: tuple[Point, Point]
    relative: bool = True
    anchor: str = "bottom"
    directions: tuple[str, str] = ("in", "out")

    def crossing(
        self, before: Side | None, point: Point, box: Box, size: tuple[int, int]
    ) -> tuple[str | None, Side | None]:
        """Whether a box crosses it on the way to a point, in pixels of a frame of (width, height).

        Args:
            before: What the last call returned for this box that was not None; None for the first one.
            point: The point of the box that counts.
            box: The box, whose size says how far beyond the line it must be.
            size: Width and height of the frame.

        Returns:
            The direction, None if it does not cross; and where it is, None if it is too near the line to tell.
        """
        a, b = scaled(self.points, self.relative, size)
        side = _cross_product(a, b, point) / math.dist(a, b)  # pixels to the right of it, where y points down
        if abs(side) < MARGIN * math.sqrt(box.w * box.h):
            return None, None
        now = (side, point)
        if before is None or (before[0] > 0) == (side > 0) or not _meet(a, b, before[1], point):
            return None, now
        return self.directions[0 if side > 0 else 1], now


_NOBODY = Track(None, 0.0, "searching", 0)


@dataclass(slots=True)
class _Stay:
    """Of one track in one zone."""

    track: Track = _NOBODY  # as it was last
    inside: bool = False
    against: int = 0  # frames in a row that say otherwise
    since_s: float = 0.0
    dwelled: bool = False


@dataclass(slots=True)
class _Now:
    """A frame, and what happens in it."""

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
    """Zones and lines, and which tracks are where.

    A track counts while it is "tracking". One that is "uncertain" stays where it was; one without a box has left.

    Args:
        zones: The zones.
        lines: The lines; no two zones or lines may share a name.

    Raises:
        ConfigError: Two have the same name.

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
                raise ConfigError(f"there are two zones or lines {name!r}; give each a name of its own")
        self.zones, self.lines = tuple(zones), tuple(lines)
        self._stays: dict[tuple[str, str], _Stay] = {}  # by zone and track
        self._sides: dict[tuple[str, str], Side] = {}  # by line and track: where it was last
        self._inside = dict.fromkeys((zone.name for zone in self.zones), 0)
        self._crossed = {line.name: dict.fromkeys(line.directions, 0) for line in self.lines}

    @classmethod
    def read(cls, path: str | Path) -> Zones:
        """Read them from a TOML file.

        Raises:
            ConfigError: The file cannot be read or is not as documented; the message has the line.
        """
        from edgetrack.zone_file import read_zones

        return cls(*read_zones(Path(path)))

    @property
    def shapes(self) -> tuple[Zone | Line, ...]:
        """All zones, then all lines."""
        return (*self.zones, *self.lines)

    @property
    def counts(self) -> dict[str, int | dict[str, int]]:
        """By name: tracks that are in a zone now; crossings of a line so far, by direction."""
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
        """Take the tracks of the next frame into account.

        Args:
            tracks: By name, as ``MultiTracker.update`` returns them.
            frame: The frame that they were found in.

        Returns:
            What happened: "enters", "leaves", "dwells" and "crosses".
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
        """What has no track any more has left."""
        for key in [key for key in self._stays if key[1] not in names]:
            stay = self._stays.pop(key)
            if stay.inside:
                self._leave(key[0], stay, now)
        for key in [key for key in self._sides if key[1] not in names]:
            del self._sides[key]


def scaled(points: tuple[Point, ...], relative: bool, size: tuple[int, int]) -> list[Point]:
    """Points in pixels of a frame of (width, height)."""
    return [(x * size[0], y * size[1]) for x, y in points] if relative else list(points)


def anchor_of(box: Box, anchor: str) -> Point:
    """The point of a box that counts."""
    x, y = box.center
    return (x, box.y + box.h) if anchor == "bottom" else (x, y)


def _cross_product(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _meet(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Whether the segments a-b and c-d have a point in common, where c and d are not on the line through a and b."""
    return (
        _cross_product(c, d, a) * _cross_product(c, d, b)
        <= 0
        < -_cross_product(a, b, c) * _cross_product(a, b, d)
    )
