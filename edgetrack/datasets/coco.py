"""COCO instances (Lin et al., ECCV 2014).

    COCO/{annotations/instances_train2017.json, train2017/000000000009.jpg}        or images/train2017/

A region's sentence is the name of its class, if no other object of this class is annotated in the image.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgetrack.datasets.sets import Region, RegionLayout
from edgetrack.datasets.tables import inside, read_json
from edgetrack.errors import MALFORMED, DatasetError


def image_folder(candidates: list[Path]) -> Path:
    """Return the first folder that exists."""
    for folder in candidates:
        if folder.is_dir():
            return folder
    raise DatasetError(f"no images: expected one of the folders {', '.join(map(str, candidates))}")


def _objects(values: Any, key: str, path: Path, fields: tuple[str, ...]) -> list[dict[str, Any]]:
    made = values.get(key) if isinstance(values, dict) else None
    if not isinstance(made, list):
        raise DatasetError(
            f"{path}: the list {key!r} is missing; expected COCO instances; download the file again"
        )
    for i, entry in enumerate(made):
        if not isinstance(entry, dict) or not all(name in entry for name in fields):
            raise DatasetError(f"{path}: {key}[{i}] is {entry!r:.80}; expected the keys {', '.join(fields)}")
    return made


def _box(value: Any, path: Path, number: int) -> tuple[float, float, float, float]:
    try:
        x, y, w, h = (float(v) for v in value)
        if not all(map(math.isfinite, (x, y, w, h))):
            raise ValueError
    except MALFORMED:
        raise DatasetError(
            f"{path}: annotations[{number}].bbox is {value!r:.80}; expected the four numbers x, y, w, h"
        ) from None
    return x, y, w, h


def read_instances(
    path: Path, images: Path, references: Mapping[int, tuple[str, ...]] | None = None
) -> list[Region]:
    """Return the regions of an instances file, without groups (``iscrowd``) and empty boxes.

    Args:
        path: ``instances_*.json``.
        images: The folder of the images.
        references: Sentences by annotation id; only these regions are returned. Without references, the names of
            classes are the sentences.

    Raises:
        DatasetError: The file is missing or malformed, or it or ``references`` uses undefined ids.
    """
    values = read_json(path)
    names = {c["id"]: str(c["name"]) for c in _objects(values, "categories", path, ("id", "name"))}
    files = {
        i["id"]: images / inside(i["file_name"], f"{path}: file_name", f"the name of a file in {images}")
        for i in _objects(values, "images", path, ("id", "file_name"))
    }
    annotations = _objects(values, "annotations", path, ("id", "image_id", "category_id", "bbox"))
    if missing := sorted(set(references or ()) - {entry["id"] for entry in annotations}):
        raise DatasetError(
            f"{path}: {len(missing)} annotations named by references are missing, first {missing[0]}; "
            "expected the instances.json that came with the references"
        )
    classes: dict[Any, list[str]] = defaultdict(list)
    for i, entry in enumerate(annotations):
        if entry["category_id"] not in names or entry["image_id"] not in files:
            raise DatasetError(
                f"{path}: annotations[{i}] has image_id {entry['image_id']} and category_id "
                f"{entry['category_id']}; expected ids that the file defines"
            )
        # A group counts twice, because next to it the name of the class is ambiguous.
        classes[entry["image_id"]] += [names[entry["category_id"]]] * (2 if entry.get("iscrowd") else 1)
    seen = {image: frozenset(found) for image, found in classes.items()}
    regions = []
    for i, entry in enumerate(annotations):
        box, category, image = _box(entry["bbox"], path, i), names[entry["category_id"]], entry["image_id"]
        if entry.get("iscrowd") or min(box[2:]) <= 0 or (references and entry["id"] not in references):
            continue
        alone = (category,) if classes[image].count(category) == 1 else ()
        texts = references[entry["id"]] if references else alone
        regions.append(Region(int(entry["id"]), files[image], box, category, texts, seen[image]))
    return regions


def _read(root: Path, split: str) -> list[Region]:
    images = image_folder([root / split, root / "images" / split])
    return read_instances(root / "annotations" / f"instances_{split}.json", images)


COCO = RegionLayout("coco", ("train2014", "val2014", "train2017", "val2017"), _read)
