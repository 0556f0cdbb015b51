"""A baseline for phrases: a detector's classes, and simple rules over its boxes.

The first object in a phrase is the target, a later one its landmark: "the dog next to the red car".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from edgetrack.datasets.phrases import BoxTuple
from edgetrack.evaluation.phrases.rule_words import (
    CHILDREN,
    CLOTHES,
    COCO,
    GARMENTS,
    GROUPS,
    IRREGULAR,
    ORDINALS,
    RELATIONS,
    SYNONYMS,
)
from edgetrack.evaluation.phrases.types import ScoredBox
from edgetrack.evaluation.types import Bools, Pixels

SURE = 0.3  # minimum score of a detection to be ranked by position or size, or to be a landmark
ANYTHING = 0.3  # factor of the score if the phrase names no class of the detector
CENTER = (0.2, 0.8)  # central range of a box in both directions, which mostly shows the object
ENOUGH = 0.25  # fraction of pixels with a color at which the object has that color
HUES = {  # ranges of hue in OpenCV's units, 0..180
    "red": (-8, 8), "orange": (8, 20), "yellow": (20, 34), "green": (34, 86), "blue": (86, 130),
    "purple": (130, 150), "pink": (150, 172),
}  # fmt: skip
COLORS = (*HUES, "black", "white", "gray", "brown")


@dataclass(frozen=True, slots=True)
class Detection:
    """A detected box."""

    name: str  # name of its class
    box: BoxTuple  # x, y, w, h in pixels
    score: float  # 0..1

    @property
    def center(self) -> tuple[float, float]:
        """Return the center (x, y) in pixels."""
        x, y, w, h = self.box
        return x + w / 2, y + h / 2


def find(phrase: str, detections: Sequence[Detection], picture: Pixels) -> list[ScoredBox]:
    """Return the boxes that match a phrase, best first, with the detector's scores weighted by the rules.

    Args:
        phrase: any text.
        detections: detections of all classes.
        picture: image, uint8 (H, W, 3), BGR, for colors.
    """
    words = ["gray" if word == "grey" else word for word in re.findall(r"[a-z]+(?:-[a-z]+)?", phrase.lower())]
    head, rest = _split(words)
    noun, classes = _noun(head, last=True)
    _, others = _noun(rest, last=False)
    landmarks = [d for d in detections if d.name in others and d.score >= SURE]
    named = [d for d in detections if d.name in classes]
    scored = [(d, d.score) for d in named]
    if not classes:
        scored = [(d, d.score * ANYTHING) for d in detections if d.name not in others]
    tests: list[Callable[[Detection], float]] = [_color_test(head, picture)]
    if "person" in classes:
        tests.append(_clothes_test(rest, picture))
    if noun in CHILDREN:
        smallest = min((d.box[3] for d in named if d.score >= SURE), default=1.0)
        tests.append(lambda d: min(1.0, smallest / d.box[3]) ** 0.5)
    if landmarks:
        tests.append(
            lambda d: max((_nearness(d, mark, rest) for mark in landmarks if mark is not d), default=0.1)
        )
    scored = [(d, score * float(np.prod([test(d) for test in tests]))) for d, score in scored]
    scored.sort(key=lambda pair: -pair[1])
    if not landmarks:
        scored = _ordered(words, scored)
    return [(d.box, score) for d, score in scored]


def _split(words: list[str]) -> tuple[list[str], list[str]]:
    """Split a phrase after its first object: before a preposition, or a verb that follows a noun."""
    for i in range(1, len(words)):
        named = bool(_noun(words[:i], last=True)[1])
        if words[i] == "of" and not named:  # "a slice of pizza" is a pizza
            continue
        if words[i] in RELATIONS or (words[i].endswith("ing") and named):
            return words[:i], words[i:]
    return words, []


def _noun(words: list[str], *, last: bool) -> tuple[str, set[str]]:
    """Return the last or first noun that names classes, and the classes; empty if there is none."""
    found: tuple[str, set[str]] = ("", set())
    i = 0
    while i < len(words):
        for length in (2, 1):
            noun = _singular(" ".join(words[i : i + length]))
            if classes := _CLASSES.get(noun):
                found = noun, classes
                i += length - 1
                break
        if found[1] and not last:
            break
        i += 1
    return found


def _singular(noun: str) -> str:
    first = [IRREGULAR.get(noun, noun), noun.removesuffix("s"), noun.removesuffix("es")]
    return next((word for word in first if word in _CLASSES), noun)


def _classes() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {name: {name} for name in COCO}
    for table in (SYNONYMS.items(), ((c, (group,)) for group, names in GROUPS.items() for c in names)):
        for name, nouns in table:
            for noun in nouns:
                found.setdefault(noun, set()).add(name)
    return found


_CLASSES = _classes()


def _color_test(words: list[str], picture: Pixels) -> Callable[[Detection], float]:
    """Return a function that rates how well a detection has the color before its noun."""
    wanted = [word for word in words[:-1] if word in COLORS]
    return lambda d: float(np.prod([_has(color, _part(picture, d.box, CENTER)) for color in wanted]))


def _clothes_test(words: list[str], picture: Pixels) -> Callable[[Detection], float]:
    """Return a function that rates how well a person wears the given colors, on a garment or on all clothes."""
    worn = []
    for i, word in enumerate(words):
        if word in COLORS:
            garment = next((w for w in words[i + 1 : i + 3] if w in GARMENTS), "")
            worn.append((word, GARMENTS.get(garment, CLOTHES)))
    return lambda d: float(np.prod([_has(color, _part(picture, d.box, rows)) for color, rows in worn]))


def _part(picture: Pixels, box: BoxTuple, rows: tuple[float, float]) -> Pixels:
    x, y, w, h = box
    top, bottom = (int(y + h * row) for row in rows)
    left, right = (int(x + w * column) for column in CENTER)
    return picture[max(top, 0) : max(bottom, top + 1, 1), max(left, 0) : max(right, left + 1, 1)]


def _has(color: str, pixels: Pixels) -> float:
    """Return 0.1 if no pixels have a color, up to 1 if a fraction of `ENOUGH` has it."""
    share = float(is_color(color, pixels).mean()) if pixels.size else 0.0
    return max(0.1, min(1.0, share / ENOUGH))


def is_color(color: str, pixels: Pixels) -> Bools:
    """Return which pixels (H, W, 3) BGR have one of the eleven basic colors."""
    from edgetrack.io.opencv import load_cv2

    cv2 = load_cv2()
    hue, saturation, value = np.moveaxis(
        cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_BGR2HSV).astype(int), 2, 0
    )
    dark, pale = value < 60, saturation < 50
    if color == "black":
        found = dark
    elif color in ("white", "gray"):
        found = ~dark & pale & ((value >= 170) == (color == "white"))
    elif color == "brown":
        found = ~dark & ~pale & (value < 150) & (hue < 20)
    else:
        low, high = HUES[color]
        angle = np.where(hue >= 172, hue - 180, hue)
        found = ~dark & ~pale & (angle >= low) & (angle < high)
        if color == "orange":
            found &= value >= 150  # darker pixels are brown
    return np.asarray(found, bool)


def _nearness(target: Detection, landmark: Detection, words: list[str]) -> float:
    """Return 1 for a target at its landmark, less with distance, and a low value on the wrong side of it."""
    (x, y), (to_x, to_y) = target.center, landmark.center
    size = (sum(target.box[2:]) + sum(landmark.box[2:])) / 4
    near = 1 / (1 + float(np.hypot(x - to_x, y - to_y)) / size)
    text = " ".join(words)
    sides = {
        "left of": x < to_x,
        "right of": x > to_x,
        "above": y < to_y,
        "under": y > to_y,
        "below": y > to_y,
    }
    return near * float(np.prod([1.0 if right else 0.2 for side, right in sides.items() if side in text]))


def _ordered(words: list[str], scored: list[tuple[Detection, float]]) -> list[tuple[Detection, float]]:
    """Move the detection to the front that an ordering selects: "second from the left", "largest", "on the right"."""
    best = max((score for _, score in scored), default=0.0)
    sure = [pair for pair in scored if pair[1] >= min(SURE, best)]  # at least one, if there are any
    middle = float(np.mean([d.center[0] for d, _ in sure])) if sure else 0.0
    key = _order(words, middle)
    if key is None or not sure:
        return scored
    sure.sort(key=lambda pair: key(pair[0]))
    place = next((ORDINALS[word] for word in words if word in ORDINALS), 0)
    place = min(place, len(sure) - 1)
    return [sure[place], *sure[:place], *sure[place + 1 :], *(p for p in scored if p not in sure)]


def _order(words: list[str], middle: float) -> Callable[[Detection], float] | None:
    """Return the sort key of the words, ascending; None without such words. ``middle`` is the mean x of all."""
    keys: list[tuple[set[str], Callable[[Detection], float]]] = [
        ({"largest", "biggest", "big", "large"}, lambda d: -d.box[2] * d.box[3]),
        ({"smallest", "tiniest", "small", "little"}, lambda d: d.box[2] * d.box[3]),
        ({"tallest", "tall"}, lambda d: -d.box[3]),
        ({"shortest", "short"}, lambda d: d.box[3]),
        ({"closest", "nearest", "foreground", "front"}, lambda d: -d.box[1] - d.box[3]),
        ({"farthest", "furthest", "background", "back"}, lambda d: d.box[1] + d.box[3]),
        ({"left", "leftmost"}, lambda d: d.center[0]),
        ({"right", "rightmost"}, lambda d: -d.center[0]),
        ({"middle", "center"}, lambda d: abs(d.center[0] - middle)),
        ({"top", "upper", "highest"}, lambda d: d.center[1]),
        ({"bottom", "lower", "lowest"}, lambda d: -d.center[1]),
    ]
    return next((key for names, key in keys if names & set(words)), None)
