"""The rules over a detector's boxes, on rendered images: each word decides between two boxes."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")

from edgetrack.evaluation.phrases.rules import COLORS, Detection, find, is_color

BGR = {
    "red": (30, 30, 210), "orange": (0, 140, 255), "yellow": (0, 220, 240), "green": (40, 160, 40),
    "blue": (200, 60, 30), "purple": (150, 30, 110), "pink": (180, 90, 255), "black": (15, 15, 15),
    "white": (245, 245, 245), "gray": (120, 120, 120), "brown": (20, 60, 110),
}  # fmt: skip


def scene(*things: tuple[str, tuple[int, int, int, int], str]) -> tuple[list[Detection], np.ndarray]:
    """Draw boxes (name, xywh, color) on a light background, the first with the highest score."""
    pixels = np.full((200, 400, 3), 235, np.uint8)
    found = []
    for i, (name, (x, y, w, h), color) in enumerate(things):
        pixels[y : y + h, x : x + w] = BGR[color]
        found.append(Detection(name, (x, y, w, h), 0.9 - 0.05 * i))
    return found, pixels


CARS = scene(
    ("car", (150, 100, 60, 30), "blue"),
    ("car", (20, 100, 80, 40), "red"),
    ("car", (300, 90, 40, 20), "white"),
    ("dog", (270, 100, 20, 20), "brown"),
)


@pytest.mark.parametrize(
    ("phrase", "x"),
    [
        ("car", 150),
        ("the red car", 20),
        ("the automobile that is on the left", 20),
        ("cars on the far right", 300),
        ("the largest car", 20),
        ("smallest vehicle", 300),
        ("the second car from the left", 150),
        ("the second largest car", 150),
        ("the car in the middle", 150),
        ("the car next to the dog", 300),
        ("puppy", 270),
        ("a pair of dogs", 270),
        ("the nearest car", 20),
        ("the front car on the road", 20),
        ("the dog next to the car", 270),
    ],
)
def test_words_decide_which_box_ranks_first(phrase: str, x: int) -> None:
    assert find(phrase, *CARS)[0][0][0] == x


def test_landmark_decides_by_its_side() -> None:
    people = scene(
        ("person", (220, 60, 40, 100), "gray"),
        ("person", (100, 60, 40, 100), "gray"),
        ("bench", (150, 120, 60, 30), "brown"),
    )
    assert find("the man to the left of the bench", *people)[0][0][0] == 100
    assert find("the man to the right of the bench", *people)[0][0][0] == 220


def test_clothes_are_searched_on_the_right_part_of_the_body() -> None:
    found, pixels = scene(("person", (20, 20, 50, 160), "gray"), ("person", (200, 20, 50, 160), "gray"))
    pixels[55:100, 200:250] = BGR["red"]  # a shirt
    pixels[110:150, 20:70] = BGR["red"]  # trousers
    assert find("the woman in the red shirt", found, pixels)[0][0][0] == 200
    assert find("a person wearing red trousers", found, pixels)[0][0][0] == 20


def test_children_are_the_smaller_people() -> None:
    found, pixels = scene(("person", (20, 20, 50, 160), "gray"), ("person", (200, 100, 30, 60), "gray"))
    assert find("the man", found, pixels)[0][0][0] == 20
    assert find("the child", found, pixels)[0][0][0] == 200


def test_absent_objects_have_no_box_or_a_low_score() -> None:
    assert find("an elephant", *CARS) == []
    assert find("the purple car", *CARS)[0][1] < 0.2
    unknown = find("the zeppelin", *CARS)
    assert unknown
    assert unknown[0][1] < 0.4


@pytest.mark.parametrize("phrase", ["", "of", "the", "the largest", "left", "next to the", "red", "\0\ud800"])
def test_any_text_has_an_answer(phrase: str) -> None:
    find(phrase, *CARS)
    assert find(phrase, [], CARS[1]) == []


def test_boxes_outside_the_image_have_no_color() -> None:
    assert find("red car", [Detection("car", (900, 900, 5, 5), 0.9)], CARS[1])[0][1] == pytest.approx(0.09)


@pytest.mark.parametrize("color", COLORS)
def test_each_color_is_recognized(color: str) -> None:
    patch = np.full((4, 4, 3), BGR[color], np.uint8)
    assert is_color(color, patch).all()
    assert [other for other in COLORS if is_color(other, patch).all()] == [color]
