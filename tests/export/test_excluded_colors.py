"""A color that the target must not have ("car that is not red") is checked on the pixels of each candidate."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edgetrack import Tracker


def picture(tint: tuple[float, float, float]) -> NDArray[np.uint8]:
    """Draw shaded rectangles of many sizes, all of one hue; gray for (1, 1, 1)."""
    random = np.random.default_rng(1)
    gray = np.linspace(60, 160, 360)[None, :, None] * np.ones((240, 1, 1))
    for _ in range(12):
        w, h = random.integers(16, 120, 2)
        x, y = random.integers(0, 360 - w), random.integers(0, 240 - h)
        gray[y : y + h, x : x + w] = random.integers(60, 256)
    return (gray * tint).astype(np.uint8)


def scores(text: str, tint: tuple[float, float, float]) -> list[float]:
    with Tracker(threads=1, precision="fp32") as tracker:
        candidates = tracker.start(picture(tint), text=text).candidates
    assert len(candidates) > 8
    return [candidate.score for candidate in candidates]


RED, BLUE = (0.1, 0.1, 1), (1, 0.1, 0.1)  # factors of blue, green, red


@pytest.mark.parametrize("text", ["car that is not red", "non-red car", "small car but not the red one"])
def test_no_candidate_with_the_excluded_color_remains(text: str) -> None:
    """The scores of "rank" for the phrase with the color would only exclude the best candidate."""
    assert max(scores(text, RED)) == 0
    assert max(scores(text, BLUE)) > 0


def test_other_negated_words_are_left_to_the_network() -> None:
    """Pixels tell that a car is red, not that it is old."""
    assert max(scores("car but not the old red one", RED)) > 0
