"""A frame rotated by 90 degrees: where its pixels and boxes map to."""

from __future__ import annotations

import numpy as np
import pytest

from edgetrack.turned import about_feet, turned, turned_back
from edgetrack.types import Box

STANDING = Box(100, 20, 30, 80)  # its feet are at 115, 100
TO_RIGHT, TO_LEFT = Box(115, 70, 80, 30), Box(35, 70, 80, 30)


@pytest.mark.parametrize("turn", [0, 1, -1])
def test_box_of_the_rotated_frame_matches_its_pixels(turn: int) -> None:
    frame = np.zeros((120, 200, 3), np.uint8)
    frame[70:90, 110:170] = 255
    seen = turned(frame, turn)
    ys, xs, _ = np.nonzero(seen)
    found = Box.from_xyxy(float(xs.min()), float(ys.min()), float(xs.max() + 1), float(ys.max() + 1))
    assert seen.flags.c_contiguous
    assert (found.h > found.w) == (turn != 0)
    assert turned_back(found, turn, (200, 120)) == Box(110, 70, 60, 20)


@pytest.mark.parametrize(("turn", "lying"), [(1, TO_RIGHT), (-1, TO_LEFT)])
def test_falling_and_rising_person_is_expected_beside_the_feet(turn: int, lying: Box) -> None:
    frame = np.zeros((120, 200, 3), np.uint8)
    head = lying.x + lying.w - 5 if turn == 1 else lying.x + 5
    frame[85, int(head)] = 255
    assert np.nonzero(turned(frame, turn))[0][0] < 100  # the head is up there: of 200 rows
    assert about_feet(STANDING, 0, turn) == lying
    assert about_feet(lying, turn, 0) == STANDING
    assert about_feet(lying, turn, turn) == lying
    assert about_feet(TO_RIGHT, 1, -1) == TO_LEFT
