"""An object that is not found does not count as taken while its place looks the same."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edgetrack import Box, Frame, Rule, Track, Watcher
from edgetrack.watching.place import Place

BOX = Box(40, 30, 24, 36)
STEP_S = 0.1


def picture(
    *, bag: bool = True, at: tuple[int, int] = (0, 0), plain: bool = False, seed: int = 1
) -> NDArray[np.uint8]:
    """Draw a patterned floor, and on it a bag with another pattern, at `BOX` or moved right and down."""
    random = np.random.default_rng(0)
    floor = np.kron(random.integers(90, 130, (24, 32)), np.ones((5, 5)))
    seen = np.repeat((np.full((120, 160), 110.0) if plain else floor)[..., None], 3, axis=2)
    thing = np.kron(random.integers(20, 240, (6, 4, 3)), np.ones((6, 6, 1)))
    if bag and not plain:
        x, y = int(BOX.x) + at[0], int(BOX.y) + at[1]
        seen[y : y + 36, x : x + 24] = thing
    return (seen + np.random.default_rng(seed).normal(0, 3, seen.shape)).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("now", "same"),
    [
        (picture(seed=2), True),
        (picture(at=(1, 1)), True),
        (picture() // 4 * 3, True),
        (picture() + np.uint8(15), True),
        (picture(bag=False), False),
        (picture(at=(16, 0)), False),
        (np.zeros((120, 160, 3), np.uint8), False),
        (picture()[:-10], False),
    ],
    ids=["noise", "shaken", "darker", "brighter", "gone", "moved", "black", "another size"],
)
def test_place_looks_the_same_or_not(now: NDArray[np.uint8], same: bool) -> None:
    assert Place(picture(), BOX).looks_the_same(now) is same


@pytest.mark.parametrize("box", [BOX, Box(-8, -4, 20, 20), Box(150, 110, 60, 60), Box(3, 3, 0.5, 0.5)])
def test_uniform_place_cannot_be_compared(box: Box) -> None:
    assert not Place(picture(plain=True), box).looks_the_same(picture(plain=True))


def alerts(*frames: tuple[float, int | None, Box | None, bool]) -> list[tuple[float, tuple[int, ...]]]:
    """Return the alerts for frames of so many seconds each: id and box of the track, and whether the bag is there."""
    watcher, told, index = Watcher([Rule.parse("a bag is taken away")]), [], 0
    pictures = {bag: picture(bag=bag) for bag in (True, False)}
    for seconds, id, box, bag in frames:
        for _ in range(round(seconds / STEP_S)):
            track = Track(box, 0.9, "tracking" if box else "lost", index, id=id or 0, name="bag", query="bag")
            tracks = {} if id is None else {"bag": track}
            events = watcher.update(tracks, Frame(pictures[bag], index, index * STEP_S))
            told += [(round(event.time_s, 1), event.ids) for event in events]
            index += 1
    return told


def test_missing_object_is_taken_when_its_place_changes() -> None:
    assert alerts((4, 1, BOX, True), (9, 1, None, True), (5, 1, None, False)) == [(15.0, (1,))]
    assert alerts((4, 1, BOX, True), (9, None, None, True), (5, None, None, False)) == [(15.0, (1,))]
    assert (
        alerts((4, 1, BOX, True), (60, None, None, True), (5, None, None, False)) == []
    )  # forgotten by then


def test_object_found_again_is_taken_once() -> None:
    """The alert has its latest id."""
    told = alerts((4, 1, BOX, True), (6, None, None, True), (4, 2, BOX, True), (6, None, None, False))
    assert told == [(16.0, (2,))]


def test_track_that_drifts_to_another_object_is_not_taken() -> None:
    walking = [Box(70 + 2 * step, 60, 24, 36) for step in range(30)]
    for there, told in ((True, []), (False, [(6.0, (1,))])):
        assert alerts((4, 1, BOX, True), *[(STEP_S, 1, box, there) for box in walking]) == told


def test_another_object_at_the_same_place_is_new() -> None:
    told = alerts((4, 1, BOX, True), (4, None, None, False), (4, 2, BOX, True), (4, None, None, False))
    assert told == [(6.0, (1,)), (14.0, (2,))]
