"""Zones and lines, and the checks of their values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple

from edgetrack.errors import ConfigError
from edgetrack.finite import is_finite
from edgetrack.types import Box

MARGIN = 0.05  # how far beyond a line a track must be to have crossed it, in sizes of its box
ANCHORS = ("bottom", "center")
LARGEST = 1e9  # of a coordinate or a time; far beyond any frame

Point = tuple[float, float]
Side = tuple[float, Point]  # pixels to the right of a line, and the point itself


class Fault(NamedTuple):
    """An invalid value of a zone or line: its key, the problem, and what was expected."""

    key: str
    what: str
    expected: str


@dataclass(frozen=True, slots=True)
class Zone:
    """An area of the picture.

    Attributes:
        name: Name of the zone, for its events.
        points: Corners of the polygon, in order; at least 3.
        relative: Whether they are fractions of the frame's width and height, 0..1, instead of pixels.
        anchor: Point of a box that counts: "bottom" (the middle of its lower edge) or "center".
        dwell_s: Seconds inside after which a track "dwells"; None for never.

    Raises:
        ConfigError: A value is none of these, a corner is outside of the frame, or edges cross.
    """

    name: str
    points: tuple[Point, ...]
    relative: bool = True
    anchor: str = "bottom"
    dwell_s: float | None = None

    def __post_init__(self) -> None:
        _refuse("zone", fault_of_zone(self.name, self.points, self.relative, self.anchor, self.dwell_s))

    def holds(self, point: Point, size: tuple[int, int]) -> bool:
        """Return whether it contains a point in pixels of a frame of (width, height): count the edges to its right."""
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

    Raises:
        ConfigError: A value is none of these, or an end is outside of the frame.
    """

    name: str
    points: tuple[Point, Point]
    relative: bool = True
    anchor: str = "bottom"
    directions: tuple[str, str] = ("in", "out")

    def __post_init__(self) -> None:
        _refuse("line", fault_of_line(self.name, self.points, self.relative, self.anchor, self.directions))

    def crossing(
        self, before: Side | None, point: Point, box: Box, size: tuple[int, int]
    ) -> tuple[str | None, Side | None]:
        """Return whether a box crosses it on the way to a point, in pixels of a frame of (width, height).

        Args:
            before: The last position other than None that was returned for this box; None at first.
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


def scaled(points: tuple[Point, ...], relative: bool, size: tuple[int, int]) -> list[Point]:
    """Return the points in pixels of a frame of (width, height)."""
    return [(x * size[0], y * size[1]) for x, y in points] if relative else list(points)


def anchor_of(box: Box, anchor: str) -> Point:
    """Return the point of a box that counts."""
    x, y = box.center
    return (x, box.y + box.h) if anchor == "bottom" else (x, y)


def _cross_product(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _meet(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Return whether the segments a-b and c-d intersect, where c and d are not on the line through a and b."""
    return (
        _cross_product(c, d, a) * _cross_product(c, d, b)
        <= 0
        < -_cross_product(a, b, c) * _cross_product(a, b, d)
    )


def fault_of_zone(name: Any, points: Any, relative: Any, anchor: Any, dwell_s: Any) -> Fault | None:
    """Return the first thing that is wrong with the values of a zone; None for a valid one."""
    fault = _fault("zone", name, points, relative, anchor)
    if fault is None and dwell_s is not None and not (_is_finite(dwell_s) and dwell_s > 0):
        return Fault("dwell_s", f"dwell_s is {dwell_s!r}", "a positive number of seconds")
    if fault is None and _crosses_itself(points):
        return Fault("points", f"the edges of {name!r} cross", "corners in the order of the outline")
    return fault


def fault_of_line(name: Any, points: Any, relative: Any, anchor: Any, directions: Any) -> Fault | None:
    """Return the first thing that is wrong with the values of a line; None for a valid one."""
    good = isinstance(directions, (list, tuple)) and len(directions) == 2 and all(map(_is_name, directions))
    if not good or directions[0] == directions[1]:
        return Fault(
            "directions", f"directions is {directions!r}", 'two different names such as ["in", "out"]'
        )
    return _fault("line", name, points, relative, anchor)


def _fault(kind: str, name: Any, points: Any, relative: Any, anchor: Any) -> Fault | None:
    if not _is_name(name):
        return Fault("name", f"the name of a {kind} is {name!r}", 'a string in one line such as "door"')
    if anchor not in ANCHORS:
        return Fault("anchor", f"anchor is {anchor!r}", '"bottom" or "center"')
    if not isinstance(relative, bool):
        return Fault(
            "units", f"relative is {relative!r}", "True for fractions of the frame, False for pixels"
        )
    expected = "at least 3 corners [x, y]" if kind == "zone" else "2 ends [x, y]"
    if not isinstance(points, (list, tuple)) or not all(map(_is_point, points)):
        return Fault("points", f"points of {name!r} is {points!r}", expected)
    if len(points) < 3 if kind == "zone" else len(points) != 2:
        return Fault("points", f"{name!r} has {len(points)} points", expected)
    for x, y in points:
        if min(x, y) < 0 or (relative and max(x, y) > 1):
            where = "0 to 1 for relative units" if relative else "pixels, 0 or more"
            return Fault("points", f"the point [{x:g}, {y:g}] of {name!r} is outside of the frame", where)
    if len({(float(x), float(y)) for x, y in points}) < len(points):
        return Fault("points", f"{name!r} has a point twice", f"{expected}, all different")
    return None


def _refuse(kind: str, fault: Fault | None) -> None:
    if fault is not None:
        raise ConfigError(f"{kind}: {fault.what}; expected {fault.expected}")


def _is_name(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and value.isprintable()


def _is_point(value: object) -> bool:
    return isinstance(value, (list, tuple)) and len(value) == 2 and all(map(_is_finite, value))


def _is_finite(value: object) -> bool:
    """Return whether it is a finite number of a usable size."""
    return is_finite(value) and abs(value) <= LARGEST


def _crosses_itself(points: Sequence[Point]) -> bool:
    """Return whether two edges that are not neighbors intersect, or all corners lie on one line."""
    edges = list(zip(points, [*points[1:], points[0]], strict=True))
    for (i, one), (j, other) in combinations(enumerate(edges), 2):
        if j - i in (1, len(edges) - 1):
            continue
        if _sides(one, other) <= 0 and _sides(other, one) <= 0:
            return True
    area = sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in edges)
    return area == 0


def _sides(line: tuple[Point, Point], ends: tuple[Point, Point]) -> float:
    """Return a value of at most 0 if the two ends are on different sides of the line."""
    (x1, y1), (x2, y2) = line
    first, second = ((x2 - x1) * (y - y1) - (y2 - y1) * (x - x1) for x, y in ends)
    return math.copysign(1, first) * math.copysign(1, second) if first and second else 0.0
