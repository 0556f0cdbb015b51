"""Refer-KITTI (Wu et al., CVPR 2023): sentences about cars and people in KITTI, each of which names many.

    refer-kitti/{KITTI/training/image_02/0005/000000.png, KITTI/labels_with_ids/image_02/0005/000000.txt,
        expression/0005/left-cars.json}

Each line of the labels has class, id, left, top, width, height, as fractions of the image. An expression is ``{"label":
{"0": [1, 2], ...}, "sentence": "left cars"}``, with the ids by frame number.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from edgetrack.datasets.crowds import Crowd, CrowdLayout
from edgetrack.datasets.frames import image_names
from edgetrack.datasets.phrases import BoxTuple, checked_box, checked_text
from edgetrack.datasets.sequence import ImageFrames
from edgetrack.datasets.tables import cells, numbers, read_text
from edgetrack.errors import MALFORMED, DatasetError

TEST = ("0005", "0011", "0013")
FPS = 10.0


def _read(root: Path, split: str) -> Iterator[Crowd]:
    folder = root / "expression"
    if not folder.is_dir():
        raise DatasetError(
            f"{folder} is not a folder; expected the expressions of Refer-KITTI; unpack the archive again"
        )
    for video in sorted(path for path in folder.iterdir() if path.is_dir()):
        if split == "all" or (video.name in TEST) == (split == "test"):
            for path in sorted(video.glob("*.json")):
                yield _expression(root, video.name, path)


def _expression(root: Path, video: str, path: Path) -> Crowd:
    try:
        content = json.loads(read_text(path))
        label = {int(frame): [int(number) for number in ids] for frame, ids in content["label"].items()}
        text = checked_text(content["sentence"], str(path))
    except MALFORMED as error:
        raise DatasetError(f"{path}: {error!r}; expected an object with label and sentence") from error
    pictures = root / "KITTI" / "training" / "image_02" / video
    names = image_names(pictures)
    frames = ImageFrames(pictures, names)
    height, width = frames[0].shape[:2]
    labels = root / "KITTI" / "labels_with_ids" / "image_02" / video
    objects = []
    for name in names:
        stem = Path(name).stem
        ids = label.get(int(stem), []) if stem.isdecimal() else []
        boxes = _boxes(labels / f"{stem}.txt", width, height) if ids else {}
        if missing := [number for number in ids if number not in boxes]:
            raise DatasetError(
                f"{path}: object {missing[0]} has no box in {labels / stem}.txt; unpack the archives again"
            )
        objects.append({number: boxes[number] for number in ids})
    return Crowd(f"{video}/{path.stem}", text, frames, tuple(objects), FPS)


@cache
def _boxes(path: Path, width: int, height: int) -> dict[int, BoxTuple]:
    """Return the boxes in pixels by object number, cached, because several sentences share a frame."""
    boxes = {}
    for line, text in enumerate(filter(str.strip, read_text(path).splitlines()), 1):
        row = numbers(cells(text), path, line)
        if len(row) != 6:
            raise DatasetError(f"{path}:{line}: {len(row)} values; expected class, id, x, y, w, h")
        x, y, w, h = row[2:]
        boxes[int(row[1])] = checked_box((x * width, y * height, w * width, h * height), f"{path}:{line}")
    return boxes


REFER_KITTI = CrowdLayout("refer-kitti", ("train", "test", "all"), _read)
