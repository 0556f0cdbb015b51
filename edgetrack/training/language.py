"""Write a suite of sentences with known answers for `eval --language`: synthetic scenes and annotated photographs.

``python -m edgetrack.training.language FOLDER`` reads the training images (``EDGETRACK_DATA``) and writes a folder in
the layout of `edgetrack.datasets.langdev`, which is the same in every run. It contains nothing from evaluation-only
data sets. The images are from the training sources, so that the suite measures grammar and geometry, and not how well
the network generalizes to new images.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edgetrack.training.command_line import arguments
from edgetrack.training.data.paths import data_root
from edgetrack.training.data.pictures import XYWH, Pixels
from edgetrack.training.data.sources.images import load_pictures
from edgetrack.training.data.synthetic import augment
from edgetrack.training.data.synthetic.recolor import CHROMATIC
from edgetrack.training.data.synthetic.scene import Item, Scene
from edgetrack.training.grounder.cache import read_annotations
from edgetrack.training.grounder.nouns import COCO
from edgetrack.training.grounder.scenes import SceneWriter
from edgetrack.training.language_texts import Case, Objects, photograph_cases

SEED = 17
DRAWN = 900  # number of synthetic scenes
PER_KIND = 150  # sentences of each kind
PER_PICTURE = 2  # sentences of each kind per image
PHOTOGRAPHS = ("coco", "coco_small", "voc")  # every object of their classes is annotated
_LEAST = 0.09  # minimum side of objects as a fraction of the image's; images with smaller ones are not used
_SEEN = 0.7  # minimum visible fraction of a synthetic object


@dataclass(frozen=True, slots=True)
class Drawn:
    """An image with its cases."""

    pixels: Pixels
    cases: list[Case]


def scenes(random: np.random.Generator) -> Iterator[Drawn]:
    """Yield synthetic scenes: objects of one class in several colors."""
    writer = SceneWriter(load_pictures(limit=150), seed=SEED)
    for _ in range(DRAWN):
        scene, _ = writer.scene()
        cases = list(_color_cases(scene, random))
        if cases:
            yield Drawn(np.asarray(augment.camera(scene.canvas, random, keep_color=True), np.uint8), cases)


def _color_cases(scene: Scene, random: np.random.Generator) -> Iterator[Case]:
    """Yield cases of objects that do not have a color, of an absent color, and of an absent class."""
    for name in sorted({item.category for item in scene.items} - scene.loose):
        items = [item for item in scene.items if item.category == name]
        if name not in COCO or not all(_is_plain(item, scene.size) for item in items):
            continue
        boxes = tuple(item.box for item in items)
        shown = {color for item in items for color in item.colors or ()}
        for item in items:
            color = item.color
            if color not in CHROMATIC or len(items) < 2:
                continue
            others = tuple(other.box for other in items if color not in (other.colors or ()))
            if len(others) == len(items) - 1:
                text = ("{n} that is not {c}", "{n} but not the {c} one", "non-{c} {n}")[
                    int(random.integers(3))
                ]
                yield Case(text.format(n=name, c=color), "negation", others, ((name, boxes),))
                break
        missing = [color for color in CHROMATIC if color not in shown and color != "brown"]
        if missing:
            yield Case(f"{missing[int(random.integers(len(missing)))]} {name}", "color swap", (), ())
    here = {item.category for item in scene.items} | scene.loose
    colored = [item for item in scene.items if item.color in CHROMATIC and _is_plain(item, scene.size)]
    absent = [name for name in ("bus", "truck", "motorcycle", "train", "boat") if name not in here]
    if colored and absent and "car" not in scene.loose:
        name = absent[int(random.integers(len(absent)))]
        yield Case(f"{colored[0].color} {name}", "wrong class", (), ())


def _is_plain(item: Item, size: tuple[int, int]) -> bool:
    """Return whether a synthetic object is whole, large enough, and of known colors."""
    least = min(item.box[2] / size[0], item.box[3] / size[1])
    return item.shown >= _SEEN and item.colors is not None and least >= _LEAST


def photographs(random: np.random.Generator) -> Iterator[tuple[Path, Objects]]:
    """Yield images in which each object is large enough to be named, in random order."""
    found: list[tuple[Path, Objects]] = []
    for source in PHOTOGRAPHS:
        folder = data_root() / "train" / source
        for line in read_annotations(folder):
            objects: dict[str, list[XYWH]] = {}
            for thing in line["objects"]:
                x, y, w, h = map(float, thing["box"])
                objects.setdefault(thing["category"], []).append((x, y, w, h))
            width, height = line["width"], line["height"]
            sizes = [min(w / width, h / height) for boxes in objects.values() for _, _, w, h in boxes]
            if objects and min(sizes) >= _LEAST and len(sizes) <= 8:
                known = sorted(COCO) if source != "voc" else sorted(_VOC)
                found.append((folder / line["image"], Objects((width, height), objects, tuple(known))))
    for i in random.permutation(len(found)):
        yield found[int(i)]


_VOC = {
    "airplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "dining table", "dog",
    "horse", "motorcycle", "person", "potted plant", "sheep", "couch", "train", "tv",
}  # fmt: skip


def write(folder: Path) -> Counter[str]:
    """Write images and sentences; return the number of sentences of each kind."""
    random = np.random.default_rng(SEED)
    (folder / "images").mkdir(parents=True)
    counts: Counter[str] = Counter()
    lines: list[str] = []

    def take(name: str, size: tuple[int, int], cases: list[Case]) -> bool:
        here: Counter[str] = Counter()
        for case in cases:
            if counts[case.kind] < PER_KIND and here[case.kind] < PER_PICTURE:
                counts[case.kind] += 1
                here[case.kind] += 1
                lines.append(json.dumps(_entry(name, size, case)))
        return bool(here)

    for number, drawn in enumerate(scenes(random)):
        name = f"images/drawn-{number:04d}.png"
        height, width = drawn.pixels.shape[:2]
        if take(name, (width, height), drawn.cases):
            cv2.imwrite(str(folder / name), drawn.pixels)
    for place, objects in photographs(random):
        name = f"images/{place.parent.name}-{place.name}"
        if take(name, objects.size, list(photograph_cases(objects, random))):
            (folder / name).write_bytes(place.read_bytes())
    (folder / "phrases.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return counts


def _entry(name: str, size: tuple[int, int], case: Case) -> dict[str, Any]:
    return {
        "image": name,
        "width": size[0],
        "height": size[1],
        "phrase": case.text,
        "kind": case.kind if case.boxes else f"absent_{case.kind}",
        "boxes": [[round(v, 1) for v in box] for box in case.boxes],
        "parts": [
            {"phrase": text, "boxes": [[round(v, 1) for v in box] for box in boxes]}
            for text, boxes in case.parts
        ],
    }


def main() -> None:
    folder = arguments(__doc__, folder=Path).folder
    if folder.exists():
        raise SystemExit(f"error: {folder} exists; expected a new folder: name another one")
    for kind, count in sorted(write(folder).items()):
        print(f"{count:4d} {kind}")


if __name__ == "__main__":
    main()
