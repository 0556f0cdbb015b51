"""Reads folders of images: objects from annotations, masks from label maps and polygons."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edgetrack.errors import SourceError
from edgetrack.training.data.paths import cache_folder, data_root
from edgetrack.training.data.pictures import XYWH, Instance, Picture, Pixels, clip_box, rect_of
from edgetrack.training.data.sources.class_maps import CACHE_NAME, SOURCES, VOC_CLASSES, records

_LONG_SIDE = 480
_MIN_COVER, _MAX_COVER = 0.25, 0.95  # fraction of the box that a plausible teacher mask fills
_SEEN_SHARE = 0.002
_LARGE = 0.02  # minimum fraction of the image for an object that only the teacher has found
_TRUSTED = ("motorcycle", "bicycle", "horse", "dog")  # classes that the teacher rarely confuses
_CAMVID = {"car": 8, "pedestrian": 9, "cyclist": 10}
# A connected component wider than this many times its height consists of several touching objects.
_GROUPS = {"car": (1.9, "cars"), "person": (0.75, "people")}
# The names of the 100 image classes in the vocabulary of the other sources.
_CALTECH_NAMES = {
    "airplanes": "airplane", "car side": "car", "motorbikes": "motorcycle", "leopards": "leopard",
    "faces": "face", "cougar body": "cougar", "cougar face": "cougar", "wild cat": "wildcat",
    "crocodile head": "crocodile", "flamingo head": "flamingo", "gerenuk": "gazelle",
    "water lilly": "water lily",
    "windsor chair": "chair", "joshua tree": "tree", "inline skate": "skate", "ketch": "sailboat",
    "schooner": "sailing ship", "cellphone": "phone", "dalmatian": "dog", "garfield": "cartoon cat",
}  # fmt: skip
_CALTECH_VOC = {
    "wildcat": "cat", "leopard": "cat", "cougar": "cat", "panda": "cat", "rooster": "bird", "pigeon": "bird",
    "emu": "bird", "flamingo": "bird", "ibis": "bird", "sailboat": "boat",
    "sailing ship": "boat", "ferry": "boat",
    "helicopter": "airplane", "face": "person",
}  # fmt: skip


def _shrink(pixels: Pixels) -> tuple[Pixels, float]:
    scale = min(1.0, _LONG_SIDE / max(pixels.shape[:2]))
    if scale < 1.0:
        pixels = np.asarray(
            cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8
        )
    return pixels, scale


def _crop(plane: Pixels, box: XYWH) -> Pixels:
    x0, y0, x1, y1 = rect_of(box)
    return plane[y0:y1, x0:x1]


def _largest(mask: Pixels) -> Pixels:
    """Return the largest connected component of ``mask``."""
    count, parts, stats, _ = cv2.connectedComponentsWithStats(mask)
    if count <= 2:
        return mask
    best = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    return np.asarray((parts == best) * np.uint8(255), np.uint8)


def _teacher_mask(classes: Pixels | None, category: str, box: XYWH) -> Pixels | None:
    if classes is None or category not in VOC_CLASSES:
        return None
    inside = (_crop(classes, box) == VOC_CLASSES.index(category)).astype(np.uint8) * 255
    return inside.copy() if _MIN_COVER <= float(inside.mean()) / 255 <= _MAX_COVER else None


def _polygon_mask(polygons: list[list[float]], box: XYWH, scale: float) -> Pixels:
    x0, y0, x1, y1 = rect_of(box)
    mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
    shapes: list[Any] = [
        np.round((np.array(p).reshape(-1, 2) * scale - (x0, y0)) * 16).astype(np.int32) for p in polygons
    ]
    cv2.fillPoly(mask, shapes, 255, shift=4)
    return mask


def _face(labels: Pixels, person: XYWH, names: list[str]) -> Instance | None:
    """Return the face in a fashion photo: the topmost region of skin that touches hair or is at the top."""
    _, y, _, h = person
    top = np.zeros_like(labels)
    rows = slice(int(y), int(y + 0.24 * h))
    top[rows] = (labels[rows] == names.index("skin")) * np.uint8(255)
    count, _, stats, _ = cv2.connectedComponentsWithStats(top)
    if count < 2:
        return None
    first = 1 + int(
        np.argmin(stats[1:, cv2.CC_STAT_TOP] + np.where(stats[1:, cv2.CC_STAT_AREA] < 30, 1000, 0))
    )
    fx, fy, fw, fh, area = (int(v) for v in stats[first])
    fh = min(fh, round(1.45 * fw))  # without the neck, which is labeled as skin, too
    hair = labels[max(0, fy - fh // 2) : fy + fh, max(0, fx - fw) : fx + 2 * fw] == names.index("hair")
    plausible = 9 <= fw <= 0.16 * h and 0.8 * fw <= fh and area > 60 and fy < y + 0.1 * h
    if not plausible or int(hair.sum()) < 20:
        return None
    lift = 0.12 * fh  # the face box includes the forehead under bangs
    return Instance("face", (float(fx), fy - lift, float(fw), fh + lift))


def _fashion(record: dict[str, Any], labels: Pixels, names: list[str]) -> tuple[Instance, ...]:
    parts: list[Instance] = []
    people: list[XYWH] = []
    for item in record["objects"]:
        box = clip_box(tuple(item["box"]), labels.shape[1], labels.shape[0])
        if box is None:
            continue
        if item["category"] == "person":
            people.append(box)
        elif item["category"] in names:
            mask = (_crop(labels, box) == names.index(item["category"])).astype(np.uint8) * 255
            parts.append(Instance(item["category"], box, mask))
    instances = []
    for box in people:
        face = _face(labels, box, names)
        mine = (*parts, face) if face is not None else tuple(parts)
        mask = _largest((_crop(labels, box) > 0).astype(np.uint8) * 255)
        instances.append(Instance("person", box, mask, mine))
    return tuple(instances)


def _mapped(
    record: dict[str, Any], labels: Pixels, classes: Pixels | None, source: str
) -> tuple[Instance, ...]:
    """Return the objects of an image with a map of classes (camvid) or of the person (people)."""
    instances = []
    for item in record["objects"]:
        box = clip_box(tuple(item["box"]), labels.shape[1], labels.shape[0])
        if box is None:
            continue
        category = str(item["category"])
        plane = _crop(labels, box)
        mask = _largest(
            (plane == _CAMVID[category] if source == "camvid" else plane > 0).astype(np.uint8) * 255
        )
        if category == "car" and classes is not None:  # the map of this set labels buses and trucks as cars
            votes = np.bincount(_crop(classes, box)[mask > 0], minlength=len(VOC_CLASSES))
            if (
                votes[VOC_CLASSES.index("bus")] + votes[VOC_CLASSES.index("train")]
                > votes[VOC_CLASSES.index("car")]
            ):
                category = "bus"
        category = {"pedestrian": "person"}.get(category, category)
        if source == "camvid" and category in _GROUPS and box[2] > _GROUPS[category][0] * box[3]:
            category = _GROUPS[category][1]
        instances.append(Instance(category, box, mask))
    return tuple(instances)


def _portrait(classes: Pixels | None, width: int, height: int) -> XYWH:
    """Return the head of a person who faces the camera: the top of the teacher's person mask, at its width there."""
    person = np.zeros((1, 1), np.bool_) if classes is None else classes == VOC_CLASSES.index("person")
    rows = np.flatnonzero(person.any(axis=1))
    if len(rows) < 0.4 * height:
        return 0.27 * width, 0.12 * height, 0.40 * width, 0.78 * height
    top = int(rows[0])
    columns = np.flatnonzero(person[top : top + int(0.4 * height)].any(axis=0))
    x, w = float(columns[0]), float(columns[-1] - columns[0] + 1)
    return x, float(top), w, min(1.35 * w, height - top)


