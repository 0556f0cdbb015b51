"""DAVIS 2017 (Pont-Tuset et al., 2017): one sequence for each object of the first mask, its box that around it.

DAVIS/{ImageSets/2017/train.txt, JPEGImages/480p/bear/00000.jpg, Annotations/480p/bear/00000.png}
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgetrack.datasets.frames import all_frames, image_names
from edgetrack.datasets.sequence import Sequence
from edgetrack.datasets.sets import SequenceLayout
from edgetrack.datasets.tables import read_names
from edgetrack.errors import DatasetError
from edgetrack.io.opencv import load_cv2

_SIZE = "480p"


@cache
def _palette() -> dict[int, int]:
    """Color 0xRRGGBB to object, by the color map of PASCAL VOC that these PNG files carry."""
    colors = {}
    for number in range(256):
        red, green, blue = (
            sum((number >> (3 * bit + channel) & 1) << (7 - bit) for bit in range(3)) for channel in range(3)
        )
        colors[red << 16 | green << 8 | blue] = number
    return colors


def _codes(path: Path) -> NDArray[np.int64]:
    """(H, W) of 0xRRGGBB; OpenCV gives the palette's colors, not its indices."""
    pixels = load_cv2().imread(str(path), load_cv2().IMREAD_UNCHANGED) if path.is_file() else None
    if pixels is None or pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
        raise DatasetError(
            f"{path} is no mask; expected a PNG with the DAVIS palette; unpack the archive again"
        )
    return np.asarray(pixels.astype(np.int64) @ np.array([1, 1 << 8, 1 << 16]))


def color_of(number: int) -> int:
    """The color 0xRRGGBB of an object."""
    return next(code for code, index in _palette().items() if index == number)


def objects_of(path: Path) -> dict[int, int]:
    """Object to color, of the objects in a mask."""
    found = {}
    for code in np.unique(_codes(path)).tolist():
        if code not in _palette():
            raise DatasetError(
                f"{path}: color #{code:06x} is not of the DAVIS palette; unpack the archive again"
            )
        found[_palette()[code]] = code
    return {number: code for number, code in found.items() if 0 < number < 255}  # 255 is "do not care"


def mask_box(inside: NDArray[np.bool_]) -> list[float]:
    """The box around the pixels of a mask; four nan without one."""
    columns, rows = np.flatnonzero(inside.any(0)), np.flatnonzero(inside.any(1))
    if not len(rows):
        return [float("nan")] * 4
    x, y = int(columns[0]), int(rows[0])
    return [float(x), float(y), float(columns[-1] - x + 1), float(rows[-1] - y + 1)]


def _names(root: Path, split: str) -> list[str]:
    names = []
    for video in read_names(root / "ImageSets" / "2017" / f"{split}.txt"):
        folder = root / "Annotations" / _SIZE / video
        names += [f"{video}_{number}" for number in sorted(objects_of(folder / image_names(folder)[0]))]
    return names


@dataclass(frozen=True)
class Masks:
    """Of one object, in the color of a palette."""

    folder: Path
    names: tuple[str, ...]
    color: int

    def __call__(self, index: int) -> NDArray[np.bool_]:
        return np.asarray(_codes(self.folder / self.names[index]) == self.color)


@cache
def _boxes(masks: Masks) -> tuple[list[float], ...]:
    """Box of the object in each mask; kept, because training asks for it again and again."""
    return tuple(mask_box(masks(index)) for index in range(len(masks.names)))


def _read(root: Path, split: str, name: str) -> Sequence:
    video, _, number = name.rpartition("_")
    folder = root / "Annotations" / _SIZE / video
    masks = Masks(folder, tuple(image_names(folder)), color_of(int(number)))
    boxes = np.array(_boxes(masks), np.float64)
    frames = all_frames(root / "JPEGImages" / _SIZE / video, len(boxes), folder)
    return Sequence(name, frames, boxes, masks=masks)


DAVIS = SequenceLayout("davis", ("train", "val"), _names, _read, video=lambda name: name.rpartition("_")[0])
