"""Phrases about a scene, each with the candidates that it means: one function per kind of phrase."""

from __future__ import annotations

import itertools

import numpy as np

from edgetrack.training.data.synthetic.recolor import COLORS
from edgetrack.training.grounder.questions import (
    SURE,
    Question,
    Random,
    asked,
    classes,
    marks,
    pick,
    things_of,
    with_article,
    word_for,
)
from edgetrack.training.grounder.records import NAMES, Object
from edgetrack.training.grounder.scene import Floats, Scene


def by_class(scene: Scene, random: Random) -> Question | None:
    """ "the dog": every dog is meant."""
    names = classes(scene)
    if not names:
        return None
    name = pick(names, random)
    sure, doubtful = things_of(scene, name)
    word = word_for(name, random)
    return asked(with_article(word, random), word, scene, sure, doubtful, "class")


def absent_class(scene: Scene, random: Random) -> Question | None:
    """ "the zebra" in a scene without a zebra."""
    for _ in range(8):
        name = NAMES[int(random.integers(len(NAMES)))]
        if random.random() < 0.3:  # classes that people often ask for
            name = pick(
                ["person", "car", "dog", "cat", "bus", "truck", "bicycle", "bottle", "chair", "bird"], random
            )
        if scene.absent(name):
            word = word_for(name, random)
            text = word if random.random() < 0.6 else f"{pick(COLORS, random)} {word}"
            return Question(
                with_article(text, random), word, np.zeros(len(scene.boxes), np.float32), False, "absent"
            )
    return None


def _center(o: Object) -> tuple[float, float]:
    return float(o.box[0] + o.box[2]) / 2, float(o.box[1] + o.box[3]) / 2


def _area(o: Object) -> float:
    return float(np.prod(o.box[2:] - o.box[:2]))


def _clear_order(values: list[float], margin: float) -> list[int] | None:
    """Return the indices in ascending order of the values, None if two neighbors are closer than ``margin``."""
    order = sorted(range(len(values)), key=values.__getitem__)
    steps = [values[b] - values[a] for a, b in itertools.pairwise(order)]
    return order if all(step > margin for step in steps) else None


# For each side: the phrases for an object there, the axis (0 is x), and the end of the axis.
_SIDES: dict[str, tuple[tuple[str, ...], int, int]] = {
    "left": (
        ("left {n}", "{n} on the left", "leftmost {n}", "{n} on the left side", "{n} to the left"),
        0, 0,
    ),
    "right": (
        ("right {n}", "{n} on the right", "rightmost {n}", "{n} on the right side", "{n} to the right"),
        0, -1,
    ),
    "top": (("top {n}", "{n} at the top", "upper {n}", "highest {n}"), 1, 0),
    "bottom": (("bottom {n}", "{n} at the bottom", "lower {n}", "lowest {n}"), 1, -1),
}  # fmt: skip
_ORDINALS = ("first", "second", "third", "fourth")


