"""VOT challenges (Kristan et al., 2013 to now): rectangles, polygons and masks.

    VOT/{list.txt, ball1/{groundtruth.txt, color/00000001.jpg}}        frames may also be next to groundtruth.txt

A polygon and a mask become the box around them. Lines of nan (long-term challenges), the special codes 0, 1 and 2 and
empty masks mean that the target is absent.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from edgetrack.datasets.frames import all_frames
from edgetrack.datasets.sequence import Boxes, Sequence
from edgetrack.datasets.sets import SequenceLayout
from edgetrack.datasets.tables import box_row, cells, numbers, read_lines, read_names
from edgetrack.errors import DatasetError

_ABSENT = [math.nan] * 4
_LARGEST = 1 << 15  # maximum width or height of a mask in pixels: a corrupt size must not be allocated


def mask_box(line: str, path: Path, number: int) -> list[float]:
    """Return the box around a mask ``mX,Y,W,H,runs``, with alternating lengths of runs of zeros and ones, by row."""
    values = numbers(cells(line[1:]), path, number)
    if len(values) < 4 or not all(v >= 0 and v.is_integer() for v in values):
        raise DatasetError(
            f"{path}:{number}: not a mask; expected m, then x, y, w, h and run lengths, all whole numbers"
        )
    x, y, w, h = (int(v) for v in values[:4])
    if max(w, h) > _LARGEST:
        raise DatasetError(f"{path}:{number}: a mask of {w} x {h}; expected at most {_LARGEST} x {_LARGEST}")
    if (total := sum(values[4:])) > w * h:
        raise DatasetError(
            f"{path}:{number}: the runs cover {total:g} pixels; expected at most {w} x {h} = {w * h}"
        )
    runs = np.array(values[4:], np.int64)
    ends = np.cumsum(runs)
    starts, ends = (ends - runs)[1::2], ends[1::2]
    inside = np.zeros(w * h, np.bool_)
    for start, end in zip(starts, ends, strict=True):
        inside[start:end] = True
    rows, columns = np.nonzero(inside.reshape(h, w))
    if not len(rows):
        return _ABSENT
    left, top = int(columns.min()), int(rows.min())
    return [float(v) for v in (x + left, y + top, columns.max() - left + 1, rows.max() - top + 1)]


def region_box(line: str, path: Path, number: int) -> list[float]:
    """Return x, y, w, h around any region that the VOT toolkit writes; nan if there is none."""
    if line.startswith("m"):
        return mask_box(line, path, number)
    row = numbers(cells(line), path, number)
    if len(row) == 1 and row[0] in (0, 1, 2):
        return _ABSENT
    if len(row) == 4:
        return box_row(row, path, number, nan_ok=True)
    if len(row) < 6 or len(row) % 2:
        raise DatasetError(
            f"{path}:{number}: {len(row)} columns; expected 4 (x, y, w, h), or x and y of 3 or more corners"
        )
    corners = np.array(row).reshape(-1, 2)
    if np.isnan(corners).any():
        if np.isnan(corners).all():
            return _ABSENT
        raise DatasetError(f"{path}:{number}: a corner is nan; expected all of them (no target) or none")
    low, high = corners.min(0), corners.max(0)
    return box_row([*low.tolist(), *(high - low).tolist()], path, number, nan_ok=False)


def names_of(root: Path, split: str) -> list[str]:
    """Return the names in ``list.txt``, in ``root`` or in its folder ``sequences``."""
    del split
    path = root / "list.txt"
    return read_names(path if path.is_file() else root / "sequences" / "list.txt")


def folder_of(root: Path, name: str) -> Path:
    """Return the folder of a sequence."""
    return root / name if (root / "list.txt").is_file() else root / "sequences" / name


def read_regions(truth: Path) -> Boxes:
    """Return the box around each line's region, (N, 4)."""
    return np.array([region_box(line, truth, i) for i, line in enumerate(read_lines(truth), 1)], np.float64)


def _read(root: Path, split: str, name: str) -> Sequence:
    del split
    folder = folder_of(root, name)
    truth = folder / "groundtruth.txt"
    boxes = read_regions(truth)
    color = folder / "color"
    return Sequence(name, all_frames(color if color.is_dir() else folder, len(boxes), truth), boxes)


VOT = SequenceLayout("vot", ("all",), names_of, _read)
