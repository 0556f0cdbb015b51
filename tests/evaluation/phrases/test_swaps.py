"""One word of a phrase is swapped, and the phrase stays English."""

from __future__ import annotations

import pytest

from edgetrack.evaluation.phrases.swaps import SWAPS, swapped


@pytest.mark.parametrize(
    ("text", "swap", "other"),
    [
        ("the car on the left", "left, right", "the car on the right"),
        ("The Left car", "left, right", "The right car"),
        ("the man left of the left bus", "left, right", "the man right of the right bus"),
        ("the largest red car", "size", "the smallest red car"),
        ("the smallest dog", "size", "the largest dog"),
        ("a red car beside a red bus", "color", "a blue car beside a red bus"),
        ("a green car", "color", "an orange car"),
        ("an orange cup", "color", "a green cup"),
        ("the person in white", "color", "the person in black"),
    ],
)
def test_first_word_of_its_kind_is_swapped(text: str, swap: str, other: str) -> None:
    assert swapped(text) == (swap, other)


@pytest.mark.parametrize("text", ["a car", "an orange", "the upright piano", "reddish hair"])
def test_phrases_without_such_a_word_are_unchanged(text: str) -> None:
    assert swapped(text) is None


def test_swapping_sides_and_sizes_twice_restores_them() -> None:
    for swap in ("left, right", "size"):
        words = SWAPS[swap]
        assert all(words[other] in words for other in words.values())
    assert SWAPS["left, right"]["right"] == "left"
    assert not any(word == other for words in SWAPS.values() for word, other in words.items())
