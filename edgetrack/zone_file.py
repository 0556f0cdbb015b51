"""The TOML file of zones and lines. Each complaint names the line."""

from __future__ import annotations

import math
import re
from itertools import combinations
from pathlib import Path
from typing import Any

from edgetrack.errors import ConfigError
from edgetrack.toml_file import load_toml
from edgetrack.zones import Line, Point, Zone

ANCHORS = ("bottom", "center")
UNITS = ("relative", "pixels")
KEYS = {
    "zone": ("name", "points", "anchor", "dwell_s"),
    "line": ("name", "points", "anchor", "directions"),
}
EXAMPLE = 'units = "relative", then [[zone]] with name = "door" and points = [[0, 0], [0.5, 0], [0.5, 1]]'


def read_zones(path: Path) -> tuple[tuple[Zone, ...], tuple[Line, ...]]:
    """Read zones and lines; see ``Zones.read``."""
    text, content = read_toml(path, "zones", EXAMPLE)
    return _File(path, text).read(content)


def read_toml(path: Path, what: str, example: str) -> tuple[str, dict[str, Any]]:
    """Return the text of a TOML file and what it holds; ``what`` it is and an ``example`` of it are for the errors.

    Raises:
        ConfigError: The file cannot be read, or is not TOML.
    """
    try:
        return load_toml(path)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{what} {path} cannot be read: {error}; expected a TOML file such as {example}"
        ) from error
    except ValueError as error:
        raise ConfigError(f"{what} {path} is not TOML: {error}; expected {example}") from error


def line_of(lines: list[str], key: str, kind: str | None = None, number: int = 0) -> int:
    """Line of a key, in table ``number`` of its ``kind`` where that is given; of the table if it has no such key."""
    start, end = 0, len(lines)
    if kind is not None:
        heads = [i for i, line in enumerate(lines) if re.match(rf"\s*\[\[\s*{kind}\s*\]\]", line)]
        if number < len(heads):
            start = heads[number]
            later = [i for i, line in enumerate(lines) if i > start and re.match(r"\s*\[\[", line)]
            end = later[0] if later else end
    pattern = re.compile(rf"\s*(\[+\s*)?[\"']?{re.escape(key)}[\"']?\s*(=|\])")
    return next((i + 1 for i in range(start, end) if pattern.match(lines[i])), start + 1)


