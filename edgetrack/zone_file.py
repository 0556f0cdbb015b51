"""The TOML file of zones and lines. Each error names the line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from edgetrack.errors import ConfigError
from edgetrack.toml_file import load_toml
from edgetrack.zone_shapes import Line, Zone, fault_of_line, fault_of_zone

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
    """Return the text and the contents of a TOML file; ``what`` it is and an ``example`` are for error messages.

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
    """Return the line of a key, in table ``number`` of its ``kind`` if given; that of the table without the key."""
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
                '"relative" (fractions of width and height, 0..1) or "pixels"',
            )
        entries = {kind: content.get(kind, []) for kind in KEYS}
        for kind, all in entries.items():
            if not isinstance(all, list) or not all_tables(all):
                raise self._error(
                    line_of(self._lines, kind), f"{kind!r} is not a list of tables", f"[[{kind}]] for each"
                )
        if not any(entries.values()):
            raise self._error(1, "the file has neither a zone nor a line", EXAMPLE)
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
        name, anchor = entry.get("name"), entry.get("anchor", "bottom")
        found = {**entry, "relative": units == "relative"}
        if kind == "zone":
            fault = fault_of_zone(
                name, entry.get("points"), units == "relative", anchor, entry.get("dwell_s")
            )
        else:
            ways = entry.get("directions", ["in", "out"])
            fault = fault_of_line(name, entry.get("points"), units == "relative", anchor, ways)
            found["directions"] = tuple(ways) if isinstance(ways, list) else ways
        if fault is not None:
            raise error(*fault)
        if name in names:
            raise error(
                "name", f"the name {name!r} is given twice", "a different name for each zone and line"
            )
        names.add(str(name))
        found["points"] = tuple((float(x), float(y)) for x, y in entry["points"])
        return found

    def _error(self, line: int, what: str, expected: str) -> ConfigError:
        return ConfigError(f"zones {self._path}, line {line}: {what}; expected {expected}")


def all_tables(entries: list[Any]) -> bool:
    """Return whether all entries are tables."""
    return all(isinstance(entry, dict) for entry in entries)
