"""Small trees of sets with masks, in the official layouts; object 1 is the square of `trees`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from trees import COUNT, SIZE, box_at, frames, palette_png, write


def davis2016(root: Path) -> Path:
    frames(root / "JPEGImages" / "480p" / "swan", pattern="{:05d}.jpg", first=0)
    lines = []
    for i in range(COUNT):
        mask = np.zeros(SIZE[::-1], np.uint8)
        x, y, w, h = box_at(i)
        mask[y : y + h, x : x + w] = 255
        file = root / "Annotations" / "480p" / "swan" / f"{i:05d}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(file), mask)
        lines.append(f"/JPEGImages/480p/swan/{i:05d}.jpg /Annotations/480p/swan/{i:05d}.png")
    write(root / "ImageSets" / "480p" / "train.txt", "\n".join(lines) + "\n")
    return root


def _palette_video(folder: Path, name: str, *, step: int = 1) -> None:
    """Object 1 is the square; object 2 a strip, from the second frame on."""
    frames(folder / "JPEGImages" / name, pattern="{:05d}.jpg", first=0)
    for i in range(0, COUNT, step):
        mask = np.zeros(SIZE[::-1], np.uint8)
        x, y, w, h = box_at(i)
        mask[y : y + h, x : x + w] = 1
        mask[100:110, 5:25] = 2 if i else 0
        palette_png(folder / "Annotations" / name / f"{i:05d}.png", mask)


def youtube_vos(root: Path) -> Path:
    _palette_video(root / "train", "0a1b", step=2)
    seen = [f"{i:05d}" for i in range(0, COUNT, 2)]
    objects = {"1": {"category": "swan", "frames": seen}, "2": {"category": "sign", "frames": seen[1:]}}
    write(root / "train" / "meta.json", json.dumps({"videos": {"0a1b": {"objects": objects}}}))
    return root


def mose(root: Path) -> Path:
    _palette_video(root / "train", "2c3d")
    return root


MAKERS: dict[tuple[str, str], Callable[[Path], Path]] = {
    ("davis2016", "train"): davis2016,
    ("youtube-vos", "train"): youtube_vos,
    ("mose", "train"): mose,
}
