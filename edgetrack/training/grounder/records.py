"""Labels of the training images: objects, their colors, captions, and classifications of crops."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgetrack.training.data.synthetic.recolor import COLORS, color_shares
from edgetrack.training.grounder.cache import read_annotations
from edgetrack.training.grounder.nouns import COCO
from edgetrack.training.resumable import replacing

NAMES = tuple(COCO)
_SAME = {
    "pedestrian": "person", "cyclist": "person", "faces": "face", "motorbikes": "motorcycle", "airplanes": "airplane",
    "car side": "car", "cellphone": "cell phone", "pigeon": "bird",
}  # fmt: skip
_COMPLETE = ("coco", "coco_small")  # sources in which every object of the 80 classes is annotated by hand


@dataclass(frozen=True, eq=False, slots=True)
class Object:
    """An object in an image."""

    name: str  # its class
    box: NDArray[np.float32]  # (4,) x1, y1, x2, y2 as fractions of the image
    score: float  # 1 if annotated by hand, else the teachers' confidence
    colors: NDArray[np.float32] | None = None  # (11,) fraction of its pixels for each of `COLORS`
    torso: NDArray[np.float32] | None = None  # the same for a person's upper body


@dataclass(frozen=True, eq=False, slots=True)
class Region:
    """An object or place as annotators named it, with the boxes that they drew."""

    phrases: tuple[str, ...]
    type: str  # "people", "clothing", "animals", "vehicles", "bodyparts", "instruments", "scene" or "other"
    boxes: tuple[NDArray[np.float32], ...]  # (4,) x1, y1, x2, y2 as fractions of the image


@dataclass(frozen=True, eq=False, slots=True)
class Record:
    """An image with its labels."""

    source: str
    row: int  # index in the source's annotations and cache
    objects: tuple[Object, ...]
    captions: tuple[str, ...] = ()
    category: str = ""  # what the whole image shows
    phrases: tuple[tuple[str, NDArray[np.float32] | None], ...] = ()  # with boxes; None: nothing fits
    crops: tuple[tuple[NDArray[np.float32], dict[str, float]], ...] = ()  # boxes with probabilities of nouns
    regions: tuple[Region, ...] = ()
    complete: bool = False  # every object of the 80 classes is in ``objects``
    absent: frozenset[str] = field(default_factory=frozenset)  # those of the 80 classes surely not there


def _ellipse(height: int, width: int) -> NDArray[np.uint8]:
    mask = np.zeros((height, width), np.uint8)
    cv2.ellipse(
        mask,
        (width // 2, height // 2),
        (max(1, int(width * 0.36)), max(1, int(height * 0.38))),
        0,
        0,
        360,
        255,
        -1,
    )
    return mask


def _colors(picture: Any, box: NDArray[Any]) -> NDArray[np.float32] | None:
    height, width = picture.shape[:2]
    x1, y1, x2, y2 = (box * (width, height, width, height)).round().astype(int)
    patch = picture[y1:y2, x1:x2]
    if min(patch.shape[:2]) < 8:
        return None
    return color_shares(patch, _ellipse(*patch.shape[:2])).astype(np.float32)


def _torso(box: NDArray[Any]) -> NDArray[np.float32]:
    x1, y1, x2, y2 = box
    w, h = x2 - x1, y2 - y1
    return np.array((x1 + 0.2 * w, y1 + 0.18 * h, x2 - 0.2 * w, y1 + 0.52 * h), np.float32)


def _shares(box: Sequence[float], width: float, height: float) -> NDArray[np.float32]:
    x, y, w, h = box
    return np.array((x / width, y / height, (x + w) / width, (y + h) / height), np.float32).clip(0, 1)


@lru_cache
def _nouns(teachers: Path) -> tuple[list[str], list[str]]:
    """Return the class names of the labeler and of ImageNet, as people would write them."""
    import zipfile

    labeler = zipfile.ZipFile(teachers / "2026" / "mlkit_object_labeler.tflite").read(
        "probability-labels-en.txt"
    )
    imagenet = (teachers / "mobilenetv2_imagenet_labels.txt").read_text().strip("\n").split("\n")[-1000:]
    return [n.lower() for n in labeler.decode().strip("\n").split("\n")], [
        n.split(",")[0].strip().lower() for n in imagenet
    ]


def read_regions(path: Path) -> dict[int, tuple[Region, ...]]:
    """Read the regions of each row, as `edgetrack.training.grounder.entities` writes them; empty without a file."""
    out = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        entry = json.loads(line)
        out[int(entry["row"])] = tuple(
            Region(tuple(r["phrases"]), r["type"], tuple(np.array(b, np.float32) for b in r["boxes"]))
            for r in entry["regions"]
        )
    return out


def load(folder: Path, cache: Path, teachers: Path) -> list[Record]:
    """Read the records of a source, except for those without features in the cache."""
    source = folder.name
    done = np.load(cache / f"{source}.0.done.npy")
    path = cache / f"{source}.labels.jsonl"
    answers = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    regions = read_regions(cache / f"{source}.regions.jsonl")
    boxes = np.load(cache / f"{source}.0.boxes.npy", mmap_mode="r")
    logits = np.load(cache / f"{source}.0.logits.npy", mmap_mode="r")
    colors = _color_table(folder, cache)
    nouns = _nouns(teachers)
    out = []
    for row, line in enumerate(read_annotations(folder)):
        if not done[row]:
            continue
        answer = answers[row] if row < len(answers) else {"found": [], "crops": []}
        objects = _objects(line, colors[row] if row < len(colors) else [])
        complete = source in _COMPLETE or bool(line.get("complete"))
        if not complete:
            objects += _found(source, answer["found"], objects)
        absent = _absent(source, objects, complete, np.asarray(logits[row]).astype(np.float32).max(0))
        crops = []
        for k, crop in enumerate(answer["crops"]):
            if crop is not None:
                likely = {nouns[t][c]: p for t in (0, 1) for c, p in crop[t]}
                crops.append((np.asarray(boxes[row, k]).copy(), likely))
        phrases = [
            (p["phrase"], None if p["box"] is None else _shares(p["box"], line["width"], line["height"]))
            for p in line.get("phrases", ())
        ]
        out.append(
            Record(
                source, row, tuple(objects), tuple(line.get("captions", ())),
                _SAME.get(line.get("category", ""), line.get("category", "")), tuple(phrases), tuple(crops),
                regions.get(row, ()), complete, absent,
            )
        )  # fmt: skip
    return out


def _objects(line: dict[str, Any], colors: list[tuple[Any, Any]]) -> list[Object]:
    """Return the annotated objects of an image; ``colors`` has those of each object and of its torso, if known."""
    objects = []
    for k, thing in enumerate(line["objects"]):
        name = _SAME.get(thing["category"], thing["category"])
        box = _shares(thing["box"], line["width"], line["height"])
        tints = colors[k] if colors else (None, None)
        objects.append(Object(name, box, float(thing.get("score", 1.0)), *tints))
    return objects


def _found(source: str, found: list[list[float]], annotated: list[Object]) -> list[Object]:
    """Return the objects that the teachers found, of classes that are not annotated by hand in this image."""
    by_hand = {thing.name for thing in annotated if thing.score == 1.0}
    if source == "voc":
        by_hand |= {"car", "person", "cat", "train", "bus"}
    return [
        Object(NAMES[int(c)], np.array(box, np.float32), score)
        for c, score, *box in found
        if NAMES[int(c)] not in by_hand
    ]


def _absent(source: str, objects: list[Object], complete: bool, best: NDArray[np.float32]) -> frozenset[str]:
    """Return the classes that are certainly absent; ``best`` (classes,) has the highest logit of each class."""
    if source == "scenes":
        return frozenset()  # its phrases already cover absent objects
    seen = {thing.name for thing in objects if thing.score > 0.06}
    return frozenset(
        name for c, name in enumerate(NAMES) if name not in seen and (complete or best[c] < -2.5)
    )


def _color_table(folder: Path, cache: Path) -> list[list[tuple[Any, Any]]]:
    """Return the colors of every object of a source, and of the torso of people; they are computed once."""
    path = cache / f"{folder.name}.colors.npz"
    lines = read_annotations(folder)
    counts = [len(line["objects"]) for line in lines]
    if path.exists():
        with np.load(path) as arrays:
            whole, torso = arrays["whole"], arrays["torso"]
    else:
        rows: list[NDArray[np.float32]] = []
        torsos: list[NDArray[np.float32]] = []
        none = np.full(len(COLORS), -1, np.float32)
        for line in lines:
            picture = cv2.imread(str(folder / line["image"])) if line["objects"] else None
            for thing in line["objects"]:
                box = _shares(thing["box"], line["width"], line["height"])
                found = _colors(picture, box)
                rows.append(none if found is None else found)
                worn = None
                if (
                    _SAME.get(thing["category"], thing["category"]) == "person"
                    and box[3] - box[1] > 1.2 * (box[2] - box[0]) * line["width"] / line["height"]
                ):
                    worn = _colors(picture, _torso(box))
                torsos.append(none if worn is None else worn)
        whole = np.array(rows, np.float32).reshape(-1, len(COLORS))
        torso = np.array(torsos, np.float32).reshape(-1, len(COLORS))
        with replacing(path) as part, part.open("wb") as file:
            np.savez_compressed(file, whole=whole, torso=torso)
    table, at = [], 0
    for count in counts:
        pairs = []
        for k in range(at, at + count):
            pairs.append(tuple(None if t[k][0] < 0 else t[k] for t in (whole, torso)))
        table.append(pairs)
        at += count
    return table  # type: ignore[return-value]
