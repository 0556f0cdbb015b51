"""Tiny trees of sets with pairs of pictures, beside those in `trees`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from trees import COUNT, SIZE, box_at, frames, rows, write


def rgbt234(root: Path) -> Path:
    """The boxes in the thermal picture are 4 pixels further to the right."""
    folder = root / "afterrain"
    frames(folder / "visible", pattern="{:05d}v.jpg")
    frames(folder / "infrared", pattern="{:05d}i.jpg")
    write(folder / "visible.txt", rows())
    moved = "".join(f"{x + 4},{y},{w},{h}\n" for x, y, w, h in map(box_at, range(COUNT)))
    write(folder / "infrared.txt", moved)
    return root


def gtot(root: Path) -> Path:
    """Lines are two corners, in either order."""
    folder = root / "BlackCar"
    frames(folder / "v", pattern="{:05d}.png")
    frames(folder / "i", pattern="{:05d}.png")
    corners = [f"{x + w}\t{y + h}\t{x}\t{y}" for x, y, w, h in map(box_at, range(COUNT))]
    for side in ("v", "i"):
        write(folder / f"groundTruth_{side}.txt", "\n".join(corners))
    return root


def vot_rgbd22(root: Path) -> Path:
    """Depth in 16 bits: all of it 2.5 m away, the first row not measured."""
    folder = root / "backpack_blue"
    frames(folder / "color", pattern="{:08d}.jpg")
    depth = np.full(SIZE[::-1], 2500, np.uint16)
    depth[0] = 0
    (folder / "depth").mkdir()
    for i in range(COUNT):
        assert cv2.imwrite(str(folder / "depth" / f"{i + 1:08d}.png"), depth)
    write(folder / "groundtruth.txt", rows().replace("42,44,30,24", "nan,nan,nan,nan"))
    write(root / "list.txt", "backpack_blue\n")
    return root


MAKERS: dict[tuple[str, str], Callable[[Path], Path]] = {
    ("rgbt234", "all"): rgbt234,
    ("gtot", "all"): gtot,
    ("vot-rgbd22", "all"): vot_rgbd22,
}
