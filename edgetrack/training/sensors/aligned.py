"""Photographs of a scene in color and by a second sensor, aligned, with boxes: the real pairs of the training.

    FOLDER/{annotations.jsonl, ...}

Each line of ``annotations.jsonl`` is an object: ``image`` and ``x``, the paths of the color image and of the second
sensor's in the folder, with 8 bits and the same size; ``objects``, a list of ``{"category", "box": [x, y, w, h]}`` in
pixels; and optionally ``width`` and ``height``. Other keys are ignored.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edgetrack.datasets.phrases import checked_box
from edgetrack.datasets.tables import inside, read_lines
from edgetrack.errors import DatasetError
from edgetrack.training.data.pictures import Instance, Picture, Pixels, clip_box
from edgetrack.training.data.synthetic.pool import Actor, area_root
from edgetrack.training.masks.things import Things
from edgetrack.training.sensors.models import Random, gray

HELD_OUT = 8  # one of this many pairs is for validation
_LEAST = 16.0  # square root of the area in pixels; smaller boxes are inaccurate
_MIDDLE = 128.0  # level that a change of contrast keeps: that of the border around an image
_SLACK = 1.0  # pixels by which a box may exceed its image


def load_aligned(folders: Sequence[str], *, held_out: bool) -> Things | None:
    """Load the pairs for training, or those held out (every eighth line of each folder), into memory.

    Args:
        folders: Folders as described above.
        held_out: Whether to load those held out.

    Returns:
        The objects of at least 16 pixels (root of the area), in pictures that are scenes uint8 (H, W, 4): blue,
        green, red, and the second sensor. None without folders.

    Raises:
        DatasetError: A file is missing or malformed, two images differ in size, or no object is large enough.
    """
    if not folders:
        return None
    pictures = [
        _pair(Path(folder), line, f"{Path(folder) / 'annotations.jsonl'}:{number}")
        for folder in folders
        for number, line in enumerate(_lines(Path(folder)), 1)
        if ((number - 1) % HELD_OUT == 0) == held_out
    ]
    things = Things(pictures, _large)
    if not things.by_category:
        raise DatasetError(
            f"the {len(pictures)} pairs of {', '.join(folders)} for {'validation' if held_out else 'training'} have "
            f"no object of {_LEAST:g} pixels or more (root of the area); expected at least one"
        )
    return things


def scene(picture: Picture, random: Random) -> Pixels:
    """Return the scene of a pair, whose level is what the second sensor recorded."""
    return picture.pixels


def recorded(scene: Pixels, random: Random) -> Pixels:
    """Return the second sensor's image, white-hot or black-hot, with a random contrast."""
    gain = float(np.exp(random.normal(0, 0.25))) * (1 if random.random() < 0.5 else -1)
    return gray(_MIDDLE + gain * (scene[..., 3].astype(np.float32) - _MIDDLE))


def _lines(folder: Path) -> list[str]:
    path = folder / "annotations.jsonl"
    if not path.is_file():
        raise DatasetError(f"{path} does not exist; expected one JSON object per line: image, x, objects")
    return read_lines(path)


def _pair(folder: Path, line: str, place: str) -> Picture:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{place}: not valid JSON ({error}); expected one JSON object per line") from None
    if not isinstance(record, dict) or not isinstance(record.get("objects"), list):
        raise DatasetError(f"{place}: {line!r:.80}; expected an object with image, x and a list of objects")
    color, x = (
        _image(
            folder / inside(record.get(key), f"{place}: {key}", f"the path of an image inside {folder}"), kind
        )
        for key, kind in (("image", cv2.IMREAD_COLOR), ("x", cv2.IMREAD_ANYDEPTH))
    )
    height, width = color.shape[:2]
    if x.shape != (height, width):
        raise DatasetError(
            f"{place}: image has {width} x {height} pixels, and x has {x.shape[1]} x {x.shape[0]}; expected the same "
            "size: align them, see `edgetrack align`"
        )
    given = record.get("width", width), record.get("height", height)
    if given != (width, height):
        raise DatasetError(
            f"{place}: width and height are {given!r:.80}, but the image has {width} x {height} pixels; expected its "
            "size, because boxes are in its pixels"
        )
    found = (_instance(item, width, height, place) for item in record["objects"])
    instances = tuple(instance for instance in found if instance is not None)
    return Picture(np.dstack((color, x)), instances, folder.name, record["image"])


def _image(path: Path, kind: int) -> Pixels:
    image = cv2.imread(str(path), kind)
    if image is None:
        raise DatasetError(f"{path} cannot be read as an image")
    if image.dtype != np.uint8:
        raise DatasetError(
            f"{path} has {8 * image.itemsize} bits; expected 8: convert it with edgetrack.sensor_picture"
        )
    return np.asarray(image, np.uint8)


def _instance(item: Any, width: int, height: int, place: str) -> Instance | None:
    """Return the object, None if hardly any of it is in the image."""
    if not isinstance(item, dict):
        raise DatasetError(f"{place}: object {item!r:.80}; expected an object with category and box")
    category = item.get("category")
    if not isinstance(category, str) or not category.strip():
        raise DatasetError(f"{place}: category {category!r:.80}; expected a noun such as 'car'")
    x, y, w, h = box = checked_box(item.get("box"), place)
    if min(x, y) < -_SLACK or x + w > width + _SLACK or y + h > height + _SLACK:
        raise DatasetError(
            f"{place}: box {list(box)} exceeds the image of {width} x {height} pixels; expected x, y, w, h inside"
        )
    clipped = clip_box(box, width, height)
    return None if clipped is None else Instance(category, clipped)


def _large(picture: Picture) -> list[Actor]:
    return [Actor(picture, instance) for instance in picture.instances if area_root(instance.box) >= _LEAST]
