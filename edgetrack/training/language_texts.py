"""Sentences about a fully annotated photograph, with the boxes that each sentence means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from edgetrack.training.data.pictures import XYWH, overlap
from edgetrack.training.grounder.nouns import COCO

Random = np.random.Generator
_GAP = 0.08  # minimum distance of two centers, as a fraction of the image, for a clear order
_APART = 0.2  # IoU below which two objects are clearly separate
_LARGER = 1.6  # minimum ratio of two areas if one is to be clearly larger
_PLURALS = {
    "person": "people",
    "bus": "buses",
    "bench": "benches",
    "sheep": "sheep",
    "couch": "couches",
    "skis": "skis",
}
_WORDS = ("first", "second", "third", "fourth")
_NUMBERS = {2: "two", 3: "three", 4: "four"}
_SYNONYMS = {
    "bicycle": "bike", "motorcycle": "motorbike", "airplane": "plane", "couch": "sofa", "tv": "television",
    "cat": "kitty", "person": "human", "potted plant": "houseplant", "refrigerator": "fridge", "car": "automobile",
    "boat": "ship", "cell phone": "mobile phone", "dog": "hound", "cup": "mug",
}  # fmt: skip
_ABROAD = {
    "car": ("das Auto", "la voiture", "el coche"), "dog": ("der Hund", "le chien", "el perro"),
    "person": ("der Mensch", "une personne", "la persona"), "bus": ("der Autobus", "l'autobus", "el autobús"),
    "cat": ("die Katze", "le chat", "el gato"), "bird": ("der Vogel", "l'oiseau", "el pájaro"),
    "horse": ("das Pferd", "le cheval", "el caballo"), "bottle": ("die Flasche", "la bouteille", "la botella"),
    "train": ("der Zug", "le train bleu", "el tren"), "chair": ("der Stuhl", "la chaise", "la silla"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """A sentence.

    Attributes:
        text: The sentence.
        kind: The skill that it tests.
        boxes: x, y, w, h in pixels, any of which is right; empty if it names nothing.
        parts: Plain phrases that the answer rests on, each with the boxes of all objects that it names.
    """

    text: str
    kind: str
    boxes: tuple[XYWH, ...]
    parts: tuple[tuple[str, tuple[XYWH, ...]], ...]


@dataclass(frozen=True, slots=True)
class Objects:
    """All objects of the known classes in an image.

    Attributes:
        size: Width and height in pixels.
        boxes: Boxes of each visible class.
        known: The classes whose objects are all in ``boxes``.
    """

    size: tuple[int, int]
    boxes: dict[str, list[XYWH]]
    known: tuple[str, ...]


def photograph_cases(objects: Objects, random: Random) -> Iterator[Case]:
    """Yield the sentences that have clear answers in an image."""
    for name, boxes in sorted(objects.boxes.items()):
        if name not in COCO or name not in objects.known or not _is_apart(boxes):
            continue
        yield from _places(name, boxes, objects, random)
        yield from _sizes(name, boxes, objects, random)
        yield from _several(name, boxes, random)
        if name in _SYNONYMS:
            yield Case(f"the {_SYNONYMS[name]}", "synonym", tuple(boxes), ((name, tuple(boxes)),))
        if name in _ABROAD:
            text = _ABROAD[name][int(random.integers(3))]
            yield Case(text, "other language", tuple(boxes), ((name, tuple(boxes)),))
    yield from _relations(objects, random)
    absent = [name for name in objects.known if name not in objects.boxes]
    if absent:
        yield Case(f"the {absent[int(random.integers(len(absent)))]}", "absent", (), ())


def _is_apart(boxes: list[XYWH]) -> bool:
    """Return whether no two objects overlap much."""
    return all(overlap(a, b)[0] < _APART for i, a in enumerate(boxes) for b in boxes[:i])


def _centers(boxes: list[XYWH], axis: int) -> list[float]:
    return [box[axis] + box[axis + 2] / 2 for box in boxes]


def _is_clear(values: list[float], gap: float) -> bool:
    ordered = sorted(values)
    return all(b - a > gap for a, b in pairwise(ordered))


def _places(name: str, boxes: list[XYWH], objects: Objects, random: Random) -> Iterator[Case]:
    """Yield cases of sides, of order, and of objects that are not on a side."""
    for axis, ends in ((0, ("left", "right")), (1, ("top", "bottom"))):
        values, extent = _centers(boxes, axis), objects.size[axis]
        if not 2 <= len(boxes) <= 5 or not _is_clear(values, _GAP * extent):
            continue
        order = [boxes[int(i)] for i in np.argsort(values)]
        parts = ((name, tuple(boxes)),)
        end = int(random.integers(2))
        target, side = (order[0], order[-1])[end], ends[end]
        halves = values[int(np.argmin(values))] < extent / 2 < values[int(np.argmax(values))]
        if halves and len(boxes) == 2:
            where = f"on the {side}" if axis == 0 else f"at the {side}"
            yield Case(f"the {name} {where}", "spatial", (target,), parts)
            other = order[-1] if end == 0 else order[0]
            yield Case(f"the {name} that is not {where}", "negation of a place", (other,), parts)
        elif axis == 0 and len(boxes) > 2:
            rank = int(random.integers(min(len(order), 4)))
            target = order[rank] if end == 0 else order[-1 - rank]
            yield Case(f"the {_WORDS[rank]} {name} from the {side}", "ordinal", (target,), parts)
            yield Case(f"the {side}most {name}", "spatial", ((order[0], order[-1])[end],), parts)


def _sizes(name: str, boxes: list[XYWH], objects: Objects, random: Random) -> Iterator[Case]:
    areas = sorted((box[2] * box[3], box) for box in boxes)
    if not 2 <= len(boxes) <= 5:
        return
    largest = random.random() < 0.5
    first, second = (areas[-1], areas[-2]) if largest else (areas[0], areas[1])
    if max(first[0], second[0]) >= _LARGER * min(first[0], second[0]):
        word = "largest" if largest else "smallest"
        parts = ((name, tuple(boxes)),)
        yield Case(f"the {word} {name}", "spatial", (first[1],), parts)
        if len(boxes) == 2:
            yield Case(f"{name} but not the {word} one", "negation of a place", (second[1],), parts)


def _several(name: str, boxes: list[XYWH], random: Random) -> Iterator[Case]:
    plural = _PLURALS.get(name, f"{name}s")
    parts = ((name, tuple(boxes)),)
    if len(boxes) > 1:
        yield Case(
            ("all the {}", "{}", "every one of the {}")[int(random.integers(3))].format(plural),
            "plural",
            tuple(boxes),
            parts,
        )
    if len(boxes) in _NUMBERS:
        yield Case(f"{_NUMBERS[len(boxes)]} {plural}", "number", tuple(boxes), parts)


def _relations(objects: Objects, random: Random) -> Iterator[Case]:
    """Yield cases with one object of a class on each side of a landmark: only the side tells which one is meant."""
    for landmark, marks in sorted(objects.boxes.items()):
        if len(marks) != 1 or landmark not in objects.known:
            continue
        x, _, w, _ = marks[0]
        for name, boxes in sorted(objects.boxes.items()):
            if name == landmark or name not in objects.known or len(boxes) != 2:
                continue
            left, right = sorted(boxes, key=lambda box: box[0] + box[2] / 2)
            if left[0] + left[2] / 2 < x and right[0] + right[2] / 2 > x + w:
                side, target = (("left", left), ("right", right))[int(random.integers(2))]
                parts = ((name, tuple(boxes)), (landmark, tuple(marks)))
                yield Case(f"the {name} to the {side} of the {landmark}", "relation", (target,), parts)
