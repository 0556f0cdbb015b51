"""DAVIS 2017 (Pont-Tuset et al., 2017): one sequence per object of the first mask; boxes are those around masks.

DAVIS/{ImageSets/2017/train.txt, JPEGImages/480p/bear/00000.jpg, Annotations/480p/bear/00000.png}
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgetrack.datasets.frames import all_frames, image_names
from edgetrack.datasets.sequence import Sequence
from edgetrack.datasets.sets import SequenceLayout
from edgetrack.datasets.tables import read_names
from edgetrack.errors import DatasetError
from edgetrack.io.mask_files import voc_color
from edgetrack.io.opencv import load_cv2

_SIZE = "480p"


@cache
def _palette() -> dict[int, int]:
    """Return the object of each color 0xRRGGBB in the color map of these PNG files."""
    colors = (voc_color(number) for number in range(256))
    return {red << 16 | green << 8 | blue: number for number, (red, green, blue) in enumerate(colors)}


def _codes(path: Path) -> NDArray[np.int64]:
    """Return colors 0xRRGGBB (H, W); OpenCV decodes the palette's colors, not its indices."""
    pixels = load_cv2().imread(str(path), load_cv2().IMREAD_UNCHANGED) if path.is_file() else None
    if pixels is None or pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
        raise DatasetError(
            f"{path} is not a mask; expected a PNG with the DAVIS palette; unpack the archive again"
        )
    return np.asarray(pixels.astype(np.int64) @ np.array([1, 1 << 8, 1 << 16]))


def color_of(number: int) -> int:
    """Return the color 0xRRGGBB of an object."""
    return next(code for code, index in _palette().items() if index == number)


def objects_of(path: Path) -> dict[int, int]:
    """Return the color of each object in a mask."""
    found = {}
    for code in np.unique(_codes(path)).tolist():
        if code not in _palette():
            raise DatasetError(
                f"{path}: color #{code:06x} is not in the DAVIS palette; unpack the archive again"
            )
        found[_palette()[code]] = code
    return {number: code for number, code in found.items() if 0 < number < 255}  # 255 is "do not care"


def mask_box(inside: NDArray[np.bool_]) -> list[float]:
    """Return the box around the pixels of a mask; four nan if it is empty."""
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
    """The masks of one object, in the color of a palette."""

    folder: Path
    names: tuple[str, ...]
    color: int

    def __call__(self, index: int) -> NDArray[np.bool_]:
        return np.asarray(_codes(self.folder / self.names[index]) == self.color)


class ObjectMasks(Protocol):
    """The masks of one object by frame; hashable, so that its boxes can be cached."""

    @property
    def names(self) -> tuple[str, ...]: ...  # names of the files, one per frame
    def __call__(self, index: int, /) -> NDArray[np.bool_]: ...


@cache
def boxes_of(masks: ObjectMasks) -> tuple[list[float], ...]:
    """Return the box of the object in each mask, cached, because training needs it repeatedly."""
    return tuple(mask_box(masks(index)) for index in range(len(masks.names)))


def sequence_of(name: str, pictures: Path, annotations: Path) -> Sequence:
    """Return the sequence of one object, whose number is at the end of ``name``, from folders of images and masks."""
    masks = Masks(annotations, tuple(image_names(annotations)), color_of(int(name.rpartition("_")[2])))
    boxes = np.array(boxes_of(masks), np.float64)
    return Sequence(name, all_frames(pictures, len(boxes), annotations), boxes, masks=masks)


def video_of(name: str) -> str:
    """Return the video of a sequence, which is one object of the video."""
    return name.rpartition("_")[0]


def _read(root: Path, split: str, name: str) -> Sequence:
    del split
    video = video_of(name)
    return sequence_of(name, root / "JPEGImages" / _SIZE / video, root / "Annotations" / _SIZE / video)


DAVIS = SequenceLayout("davis", ("train", "val"), _names, _read, video=video_of)