class _File:
    def __init__(self, path: Path, text: str) -> None:
        self._path, self._lines = path, text.splitlines()

    def read(self, content: dict[str, Any]) -> tuple[tuple[Zone, ...], tuple[Line, ...]]:
        for key in content:
            if key not in ("units", *KEYS):
                raise self._error(
                    line_of(self._lines, key), f"{key!r} is unknown", "units, [[zone]] and [[line]]"
                )
        units = content.get("units")
        if units not in UNITS:
            what = "units is missing" if units is None else f"units is {units!r}"
            raise self._error(
                line_of(self._lines, "units"),
                what,
                '"relative" (shares of width and height, 0..1) or "pixels"',
            )
        entries = {kind: content.get(kind, []) for kind in KEYS}
        for kind, all in entries.items():
            if not isinstance(all, list) or not all_tables(all):
                raise self._error(
                    line_of(self._lines, kind), f"{kind!r} is no list of tables", f"[[{kind}]] for each"
                )
        if not any(entries.values()):
            raise self._error(1, "there is neither a zone nor a line", EXAMPLE)
        names: set[str] = set()
        zones = [self._entry("zone", n, entry, units, names) for n, entry in enumerate(entries["zone"])]
        lines = [self._entry("line", n, entry, units, names) for n, entry in enumerate(entries["line"])]
        return tuple(Zone(**zone) for zone in zones), tuple(Line(**line) for line in lines)

    def _entry(
        self, kind: str, number: int, entry: dict[str, Any], units: str, names: set[str]
    ) -> dict[str, Any]:
        def error(key: str, what: str, expected: str) -> ConfigError:
            return self._error(line_of(self._lines, key, kind, number), what, expected)

        for key in entry:
            if key not in KEYS[kind]:
                raise error(key, f"{key!r} is unknown in [[{kind}]]", ", ".join(KEYS[kind]))
        name = entry.get("name")
        if not isinstance(name, str) or not name.strip():
            raise error("name", f"the name of a {kind} is {name!r}", 'a string such as "door"')
        if name in names:
            raise error("name", f"the name {name!r} is given twice", "another name for each zone and line")
        names.add(name)
        if entry.get("anchor", "bottom") not in ANCHORS:
            raise error("anchor", f"anchor is {entry['anchor']!r}", '"bottom" or "center"')
        found = {**entry, "relative": units == "relative", "points": self._points(kind, entry, units, error)}
        if kind == "zone" and "dwell_s" in entry and not _is_positive(entry["dwell_s"]):
            raise error("dwell_s", f"dwell_s is {entry['dwell_s']!r}", "a positive number of seconds")
        if "directions" in entry:
            ways = entry["directions"]
            good = isinstance(ways, list) and len(ways) == 2 and all(isinstance(w, str) and w for w in ways)
            if not good or ways[0] == ways[1]:
                raise error(
                    "directions", f"directions is {ways!r}", 'two different names such as ["in", "out"]'
                )
            found["directions"] = tuple(ways)
        return found

    def _points(self, kind: str, entry: dict[str, Any], units: str, error: Any) -> tuple[Point, ...]:
        given = entry.get("points")
        expected = "at least 3 corners [x, y]" if kind == "zone" else "2 ends [x, y]"
        if not isinstance(given, list) or not all(
            isinstance(p, list) and len(p) == 2 and all(map(_is_finite, p)) for p in given
        ):
            raise error("points", f"points of {entry['name']!r} is {given!r}", expected)
        points = tuple((float(x), float(y)) for x, y in given)
        if len(points) < 3 if kind == "zone" else len(points) != 2:
            raise error("points", f"{entry['name']!r} has {len(points)} points", expected)
        most = 1.0 if units == "relative" else math.inf
        for x, y in points:
            if not (0 <= x <= most and 0 <= y <= most):
                raise error(
                    "points",
                    f"the point [{x:g}, {y:g}] of {entry['name']!r} is outside of the frame",
                    "0..1 for relative units" if units == "relative" else "pixels from 0 on",
                )
        if len(set(points)) < len(points):
            raise error("points", f"{entry['name']!r} has a point twice", f"{expected}, all different")
        if kind == "zone" and _crosses_itself(points):
            raise error(
                "points", f"the edges of {entry['name']!r} cross", "corners in the order of the outline"
            )
        return points

    def _error(self, line: int, what: str, expected: str) -> ConfigError:
        return ConfigError(f"zones {self._path}, line {line}: {what}; expected {expected}")


def all_tables(entries: list[Any]) -> bool:
    """Whether each is a table."""
    return all(isinstance(entry, dict) for entry in entries)


def _is_finite(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_positive(value: object) -> bool:
    return _is_finite(value) and float(value) > 0  # type: ignore[arg-type]


def _crosses_itself(points: tuple[Point, ...]) -> bool:
    """Whether two edges that are not neighbors meet, or the corners lie on one line."""
    edges = list(zip(points, points[1:] + points[:1], strict=True))
    for (i, one), (j, other) in combinations(enumerate(edges), 2):
        if j - i in (1, len(edges) - 1):
            continue
        if _sides(one, other) <= 0 and _sides(other, one) <= 0:
            return True
    area = sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in edges)
    return area == 0


def _sides(line: tuple[Point, Point], ends: tuple[Point, Point]) -> float:
    """At most 0 when the two ends are on different sides of the line."""
    (x1, y1), (x2, y2) = line
    first, second = ((x2 - x1) * (y - y1) - (y2 - y1) * (x - x1) for x, y in ends)
    return math.copysign(1, first) * math.copysign(1, second) if first and second else 0.0
