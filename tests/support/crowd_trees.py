"""Small trees of sequences with many objects, in the official layouts; the red square of `trees` is object 1."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from trees import COUNT, SIZE, box_at, frames, write

OTHER = (100, 10, 20, 30)  # the box of object 2, which stands


def mot17(root: Path) -> Path:
    """Two videos, of which one is there with two detectors; a distractor and a box that does not count."""
    lines = [
        f"{i + 1},1,{x + 1},{y + 1},{w},{h},1,1,1.0"
        for i, (x, y, w, h) in enumerate(map(box_at, range(COUNT)))
    ]
    x, y, w, h = OTHER
    lines += [f"{i + 1},2,{x + 1},{y + 1},{w},{h},1,1,0.5" for i in range(COUNT - 1)]
    lines += ["1,3,5,5,9,9,0,1,1.0", "1,4,5,5,9,9,1,8,1.0"]
    for name in ("MOT17-02-DPM", "MOT17-02-FRCNN", "MOT17-04-SDP"):
        folder = root / "train" / name
        frames(folder / "img1", pattern="{:06d}.jpg")
        write(folder / "gt" / "gt.txt", "\n".join(lines) + "\n")
        info = {"name": name, "imDir": "img1", "frameRate": 25, "seqLength": COUNT, "imExt": ".jpg"}
        write(folder / "seqinfo.ini", "[Sequence]\n" + "".join(f"{k}={v}\n" for k, v in info.items()))
    return root


def refer_kitti(root: Path) -> Path:
    """A sentence for both objects, in some of the frames, and one for a test video."""
    for video in ("0001", "0005"):
        frames(root / "KITTI" / "training" / "image_02" / video, pattern="{:06d}.png", first=0)
        for i in range(COUNT):
            rows = [f"0 {n} " + " ".join(map(str, _shares(box))) for n, box in ((1, box_at(i)), (2, OTHER))]
            write(
                root / "KITTI" / "labels_with_ids" / "image_02" / video / f"{i:06d}.txt",
                "\n".join(rows) + "\n",
            )
    label: dict[str, Any] = {"0": [1, 2], "1": [1]}
    for video, sentence in (("0001", "squares on the left"), ("0005", "red squares")):
        content = {"label": label, "ignore": {}, "video_name": video, "sentence": sentence}
        write(root / "expression" / video / f"{sentence.replace(' ', '-')}.json", json.dumps(content))
    return root


def tao(root: Path) -> Path:
    """One video with labels in every second frame; "dog" is not labeled exhaustively."""
    folder = "val/YFCC100M/v_1"
    frames(root / "frames" / folder, pattern="frame{:04d}.jpg")
    labeled = range(0, COUNT, 2)
    images = [
        {"id": i, "video_id": 7, "file_name": f"{folder}/frame{i + 1:04d}.jpg", "frame_index": i}
        for i in labeled
    ]
    boxes = [(i, 1, 1, box_at(i)) for i in labeled] + [(0, 2, 1, OTHER), (0, 3, 2, OTHER)]
    annotations = [
        {"id": n, "image_id": image, "track_id": track, "category_id": category, "bbox": box}
        for n, (image, track, category, box) in enumerate(boxes)
    ]
    content = {
        "videos": [{"id": 7, "name": "val/YFCC100M/v_1", "not_exhaustive_category_ids": [2]}],
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "baby_buggy_(vehicle)"}, {"id": 2, "name": "dog"}],
    }
    write(root / "annotations" / "validation.json", json.dumps(content))
    return root


def _shares(box: tuple[int, int, int, int]) -> tuple[float, ...]:
    return tuple(value / side for value, side in zip(box, SIZE * 2, strict=True))
