"""Zones and lines: who enters, leaves, dwells and crosses, and errors in a file of them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetrack.errors import ConfigError
from edgetrack.events import Event
from edgetrack.types import Box, Frame, Status, Track
from edgetrack.zone_shapes import Line, Zone
from edgetrack.zones import INERTIA, Zones

PICTURE = np.zeros((100, 200, 3), np.uint8)
LEFT = Zone("left", ((0, 0), (0.5, 0), (0.5, 1), (0, 1)), dwell_s=1.0)
GATE = Line("gate", ((0.5, 0.0), (0.5, 1.0)))


def walk(
    zones: Zones, *xs: float | None, status: Status = "tracking", y: float = 60, first: int = 0
) -> list[Event]:
    """Return the events of one track whose feet are at (x, y) pixels in each frame, at 10 frames per second."""
    events: list[Event] = []
    for n, x in enumerate(xs, first):
        box = None if x is None else Box(x - 5, y - 20, 10, 20)
        track = Track(box, 0.9, "lost" if x is None else status, n, id=7, name="car #7", query="car")
        events += zones.update({"car #7": track}, Frame(PICTURE, n, n / 10))
    return events


def kinds(events: list[Event]) -> list[str]:
    return [event.type for event in events]


def test_track_enters_dwells_and_leaves() -> None:
    zones = Zones((LEFT,))
    events = walk(zones, *[150] * 3, *[50] * 14, *[150] * 3)
    assert kinds(events) == ["enters", "dwells", "leaves"]
    enters, dwells, leaves = events
    assert (enters.index, enters.zone, enters.id, enters.query, enters.count) == (5, "left", 7, "car", 1)
    assert dwells.seconds == pytest.approx(1.0)
    assert (leaves.count, leaves.time_s) == (0, 1.9)
    assert leaves.seconds == pytest.approx(1.4)
    assert zones.counts == {"left": 0}


def test_jittering_box_at_an_edge_enters_once() -> None:
    zones = Zones((LEFT,))
    assert kinds(walk(zones, *[90] * INERTIA, *[101, 99] * 20)) == ["enters", "dwells"]
    assert zones.counts == {"left": 1}


@pytest.mark.parametrize("end", [[None], []])
def test_lost_or_ended_track_has_left(end: list[None]) -> None:
    zones = Zones((LEFT,))
    walk(zones, *[50] * 4)
    events = walk(zones, *end, first=4) if end else list(zones.update({}, Frame(PICTURE, 4, 0.4)))
    assert [(event.type, event.count, event.name) for event in events] == [("leaves", 0, "car #7")]
    assert zones.counts == {"left": 0}


def test_uncertain_box_changes_nothing() -> None:
    zones = Zones((LEFT,), (GATE,))
    walk(zones, *[50] * 4)
    assert walk(zones, *[150] * 4, status="uncertain", first=4) == []
    assert zones.counts["left"] == 1


@pytest.mark.parametrize(("xs", "way"), [((80, 120), "out"), ((120, 80), "in")])
def test_line_is_crossed_with_a_direction(xs: tuple[int, int], way: str) -> None:
    """Seen from its first end, at the top, the line points down: the left of the image is on its right."""
    zones = Zones((), (GATE,))
    (event,) = walk(zones, *xs)
    assert (event.type, event.zone, event.direction, event.count) == ("crosses", "gate", way, 1)
    assert zones.counts == {"gate": {"in": int(way == "in"), "out": int(way == "out")}}
    walk(zones, *xs[::-1], first=2)
    assert zones.counts == {"gate": {"in": 1, "out": 1}}


def test_line_ends_at_its_end_points() -> None:
    zones = Zones((), (Line("short", ((100, 0), (100, 40)), relative=False),))
    assert walk(zones, 80, 120, y=60) == []
    assert kinds(walk(zones, 80, 120, y=30, first=2)) == ["crosses"]


def test_jittering_box_on_a_line_does_not_cross_it() -> None:
    zones = Zones((), (GATE,))
    assert walk(zones, 90, *[99.6, 100.4] * 20) == []
    assert kinds(walk(zones, 110, first=41)) == ["crosses"]


def test_anchor_selects_the_point_that_counts() -> None:
    low = ((0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0))
    zones = Zones((Zone("feet", low), Zone("middle", low, anchor="center")))
    assert [event.zone for event in walk(zones, *[50] * 4, y=58)] == ["feet"]


@given(st.floats(0, 200), st.floats(0, 100))
def test_zone_contains_the_points_inside_all_edges(x: float, y: float) -> None:
    """Compare a triangle with the signs of three cross products; points near an edge are left out."""
    corners = ((20.0, 10.0), (180.0, 30.0), (60.0, 90.0))
    signs = [
        ((bx - ax) * (y - ay) - (by - ay) * (x - ax)) / math.dist((ax, ay), (bx, by))
        for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True)
    ]
    if min(abs(sign) for sign in signs) > 1e-6:
        assert Zone("t", corners, relative=False).holds((x, y), (200, 100)) == all(sign > 0 for sign in signs)


def test_names_must_differ() -> None:
    with pytest.raises(ConfigError, match="two zones or lines have the name 'gate'"):
        Zones((Zone("gate", LEFT.points),), (GATE,))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Zone("door", LEFT.points, anchor="botom"), "anchor is 'botom'; expected \"bottom\" or"),
        (
            lambda: Zone("door", ((0, 0), (640, 0), (640, 480))),
            "outside of the frame; expected 0 to 1 for relative",
        ),
        (lambda: Zone("door", ((0, 0), (math.nan, 0), (1, 1))), "points of 'door' is"),
        (lambda: Zone("door", ((0, 0), (1e300, 0), (1, 1)), relative=False), "points of 'door' is"),
        (lambda: Zone("door", ((0, 0), (1, 1))), "has 2 points; expected at least 3"),
        (lambda: Zone("door", ((0, 0), (1, 1), (1, 0), (0, 1))), "edges of 'door' cross"),
        (lambda: Zone("door", LEFT.points, dwell_s=-1), "dwell_s is -1"),
        (lambda: Zone("door", LEFT.points, relative="pixels"), "relative is 'pixels'"),
        (lambda: Zone("do\nor", LEFT.points), "the name of a zone is"),
        (lambda: Line("gate", ((0, 0), (0, 0))), "has a point twice"),
        (lambda: Line("gate", GATE.points, directions=("in", "in")), "directions is"),
        (lambda: Line("gate", GATE.points, directions=("in", "\x1b[2J")), "directions is"),
    ],
)
def test_degenerate_shape_is_rejected(make: Callable[[], object], said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        make()


def test_numpy_numbers_are_valid_points() -> None:
    corners = np.array([[0, 0], [0.5, 0], [0.5, 1]])
    zone = Zone("door", tuple((x, y) for x, y in corners))
    assert zone.holds((60, 30), (200, 100))


GOOD = """
units = "pixels"