def by_place(scene: Scene, random: Random) -> Question | None:
    """ "the dog on the left", "the second chair from the right", "the cup in the middle"."""
    names = [
        n for n in classes(scene) if 2 <= len(things_of(scene, n)[0]) <= 6 and not things_of(scene, n)[1]
    ]
    if not names:
        return None
    name = pick(names, random)
    things = things_of(scene, name)[0]
    word = word_for(name, random)
    if len(things) > 2 and random.random() < 0.35:
        order = _clear_order([_center(o)[0] for o in things], 0.04)
        if order is None:
            return None
        if len(things) % 2 and random.random() < 0.4:
            target = things[order[len(order) // 2]]
            text = pick(
                ["middle {n}", "{n} in the middle", "center {n}", "{n} in the center"], random
            ).format(n=word)
        else:
            i = int(random.integers(min(len(order), len(_ORDINALS))))
            right = random.random() < 0.5
            target = things[order[-1 - i if right else i]]
            text = f"{_ORDINALS[i]} {word} from the {'right' if right else 'left'}"
        return asked("the " + text, word, scene, [target], [], "place")
    texts, axis, end = _SIDES[pick(["left", "left", "right", "right", "top", "bottom"], random)]
    values = sorted(_center(o)[axis] for o in things)
    gap = values[1] - values[0] if end == 0 else values[-1] - values[-2]
    if gap < (0.06 if axis == 0 else 0.1):
        return None
    target = (min if end == 0 else max)(things, key=lambda o: _center(o)[axis])
    return asked("the " + pick(texts, random).format(n=word), word, scene, [target], [], "place")


def by_size(scene: Scene, random: Random) -> Question | None:
    """ "the largest bus", "the smaller dog", "the person closest to the camera"."""
    names = [
        n for n in classes(scene) if 2 <= len(things_of(scene, n)[0]) <= 8 and not things_of(scene, n)[1]
    ]
    if not names:
        return None
    name = pick(names, random)
    things = sorted(things_of(scene, name)[0], key=_area)
    word = word_for(name, random)
    two = len(things) == 2
    if random.random() < 0.6:
        if _area(things[-1]) < 1.5 * _area(things[-2]):
            return None
        texts = [
            "largest {n}",
            "biggest {n}",
            "big {n}",
            "large {n}",
            "closest {n}",
            "nearest {n}",
            "{n} closest to the camera",
            "{n} in front",
            "{n} in the foreground",
        ]
        texts += ["larger {n}", "bigger {n}", "closer {n}"] if two else []
        target = things[-1]
    else:
        if _area(things[1]) < 1.5 * _area(things[0]):
            return None
        texts = [
            "smallest {n}",
            "small {n}",
            "little {n}",
            "farthest {n}",
            "{n} in the background",
            "{n} farthest away",
            "{n} in the back",
        ]
        texts += ["smaller {n}"] if two else []
        target = things[0]
    return asked("the " + pick(texts, random).format(n=word), word, scene, [target], [], "size")


def _near(a: Object, b: Object) -> float:
    """Return the gap between two boxes in units of their mean size; negative if they overlap."""
    gaps = np.maximum(a.box[:2] - b.box[2:], b.box[:2] - a.box[2:])
    size = np.sqrt(_area(a)) + np.sqrt(_area(b))
    return float(gaps.max()) / max(float(size) / 2, 1e-6)


def by_relation(scene: Scene, random: Random) -> Question | None:
    """ "the man next to the dog", "the cup on the table", "the car to the left of the bus"."""
    part = scene.parts[int(random.integers(len(scene.parts)))]
    things = [o for o in part.objects if o.score >= SURE]
    names = sorted({o.name for o in things})
    if len(names) < 2:
        return None
    name, other = (names[int(i)] for i in random.permutation(len(names))[:2])
    mine, doubtful = things_of(scene, name)
    landmarks, unsure = things_of(scene, other)
    if len(landmarks) != 1 or unsure or doubtful:
        return None
    mark = landmarks[0]
    word, landmark = word_for(name, random), word_for(other, random)
    if len(mine) > 1 and random.random() < 0.5:
        order = sorted(mine, key=lambda o: _near(o, mark))
        if _near(order[0], mark) > 0.5 or _near(order[1], mark) - _near(order[0], mark) < 0.5:
            return None
        target, texts = order[0], ["next to", "beside", "near", "by", "with", "closest to"]
    else:
        target = mine[int(random.integers(len(mine)))]
        (x, y), (mx, my) = _center(target), _center(mark)
        texts = []
        reach = 0.5 * float(mark.box[2] - mark.box[0])
        if x < mx - reach and all(o is target or _center(o)[0] > mx for o in mine):
            texts = ["to the left of", "left of"]
        elif x > mx + reach and all(o is target or _center(o)[0] < mx for o in mine):
            texts = ["to the right of", "right of"]
        elif y < my and target.box[3] < mark.box[3] and _near(target, mark) < -0.05 and len(mine) == 1:
            texts = ["on", "on", "above", "on top of"]
        elif y > my and mark.box[3] < target.box[3] and _near(target, mark) < 0 and len(mine) == 1:
            texts = ["under", "below", "beneath"]
        elif _near(target, mark) < 0.3 and len(mine) == 1:
            texts = ["next to", "beside", "near", "by"]
        if not texts:
            return None
    text = f"{word} {pick(texts, random)} the {landmark}"
    return asked("the " + text, word, scene, [target], [], "relation")


def _tint(thing: Object) -> Floats | None:
    return thing.torso if thing.name == "person" else thing.colors


def by_color(scene: Scene, random: Random) -> Question | None:
    """ "the red bus", "the person in blue", by the pixels in the middle of each box."""
    names = [n for n in classes(scene) if len(things_of(scene, n)[0]) <= 8]
    if not names:
        return None
    name = pick(names, random)
    things, doubtful = things_of(scene, name)
    tinted = [(o, t) for o in things if (t := _tint(o)) is not None]
    if not tinted:
        return None
    shares = np.stack([t for _, t in tinted])
    color = (
        int(random.integers(len(COLORS)))
        if random.random() < 0.5
        else int(shares[int(random.integers(len(tinted)))].argmax())
    )
    strong = 0.42 if color < 8 else 0.6
    word = word_for(name, random)
    tint = {"grey": "gray"}.get(COLORS[color], COLORS[color])
    if name == "person":
        garment = pick(["", " shirt", " jacket", " top", " clothes", " shirt"], random)
        the = "the " if garment and random.random() < 0.5 else ""
        text = f"{word} {pick(('in', 'wearing', 'dressed in'), random)} {the}{tint}{garment}"
    else:
        text = f"{tint} {word}"
    faint = 0.03 if color < 8 else 0.06
    if (shares[:, color] < faint).all() and len(tinted) == len(things):
        return Question(with_article(text, random), word, marks(scene, [], doubtful), False, "absent color")  # type: ignore[arg-type]
    meant = [
        o for (o, _), s in zip(tinted, shares, strict=True) if s[color] >= strong and s.argmax() == color
    ]
    if not meant:
        return None
    sure_not = [o for (o, _), s in zip(tinted, shares, strict=True) if s[color] < 0.12]
    unknown = [o for o in things if all(o is not m for m in (*meant, *sure_not))] + doubtful
    return asked(with_article(text, random), word, scene, meant, unknown, "color")
