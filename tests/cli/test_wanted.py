"""What a run is to follow: the options are checked together."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgetrack.cli.wanted import Wanted, without_all
from edgetrack.errors import ConfigError

ZONES = 'units = "relative"\n[[line]]\nname = "gate"\npoints = [[0, 0], [1, 1]]\n'


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("all red cars", "red cars"),
        ("All the people", "people"),
        ("every dog", "dog"),
        (" each bus", "bus"),
        ("alley cat", "alley cat"),
        ("the car", "the car"),
    ],
)
def test_leading_all_or_every_is_removed(text: str, rest: str) -> None:
    assert without_all(text) == rest


def test_single_target_without_zones_is_one(tmp_path: Path) -> None:
    (tmp_path / "z.toml").write_text(ZONES)
    assert Wanted.of(["car"], [], [], 8, None).is_one
    assert not Wanted.of(["car"], [], [], 8, tmp_path / "z.toml").is_one
    assert not Wanted.of(["car"], [], ["bus"], 8, None).is_one
    assert not Wanted.of([], [], ["bus"], 8, None).is_one


def test_no_text_box_or_query_is_an_error() -> None:
    with pytest.raises(ConfigError, match="nothing to track: give --text, --box, --every"):
        Wanted.of([], [], [], 8, None)