def _whole(record: dict[str, Any], classes: Pixels | None) -> tuple[Instance, ...]:
    """Return the object of a Caltech image: the teacher's box if it finds one, else the image with a small inset."""
    width, height = record["width"], record["height"]
    name = _CALTECH_NAMES.get(record["category"], record["category"])
    if name == "face":
        return (Instance(name, _portrait(classes, width, height)),)
    box: XYWH = (0.05 * width, 0.05 * height, 0.9 * width, 0.9 * height)
    if classes is None or "head" in record["category"] or "face" in record["category"]:
        return (Instance(name, box),)
    front = _largest((classes > 0).astype(np.uint8) * 255)
    x, y, w, h = cv2.boundingRect(front)
    if w < 0.6 * width or h < 0.45 * height:
        return (Instance(name, box),)
    box = (float(x), float(y), float(w), float(h))
    mask = _crop(front, box)
    return (Instance(name, box, mask.copy() if float(mask.mean()) / 255 <= _MAX_COVER else None),)


def _plain(
    record: dict[str, Any], classes: Pixels | None, scale: float, size: tuple[int, int]
) -> tuple[Instance, ...]:
    instances = []
    for item in record["objects"]:
        box = clip_box(tuple(v * scale for v in item["box"]), *size)
        if box is None:
            continue
        if "polygons" in item:
            mask: Pixels | None = _polygon_mask(item["polygons"], box, scale)
        else:
            mask = _teacher_mask(classes, item["category"], box)
        instances.append(Instance(item["category"], box, mask))
    return (*instances, *_unnamed(classes, {instance.category for instance in instances}))


