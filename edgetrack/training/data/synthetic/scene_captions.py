"""Captions of a scene that are true of exactly one object, or of none."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from edgetrack.training.data.pictures import XYWH
from edgetrack.training.data.synthetic import vocabulary
from edgetrack.training.data.synthetic.recolor import COLORS
from edgetrack.training.data.synthetic.scene import LOWER, UPPER, Item, Scene

# Colors that people may call by the same name: a caption with one of them may be true of the other.
_NEAR: dict[str, tuple[str, ...]] = {
    "red": ("orange", "pink", "brown"), "orange": ("red", "yellow", "brown"), "yellow": ("orange",),
    "green": (),
    "blue": ("purple",), "purple": ("blue", "pink"), "pink": ("red", "purple"), "brown": ("red", "orange"),
    "black": ("grey",), "grey": ("black", "white"), "white": ("grey",),
}  # fmt: skip
_HUMAN = ("person", "cyclist")
# Absent classes are drawn from these more often, because users ask for them.
_COMMON = ("car", "bus", "train", "person", "cat", "cyclist", "dog", "truck", "motorcycle", "bicycle", "bird",
           "boat",
           "horse", "airplane", "face", "drone", "ball", "bag")  # fmt: skip


class Caption(NamedTuple):
    """A caption, the item that it identifies (None: nothing), and the box that it means: of the item or its face."""

    caption: str
    item: Item | None
    box: XYWH | None


def _rivals(scene: Scene, item: Item, word: str) -> list[Item] | None:
    """Return the other items that ``word`` could mean, or None if it could also mean something unlabeled."""
    meant = vocabulary.also(item.category, word)
    if scene.loose & meant:
        return None
    return [other for other in scene.items if other is not item and other.category in meant]


def _lacks(rivals: list[Item], color: str) -> bool:
    """Return whether it is certain that no rival shows the color."""
    return all(other.colors is not None and color not in other.colors for other in rivals)


def _plain(scene: Scene, item: Item, random: np.random.Generator) -> Caption | None:
    word = vocabulary.noun(item.category, random, worn=[name for name, _ in item.worn])
    if _rivals(scene, item, word) != []:
        return None
    return Caption(vocabulary.sentence(word, random, category=item.category), item, item.box)


def _colored(scene: Scene, item: Item, random: np.random.Generator) -> Caption | None:
    if item.color is None or item.category in (*_HUMAN, *vocabulary.TWO_COLORED):
        return None
    word = vocabulary.noun(item.category, random)
    rivals = _rivals(scene, item, word)
    if rivals is None or not _lacks(rivals, item.color):
        return None
    color = vocabulary.color_word(item.color, item.category, random)
    if color == "dark" and any(
        {"brown", "blue", "purple", "grey"} & (other.colors or set()) for other in rivals
    ):
        color = item.color
    return Caption(vocabulary.sentence(word, random, color=color, category=item.category), item, item.box)


def clothes(color: str, garment: str, random: np.random.Generator) -> str:
    """Return what follows the noun: "in red", "in the red shirt", "wearing a red dress"."""
    shown = vocabulary.color_word(color, "person", random)
    if garment in LOWER:
        return (f"in the {shown} {garment}", f"with {shown} {garment}", f"wearing {shown} {garment}")[
            random.integers(3)
        ]
    named = garment or ("shirt", "clothes", "jacket", "top")[random.integers(4)]
    article = "" if named == "clothes" else "a "
    return (
        f"in {shown}", f"in {shown}", f"wearing {shown}", f"in the {shown} {named}",
        f"wearing {article}{shown} {named}", f"dressed in {shown}",
    )[random.integers(6)]  # fmt: skip


def _dressed(scene: Scene, item: Item, random: np.random.Generator) -> Caption | None:
    if item.category not in _HUMAN:
        return None
    choices = [(item.color, "")] if item.color else []
    choices += [(c, name) for name, c in item.worn if c and name in UPPER and c == item.color]
    choices += [(c, name) for name, c in item.worn if c and name in LOWER]
    if not choices:
        return None
    color, garment = choices[int(random.integers(len(choices)))]
    word = vocabulary.noun(item.category, random, worn=[name for name, _ in item.worn])
    rivals = _rivals(scene, item, "person")
    if color is None or rivals is None or not _lacks(rivals, color):
        return None
    suffix = clothes(color, garment, random)
    box = item.box
    if item.face is not None and min(item.face[2:]) > 9 and random.random() < 0.35:
        face = vocabulary.noun("face", random)
        word, box = f"{face.replace('person', 'human')} of the {word}", item.face
    return Caption(vocabulary.sentence(word, random, category=item.category, suffix=suffix), item, box)


def _face(scene: Scene, item: Item, random: np.random.Generator) -> Caption | None:
    box = item.box if item.category == "face" else item.face
    if box is None or any(other.category in vocabulary.HUMANS for other in scene.items if other is not item):
        return None
    if (item.category != "face" and "person" in scene.loose) or min(box[2:]) < 9:
        return None
    word, suffix = vocabulary.noun("face", random), ""
    if random.random() < 0.4:
        suffix = f"of the {vocabulary.noun('person', random, worn=[name for name, _ in item.worn])}"
    return Caption(vocabulary.sentence(word.replace("person", "human"), random, suffix=suffix), item, box)


def _related(scene: Scene, item: Item, random: np.random.Generator) -> Caption | None:
    """Return a caption by left, right, top, bottom, larger or smaller, if objects of one class are clearly apart."""
    word = vocabulary.noun(item.category, random, sure=True)
    rivals = _rivals(scene, item, word)
    if not rivals or len(rivals) > 4 or any(other.shown < 0.6 for other in rivals):
        return None
    x, y, w, h = item.box
    width, height = scene.size
    gaps = {"left": min(o.box[0] + o.box[2] / 2 for o in rivals) - (x + w / 2)}
    gaps["right"] = x + w / 2 - max(o.box[0] + o.box[2] / 2 for o in rivals)
    gaps["top"] = min(o.box[1] + o.box[3] / 2 for o in rivals) - (y + h / 2)
    gaps["bottom"] = y + h / 2 - max(o.box[1] + o.box[3] / 2 for o in rivals)
    areas = [o.box[2] * o.box[3] for o in rivals]
    said: list[str] = []
    for side in ("left", "right"):
        if gaps[side] > max(0.14 * width, 0.4 * w):
            most = f"{side}most" if len(rivals) > 1 or random.random() < 0.2 else side
            said += [
                f"the {most} {word}",
                f"the {word} on the {side}",
                f"{word} on the {side}",
                f"{side} {word}",
            ]
    for side, name in (("top", "upper"), ("bottom", "lower")):
        if gaps[side] > max(0.22 * height, 0.6 * h):
            said += [f"the {word} at the {side}", f"the {name} {word}"]
    if w * h > 2 * max(areas):
        said += [
            f"the {'larger' if len(rivals) == 1 else 'largest'} {word}",
            f"the big {word}",
            f"the bigger {word}",
        ]
    if 2 * w * h < min(areas):
        said += [f"the {'smaller' if len(rivals) == 1 else 'smallest'} {word}", f"the small {word}"]
    return Caption(said[int(random.integers(len(said)))], item, item.box) if said else None


Describer = Callable[[Scene, Item, np.random.Generator], "Caption | None"]
_WAYS: tuple[tuple[Describer, float], ...] = (
    (_colored, 4),
    (_dressed, 4),
    (_related, 1.5),
    (_face, 1.2),
    (_plain, 1.6),
)


def by_color(scene: Scene, random: np.random.Generator) -> Caption | None:
    """Return a caption that identifies one of the recolored objects of the scene by its color."""
    items = [i for i in scene.items if i.painted and i.shown > 0.6 and i.color]
    for index in random.permutation(len(items)):
        claim = (_dressed if items[index].category in _HUMAN else _colored)(scene, items[index], random)
        if claim is not None:
            return claim
    return None


def positive(scene: Scene, random: np.random.Generator, *, least: float = 9.0) -> Caption | None:
    """Return a caption of exactly one visible object of at least ``least`` pixels."""
    items = [i for i in scene.items if i.shown > 0.6 and min(i.box[2:]) >= least]
    if not items:
        return None
    for _ in range(4):
        item = items[int(random.integers(len(items)))]
        keys = [(random.exponential() / weight, index) for index, (_, weight) in enumerate(_WAYS)]
        for _, index in sorted(keys):
            claim = _WAYS[index][0](scene, item, random)
            if claim is not None:
                return claim
    return None


def wrong_color(scene: Scene, random: np.random.Generator) -> Caption | None:
    """Return a caption of a visible class in a color that none of its objects has."""
    if not scene.items:
        return None
    item = scene.items[int(random.integers(len(scene.items)))]
    word = vocabulary.noun(item.category, random, sure=True)
    rivals = _rivals(scene, item, word)
    if rivals is None or item.category in (*vocabulary.TWO_COLORED, "face", "people", "cars"):
        return None
    shown: set[str] = set()
    for other in (item, *rivals):
        if other.colors is None:
            return None
        shown |= other.colors
    free = [c for c in COLORS if c not in shown and not shown & set(_NEAR[c])]
    if not free:
        return None
    return Caption(_claim(item.category, free[int(random.integers(len(free)))], random), None, None)


def _claim(category: str, color: str, random: np.random.Generator) -> str:
    word = vocabulary.noun(category, random, sure=True)
    if category in _HUMAN:
        return vocabulary.sentence(word, random, suffix=clothes(color, "", random))
    shown = vocabulary.color_word(color, category, random)
    return vocabulary.sentence(word, random, color=shown, category=category)


def _absent_class(scene: Scene, random: np.random.Generator, classes: list[str]) -> str | None:
    there = {item.category for item in scene.items} | scene.loose
    there |= {name for item in scene.items for name, _ in item.worn}
    for _ in range(6):
        names = list(_COMMON) if random.random() < 0.7 else classes
        name = names[int(random.integers(len(names)))]
        if not there & vocabulary.also(name, "vehicle" if name in vocabulary.VEHICLES else name):
            return name
    return None


def negative(scene: Scene, random: np.random.Generator, classes: list[str]) -> Caption | None:
    """Return a caption of no visible object: a wrong color, another class in a visible color, or an absent class."""
    draw = random.random()
    if draw < 0.3:
        claim = wrong_color(scene, random)
        if claim is not None:
            return claim
    name = _absent_class(scene, random, classes)
    if name is None:
        return None
    colored = [item.color for item in scene.items if item.color]
    if colored and draw < 0.5 and name not in vocabulary.TWO_COLORED and name != "face":
        return Caption(_claim(name, colored[int(random.integers(len(colored)))] or "", random), None, None)
    return Caption(
        vocabulary.sentence(vocabulary.noun(name, random, sure=True), random, category=name), None, None
    )
