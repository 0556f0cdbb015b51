"""Phrases are split into what the network is asked and what geometry resolves among candidates."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phrase_cases import NOUNS, PARSED, PLAIN
from phrase_meanings import MEANINGS
from word_scenes import HEIGHT, SENTENCES, WIDTH, best, row, scores_of

from edgetrack._runtime import parse_phrase


@pytest.mark.parametrize("sentence", PLAIN)
def test_text_without_geometry_goes_to_the_network_unchanged(sentence: str) -> None:
    query = parse_phrase(sentence)
    assert query.plain, query.text
    assert [phrase for phrase, _ in query.parts] == [sentence]


@pytest.mark.parametrize(("sentence", "text"), PARSED.items())
def test_phrase_is_parsed_into_parts(sentence: str, text: str) -> None:
    query = parse_phrase(sentence)
    assert query.text == text
    assert not query.plain


def comparable(text: str) -> tuple[str, list[str]]:
    """A meaning without articles, and its parts in one order.

    The network hears a contact, too ("person on the bike", on "bike"), which is not part of the meaning.
    """
    text = re.sub(r'"(?:the|an?|any) ', '"', text)
    text = re.sub(r" (?:an?) ", " ", text)
    text = re.sub(r'"([^"]*) on the (\w+)", on "\2"', r'"\1", on "\2"', text)
    head, *rest = re.split(r", (?![^(]*\))", text)
    return head, sorted(rest)


@pytest.mark.parametrize(("sentence", "meaning"), MEANINGS.items())
def test_sentence_has_the_meaning_that_a_reader_expects(sentence: str, meaning: str) -> None:
    assert comparable(parse_phrase(sentence).text) == comparable(meaning)


def test_different_meanings_are_distinguished() -> None:
    assert len({str(comparable(meaning)) for meaning in MEANINGS.values()}) > 60


@pytest.mark.parametrize(("phrase", "noun"), NOUNS.items())
def test_noun_of_a_phrase(phrase: str, noun: str) -> None:
    assert parse_phrase(phrase).parts[0][1] == noun


def test_case_and_punctuation_do_not_matter() -> None:
    expected = parse_phrase("the dog on the left").text
    for sentence in ("The Dog, on the LEFT.", "  the dog\ton the left!  ", "(the dog on the left)"):
        assert parse_phrase(sentence).text.lower() == expected


def test_words_for_the_network_keep_their_case() -> None:
    assert parse_phrase("the second BMW from the left").parts == [("BMW", "bmw")]


def test_too_long_sentence_is_not_parsed() -> None:
    sentence = "the dog on the left " * 1000
    assert parse_phrase(sentence).parts[0][0] == sentence


@settings(max_examples=300, deadline=None)
@given(st.text() | st.lists(st.sampled_from(sorted({w for s in SENTENCES for w in s.split()}))).map(" ".join))
def test_any_text_is_parsed_and_resolved(sentence: str) -> None:
    sentence = sentence.encode("utf-8", "ignore").decode()
    query = parse_phrase(sentence)
    assert query.parts
    assert query.parts[0][0] == sentence or not query.plain
    assert all(phrase for phrase, _ in query.parts) or query.plain
    scores = np.full((len(query.parts), 3), 0.5)
    found = query.resolve(row(100, 300, 500), WIDTH, HEIGHT, scores)
    assert np.all((found >= 0) & (found <= 1))


@pytest.mark.parametrize("sentence", ["\x00", "the \x00 dog", "\U0001f697 on the left"])
def test_odd_characters_are_handled(sentence: str) -> None:
    assert parse_phrase(sentence).parts


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("leftmost car", 0),
        ("rightmost car", 4),
        ("car on the left", 0),
        ("the right car", 4),
        ("second car from the left", 1),
        ("the second car from the right", 3),
        ("third car", 2),
        ("the last car", 4),
        ("the second to last car", 3),
        ("the car in the middle", 2),
    ],
)
def test_positions_in_a_row_of_cars(sentence: str, expected: int) -> None:
    assert best(sentence, row(80, 200, 320, 440, 560), {"car": [0.8, 0.9, 0.7, 0.95, 0.8]}) == expected


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("the largest dog", 0),
        ("smallest dog", 2),
        ("the second largest dog", 1),
        ("tallest dog", 1),
        ("widest dog", 0),
        ("the dog closest to the camera", 0),
        ("the farthest dog", 2),
        ("dog in the background", 2),
        ("the dog at the bottom", 0),
        ("top dog", 2),
    ],
)
def test_sizes_and_heights(sentence: str, expected: int) -> None:
    boxes = np.array([(50.0, 350, 200, 110), (300, 200, 60, 150), (500, 20, 30, 20)])
    assert best(sentence, boxes, {"dog": [0.8, 0.8, 0.8]}) == expected


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("the car to the left of the bus", 0),
        ("car right of the bus", 2),
        ("the car next to the bus", 0),
        ("the car closest to the bus", 0),
        ("the car farthest from the bus", 2),
        ("the bus between the two cars", 1),
    ],
)
def test_relations_along_a_row(sentence: str, expected: int) -> None:
    rows = {"car": [0.8, 0.1, 0.8], "cars": [0.8, 0.1, 0.8], "bus": [0.05, 0.9, 0.05]}
    assert best(sentence, row(150, 240, 550), rows) == expected


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("the cup above the table", 0),
        ("the cup below the table", 2),
        ("cup on top of the table", 1),
        ("the cup inside the table", 3),
    ],
)
def test_relations_up_and_down(sentence: str, expected: int) -> None:
    cups = [(300.0, 20, 40, 40), (300, 168, 40, 40), (300, 400, 40, 40), (420, 230, 40, 40)]
    asked = [cups[0], *cups[2:]] if "above" in sentence else cups  # the cup on the table is above it, too
    rows = {"cup": [0.8] * len(asked) + [0.01], "table": [0.01] * len(asked) + [0.9]}
    assert cups.index(asked[best(sentence, np.array([*asked, (200, 200, 300, 100)]), rows)]) == expected


@pytest.mark.parametrize(
    "sentence",
    [
        "car that is not red",
        "the car not red",
        "a car but not the red one",
        "non-red car",
        "car except the red one",
    ],
)
def test_negated_object_is_not_followed(sentence: str) -> None:
    query = parse_phrase(sentence)
    rows = {"car": [0.9, 0.6], "red car": [0.85, 0.2]}
    found = query.resolve(row(200, 400), WIDTH, HEIGHT, scores_of(query, rows))
    assert found[1] > 3 * found[0]


def test_negated_positions_are_exact() -> None:
    rows = {"dog": [0.9, 0.7]}
    assert best("the dog that is not on the left", row(150, 500), rows) == 1
    assert best("the dog that is not on the right", row(150, 500), rows) == 0


def test_missing_landmark_lowers_the_score_of_the_only_dog_but_keeps_it() -> None:
    query = parse_phrase("dog next to the bicycle")
    boxes = row(100, 180)
    missing = query.resolve(boxes, WIDTH, HEIGHT, np.array([[0.8, 0.01], [0.0, 0.0]]))
    there = query.resolve(boxes, WIDTH, HEIGHT, np.array([[0.8, 0.01], [0.0, 0.9]]))
    assert int(np.argmax(missing)) == int(np.argmax(there)) == 0
    assert 0.1 < missing[0] < there[0]


def test_weak_candidate_shifts_an_ordinal_little() -> None:
    query = parse_phrase("second dog from the left")
    found = query.resolve(row(80, 250, 420), WIDTH, HEIGHT, np.array([[0.1, 0.9, 0.8]]))
    assert int(np.argmax(found)) == 2


@pytest.mark.parametrize(
    ("weak", "least", "most"),
    [(0.0, 1, 1), (0.05, 0.9, 0.99), (0.1, 0.7, 0.9), (0.15, 0.3, 0.5), (0.3, 0, 0)],
)
def test_answer_is_as_sure_as_the_count_that_it_depends_on(weak: float, least: float, most: float) -> None:
    """From the left, the answer depends on whether the weak one is a dog; from the right, it does not."""
    scores = np.array([[weak, 0.8, 0.8]])
    alone = parse_phrase("leftmost dog").resolve(row(80, 250, 420), WIDTH, HEIGHT, scores)
    sure = float(alone[1]) / 0.8
    assert least <= sure <= most
    for sentence, expected in (
        ("leftmost dog", (weak, 0.8 * sure, 0)),
        ("second dog from the left", (0, 0.8 * (1 - sure), 0.8 * sure)),
        ("second dog from the right", (0, 0.8, 0)),
        ("fourth dog", (0, 0, 0)),
    ):
        found = parse_phrase(sentence).resolve(row(80, 250, 420), WIDTH, HEIGHT, scores)
        assert found == pytest.approx(expected, abs=1e-9), sentence


def test_two_boxes_of_one_object_count_once() -> None:
    query = parse_phrase("second dog from the left")
    found = query.resolve(row(100, 104, 400), WIDTH, HEIGHT, np.array([[0.9, 0.8, 0.8]]))
    assert int(np.argmax(found)) == 2


def test_single_dog_on_the_wrong_side_scores_low() -> None:
    query = parse_phrase("the dog on the left")
    left, middle, right = (
        query.resolve(row(x), WIDTH, HEIGHT, np.array([[0.9]]))[0] for x in (150, 330, 600)
    )
    assert left == pytest.approx(0.9)
    assert middle > 0.8
    assert right < 0.1
