"""Properties of the geometry of phrases: mirroring, scale, order, odd scores and arrays."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from word_scenes import HEIGHT, MIRROR, SENTENCES, WIDTH, best, row

from edgetrack._runtime import parse_phrase


@st.composite
def layouts(draw: st.DrawFn) -> tuple[str, NDArray[np.float64], NDArray[np.float64]]:
    sentence = draw(st.sampled_from(SENTENCES))
    count = draw(st.integers(1, 7))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    corners = random.uniform((0, 0), (WIDTH - 40, HEIGHT - 40), (count, 2))
    extents = random.uniform(5, 200, (count, 2))
    scores = random.uniform(0, 1, (len(parse_phrase(sentence).parts), count))
    return sentence, np.hstack((corners, extents)), scores


@settings(max_examples=200, deadline=None)
@given(layouts())
def test_mirroring_and_exchanging_left_and_right_changes_nothing(
    layout: tuple[str, NDArray[np.float64], NDArray[np.float64]],
) -> None:
    sentence, boxes, scores = layout
    words = sentence.split()
    if any(w in ("first", "second", "third", "last") for w in words) and "from" not in words:
        return  # a bare ordinal counts from the left
    mirrored = boxes.copy()
    mirrored[:, 0] = WIDTH - boxes[:, 0] - boxes[:, 2]
    other = parse_phrase(re.sub(r"\b(left|right)", lambda side: MIRROR[side[0]], sentence))
    found = parse_phrase(sentence).resolve(boxes, WIDTH, HEIGHT, scores)
    assert other.resolve(mirrored, WIDTH, HEIGHT, scores) == pytest.approx(found, abs=1e-6)


@settings(max_examples=200, deadline=None)
@given(layouts(), st.floats(0.1, 10), st.integers(0, 1000))
def test_scale_and_order_of_the_candidates_change_nothing(
    layout: tuple[str, NDArray[np.float64], NDArray[np.float64]], scale: float, seed: int
) -> None:
    sentence, boxes, scores = layout
    query = parse_phrase(sentence)
    found = query.resolve(boxes, WIDTH, HEIGHT, scores)
    assert np.all((found >= 0) & (found <= scores[0] + 1e-12))
    scaled = query.resolve(boxes * scale, WIDTH * scale, HEIGHT * scale, scores)
    assert scaled == pytest.approx(found, abs=1e-6)
    order = np.random.default_rng(seed).permutation(len(boxes))
    assert query.resolve(boxes[order], WIDTH, HEIGHT, scores[:, order]) == pytest.approx(
        found[order], abs=1e-9
    )


def test_scores_outside_0_to_1_give_probabilities() -> None:
    query = parse_phrase("the car next to the bus that is not red")
    scores = np.tile([np.nan, np.inf, -np.inf, 7.0], (len(query.parts), 1))
    found = query.resolve(row(100, 200, 300, 400), WIDTH, HEIGHT, scores)
    assert np.all((found >= 0) & (found <= 1))


@pytest.mark.parametrize(
    ("boxes", "width", "scores", "message"),
    [
        (np.ones((2, 3)), 640, np.ones((1, 2)), r"shape \(K, 4\)"),
        (np.ones((2, 4)), 640, np.ones(2), r"shape \(P, K\)"),
        (np.ones((2, 4)), 640, np.ones((2, 2)), "scores of 2 parts; expected 1"),
        (np.ones((2, 4)), 640, np.ones((1, 3)), "3 scores for 2 boxes"),
        (np.ones((2, 4)), 0, np.ones((1, 2)), "expected positive"),
        (np.full((2, 4), np.nan), 640, np.ones((1, 2)), "expected finite"),
        (np.zeros((2, 4)), 640, np.ones((1, 2)), "above 0"),
    ],
)
def test_wrong_arrays_are_rejected(
    boxes: NDArray[np.float64], width: float, scores: NDArray[np.float64], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        parse_phrase("the dog on the left").resolve(boxes, width, HEIGHT, scores)


def test_no_candidates_give_no_answer() -> None:
    assert parse_phrase("the dog on the left").resolve(
        np.zeros((0, 4)), WIDTH, HEIGHT, np.zeros((1, 0))
    ).shape == (0,)


def test_parts_and_groups_are_not_counted_as_instances() -> None:
    """A weaker half of a better box, or a box around several, does not count; one with a similar score does."""
    boxes = np.vstack([row(100, 300, 500, side=100), [[250, 190, 48, 100], [40, 180, 320, 120]]])
    weak = {"dog": [0.9, 0.9, 0.8, 0.5, 0.5]}
    for rank, place in (("first", 0), ("second", 1), ("third", 2)):
        assert best(f"{rank} dog from the left", boxes, weak) == place
    puppy = {"dog": [0.9, 0.9, 0.8, 0.88, 0.0]}
    assert best("second dog from the left", boxes, puppy) == 3
    assert best("third dog from the left", boxes, puppy) == 1
    boxes[3] = (260, 200, 30, 30)  # much smaller: another dog before or behind it
    assert best("second dog from the left", boxes, weak) == 3


def test_weaker_overlapping_box_is_not_counted_as_an_instance() -> None:
    """Neighbors that overlap as much have similar scores."""
    boxes = row(100, 135, 300, 500, side=100)
    assert 0.45 < 65 / 135 < 0.5  # IoU of the first two
    for score, second, third in ((0.45, 2, 3), (0.85, 1, 2)):
        rows = {"dog": [0.95, score, 0.9, 0.8]}
        assert best("second dog from the left", boxes, rows) == second
        assert best("third dog from the left", boxes, rows) == third