def _unnamed(classes: Pixels | None, named: set[str]) -> tuple[Instance, ...]:
    """Return large objects found by the teacher that are not annotated; annotations cover only a few classes."""
    if classes is None:
        return ()
    instances = []
    for category in _TRUSTED:
        index = VOC_CLASSES.index(category)
        if category in named or (category == "dog" and "cat" in named):
            continue
        area = np.equal(classes, index).astype(np.uint8) * np.uint8(255)
        if cv2.countNonZero(area) <= _LARGE * area.size:
            continue
        mask = _largest(area)
        x, y, w, h = cv2.boundingRect(mask)
        if cv2.countNonZero(mask) > 0.4 * w * h and cv2.countNonZero(mask) > 0.8 * cv2.countNonZero(area):
            inside = mask[y : y + h, x : x + w].copy()
            instances.append(Instance(category, (float(x), float(y), float(w), float(h)), inside))
    return tuple(instances)


class Reader:
    """Reads images, with the cached class maps if available."""

    def __init__(self, root: Path, cache: Path) -> None:
        self._root = root / "train"
        self._names: list[str] = json.loads((self._root / "ccp" / "labels.json").read_text())
        path = cache / CACHE_NAME
        self._maps = np.load(path) if path.exists() else None
        self._shares = (
            {} if self._maps is None else dict(zip(self._maps["names"], self._maps["shares"], strict=True))
        )

    def read(self, source: str, record: dict[str, Any]) -> Picture:
        """Return the image of one annotation record."""
        folder, key = self._root / source, f"{source}/{record['image']}"
        pixels, scale = _shrink(np.asarray(cv2.imread(str(folder / record["image"])), np.uint8))
        classes = self._maps[key] if self._maps is not None and key in self._maps else None
        labels = None
        if "label_map" in record:
            labels = np.asarray(cv2.imread(str(folder / record["label_map"]), cv2.IMREAD_UNCHANGED), np.uint8)
        category = ""
        if source == "ccp" and labels is not None:
            instances = _fashion(record, labels, self._names)
        elif labels is not None:
            instances = _mapped(record, labels, classes, source)
        elif source == "caltech101":
            instances = _whole(record, classes)
            category = instances[0].category
        else:
            instances = _plain(record, classes, scale, (pixels.shape[1], pixels.shape[0]))
        share = self._shares.get(key)
        seen = (
            set()
            if share is None
            else {c for c, s in zip(VOC_CLASSES, share, strict=True) if s > _SEEN_SHARE}
        )
        seen |= {instance.category for instance in instances} | {_CALTECH_VOC.get(category, category)}
        if instances and any(part.category == "face" for instance in instances for part in instance.parts):
            seen.add("face")
        return Picture(pixels, instances, source, str(record["image"]), frozenset(seen))


def read_folder(folder: Path) -> list[Picture]:
    """Read your own folder of images; each line of ``annotations.jsonl`` describes an image and its objects.

    A line is ``{"image": path, "objects": [{"category": str, "box": [x, y, w, h], "polygons"?: [[x, y, ...]]}]}``.

    Raises:
        SourceError: The file does not exist, or an image cannot be read.
    """
    path = folder / "annotations.jsonl"
    if not path.is_file():
        raise SourceError(f"{path} does not exist; expected one JSON object per line: image, objects")
    pictures = []
    for line in path.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        image = cv2.imread(str(folder / record["image"]))
        if image is None:
            raise SourceError(f"{folder / record['image']}, named in {path}, cannot be read as an image")
        pixels, scale = _shrink(np.asarray(image, np.uint8))
        instances = _plain(record, None, scale, (pixels.shape[1], pixels.shape[0]))
        seen = frozenset(instance.category for instance in instances)
        pictures.append(Picture(pixels, instances, "folders", str(record["image"]), seen))
    return pictures


def load_pictures(
    root: str | Path | None = None,
    cache: Path | None = None,
    limit: int | None = None,
    folders: Sequence[str] = (),
) -> list[Picture]:
    """Load all images (at most ``limit`` per source), about 1.5 GB, and those of ``folders``.

    Without the cache of `edgetrack.training.data.sources.class_maps`, VOC objects get soft ellipses as masks.
    """
    folder = data_root(root)
    reader = Reader(folder, cache or cache_folder())
    known = [reader.read(source, record) for source in SOURCES for record in records(folder, source)[:limit]]
    return known + [picture for path in folders for picture in read_folder(Path(path))]