[[zone]]
name = "door"
points = [[0, 0], [50, 0], [50, 90.5]]
anchor = "center"
dwell_s = 2

[[line]]
name = "gate"
points = [[100, 0], [100, 90]]
directions = ["north", "south"]
"""


def test_file_may_describe_all_shapes(tmp_path: Path) -> None:
    (tmp_path / "z.toml").write_text(GOOD)
    zones = Zones.read(tmp_path / "z.toml")
    assert zones.zones == (Zone("door", ((0, 0), (50, 0), (50, 90.5)), False, "center", 2),)
    assert zones.lines == (Line("gate", ((100, 0), (100, 90)), False, "bottom", ("north", "south")),)
    assert zones.summary == {"door": "inside 0", "gate": "north 0, south 0"}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('units = "pixels"', "", "line 1: units is missing; expected"),
        ('"pixels"', '"meters"', "line 2: units is 'meters'"),
        ('"pixels"', '"relative"', r"line 6: the point \[50, 0\] of 'door' is outside"),
        ("dwell_s = 2", "dwell_s = 0", "line 8: dwell_s is 0; expected a positive number"),
        ("dwell_s = 2", "dwel_s = 2", "line 8: 'dwel_s' is unknown in \\[\\[zone\\]\\]"),
        ('anchor = "center"', 'anchor = "top"', "line 7: anchor is 'top'"),
        ('name = "gate"', 'name = "door"', "line 11: the name 'door' is given twice"),
        ('name = "gate"', "", "line 10: the name of a line is None"),
        (
            "points = [[100, 0], [100, 90]]",
            "points = [[1, 2]]",
            "line 12: 'gate' has 1 points; expected 2 ends",
        ),
        ("points = [[100, 0], [100, 90]]", "points = 3", "line 12: points of 'gate' is 3"),
        ("[50, 90.5]]", "[true, 1]]", "line 6: points of 'door' is"),
        ("[50, 90.5]]", "[nan, 1]]", "line 6: points of 'door' is"),
        ("[50, 90.5]]", "[50, 0]]", "line 6: 'door' has a point twice"),
        ("[50, 90.5]]", "[90, 0]]", "line 6: the edges of 'door' cross"),
        ("[50, 0], [50, 90.5]]", "[50, 50], [50, 0], [0, 50]]", "line 6: the edges of 'door' cross"),
        ('["north", "south"]', '["north", "north"]', "line 13: directions is"),
        ("[[line]]", "[[fence]]", "line 10: 'fence' is unknown; expected units"),
        ("[[line]]", "[line]", "line 10: 'line' is not a list of tables"),
        ("dwell_s = 2", "dwell_s =", "is not TOML: .*line 8"),
    ],
)
def test_error_in_a_file_is_reported_with_its_line(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in GOOD
    (tmp_path / "z.toml").write_text(GOOD.replace(old, new, 1))
    with pytest.raises(ConfigError, match=expected):
        Zones.read(tmp_path / "z.toml")


def test_invalid_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        Zones.read(tmp_path / "none.toml")
    (tmp_path / "z.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read"):
        Zones.read(tmp_path / "z.toml")
    (tmp_path / "z.toml").write_text('units = "pixels"')
    with pytest.raises(ConfigError, match="neither a zone nor a line"):
        Zones.read(tmp_path / "z.toml")
