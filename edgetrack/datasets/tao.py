"""TAO (Dave et al., ECCV 2020): objects of 833 classes; each class of a video is a phrase.

    TAO/{annotations/validation.json, frames/val/YFCC100M/v_1/frame0001.jpg}

One frame per second has labels; those between are read but not evaluated. A class whose objects are not all labeled in
a video is left out, as in the official protocol.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from edgetrack.datasets.crowds import Crowd, CrowdLayout
from edgetrack.datasets.frames import image_names
from edgetrack.datasets.phrases import BoxTuple, checked_box
from edgetrack.datasets.sequence import ImageFrames
from edgetrack.datasets.tables import inside, read_text
from edgetrack.errors import MALFORMED, DatasetError

FPS = 30.0

Boxes = dict[str, dict[int, BoxTuple]]  # by frame and track


def _read(root: Path, split: str) -> Iterator[Crowd]:
    path = root / "annotations" / f"{split}.json"
    try:
        content = json.loads(read_text(path))
        names = {int(one["id"]): str(one["name"]) for one in content["categories"]}
        images = {int(one["id"]): one for one in content["images"]}
        boxes = _boxes(content["annotations"], images, path)
        for video in content["videos"]:
            partly = video.get("not_exhaustive_category_ids", [])
            labeled = {
                _inside(image["file_name"], path)
                for image in images.values()
                if image["video_id"] == video["id"]
            }
            for category in sorted(c for v, c in boxes if v == video["id"] and c not in partly):
                yield _crowd(root, str(video["name"]), names[category], labeled, boxes[video["id"], category])
    except DatasetError:
        raise
    except MALFORMED as error:
        raise DatasetError(
            f"{path}: {error!r}; expected the videos, images, annotations and categories of TAO"
        ) from error


def _boxes(annotations: Any, images: dict[int, Any], path: Path) -> dict[tuple[int, int], Boxes]:
    """Return the boxes by video and category."""
    found: dict[tuple[int, int], Boxes] = {}
    for one in annotations:
        image = images[int(one["image_id"])]
        frame = _inside(image["file_name"], path)
        tracks = found.setdefault((int(image["video_id"]), int(one["category_id"])), {}).setdefault(frame, {})
        tracks[int(one["track_id"])] = checked_box(one["bbox"], f"{path}: annotation {one['id']}")
    return found


def _inside(name: Any, path: Path) -> str:
    return str(PurePosixPath(inside(name, f"{path}: file_name", "the path of an image inside frames")))


def _crowd(root: Path, video: str, category: str, labeled: set[str], boxes: Boxes) -> Crowd:
    folder = PurePosixPath(next(iter(boxes))).parent
    names = image_names(root / "frames" / folder)
    frames = ImageFrames(root / "frames" / folder, names)
    places = [str(folder / name) for name in names]
    if lost := sorted(set(boxes) - set(places)):
        raise DatasetError(
            f"{root / 'frames' / lost[0]} does not exist; expected a frame of TAO; unpack the archive again"
        )
    objects = tuple(boxes.get(place, {}) if place in labeled else None for place in places)
    text = category.partition("(")[0].replace("_", " ").strip()
    return Crowd(f"{video}/{category}", text, frames, objects, FPS)


TAO = CrowdLayout("tao", ("train", "validation"), _read)
