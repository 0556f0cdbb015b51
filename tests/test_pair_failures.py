"""When an image of a pair counts as missing: if it is frozen, blank or damaged."""

from __future__ import annotations

import numpy as np
import pytest
from pair_engine import BOX, COLOR, PairEngine, X, picture, second, with_gaps

import edgetrack


@pytest.fixture
def engine() -> PairEngine:
    return PairEngine()


@pytest.fixture
def tracker(engine: PairEngine) -> edgetrack.Tracker:
    return edgetrack.Tracker(engine=engine)


@pytest.mark.parametrize("frozen", ["color", "x"])
def test_frozen_image_counts_as_missing_while_the_other_changes(
    engine: PairEngine, tracker: edgetrack.Tracker, frozen: str
) -> None:
    color, x = picture(), second()
    tracker.start(color, box=BOX, x=x)
    seen = []
    for _ in range(5):
        engine.searches.clear()
        tracker.update(color if frozen == "color" else picture(), x=x if frozen == "x" else second())
        seen.append(engine.searches[:])
    alone = [COLOR] if frozen == "x" else [X]
    assert seen == [[COLOR, X], [COLOR, X], alone, alone, alone], "three in a row with the same bytes"
    for _ in range(8):
        engine.searches.clear()
        tracker.update(picture(), x=second())
        if engine.searches == [COLOR, X]:
            break
    else:
        pytest.fail("both sensors work again")


def test_static_scene_has_both_sensors(engine: PairEngine, tracker: edgetrack.Tracker) -> None:
    color, x = picture(), second()
    engine.sure_of_x = 0.3
    tracker.start(color, box=BOX, x=x)
    for _ in range(6):
        tracker.update(color, x=x)
    assert engine.searches == [COLOR, X] * 6


@pytest.mark.parametrize("value", [128, 60])
def test_color_with_gaps_is_not_searched(engine: PairEngine, tracker: edgetrack.Tracker, value: int) -> None:
    engine.sure = 0.9
    tracker.start(picture(), box=BOX, x=second())
    track = tracker.update(with_gaps(picture(), value), x=second())
    assert (engine.searches, track.x_share) == ([X], 1)
    engine.searches.clear()
    tracker.update(with_gaps(picture(), value), x=with_gaps(second(), value))
    assert engine.searches == [COLOR], "both have gaps"
    tracker.update(picture(), x=with_gaps(second(), value))
    assert engine.searches == [COLOR] * 2
    tracker.update(with_gaps(picture(), value))
    assert engine.searches == [COLOR] * 3, "nothing else shows the target"


@pytest.mark.parametrize("value", [0, 255])
def test_black_or_white_areas_are_no_gaps(engine: PairEngine, tracker: edgetrack.Tracker, value: int) -> None:
    engine.sure = 0.9
    tracker.start(picture(), box=BOX, x=second())
    tracker.update(with_gaps(picture(), value), x=second())
    assert engine.searches[0] == COLOR


def test_clear_sky_is_no_gap(engine: PairEngine, tracker: edgetrack.Tracker) -> None:
    """Compressed video shows it in constant blocks, whose values differ little from those beside them."""
    engine.sure = 0.9
    sky = np.repeat(np.linspace(140, 143, 20).astype(np.uint8), 8)[:, None, None]
    color = np.broadcast_to(sky + np.array([40, 0, 0], np.uint8), (160, 200, 3)).copy()
    color[50:80, 60:100] = (0, 0, 255)
    tracker.start(color, box=BOX, x=second())
    tracker.update(color, x=second())
    assert engine.searches[0] == COLOR


@pytest.mark.parametrize("value", [0, 128, 255])
def test_one_blank_image_counts_as_missing_but_not_two(
    engine: PairEngine, tracker: edgetrack.Tracker, value: int
) -> None:
    blank = np.full((160, 200, 3), value, np.uint8)
    noisy = blank.copy()
    noisy[::2] += np.uint8(1) if value < 255 else np.uint8(255)
    noise = np.random.default_rng(0).normal(0, 1, (160, 200, 3))  # of a sensor in the dark
    dark = noise.clip(0, 6).astype(np.uint8)
    for color, x, expected in (
        (picture(), blank, [COLOR]),
        (picture(), noisy, [COLOR]),
        (picture(), dark, [COLOR]),
        (blank, second(), [X]),
        (blank, blank, [COLOR, ("color", "x")]),
    ):
        tracker.start(picture(), box=BOX, x=second())
        engine.searches.clear()
        tracker.update(color, x=x)
        assert engine.searches == expected
