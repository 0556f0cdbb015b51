"""Need for Speed (Kiani Galoogahi et al., ICCV 2017), at 30 or 240 frames per second.

    NfS/airplane_landing/30/{airplane_landing/00001.jpg, airplane_landing.txt}

Each line is ``track x_min y_min x_max y_max frame lost occluded generated "label"``. Some files of the 30 Hz split have
one line per frame of the 240 Hz video; then every eighth line is used.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgetrack.datasets.frames import image_names, subfolders
from edgetrack.datasets.sequence import Boxes, ImageFrames, Sequence
from edgetrack.datasets.sets import SequenceLayout
from edgetrack.datasets.tables import box_row, cells, numbers, read_lines
from edgetrack.errors import DatasetError

_RATIO = 8  # 240 / 30


def _boxes(path: Path) -> Boxes:
    rows = []
    for i, line in enumerate(read_lines(path), 1):
        values = cells(line)
        if len(values) < 9:
            raise DatasetError(
                f"{path}:{i}: {len(values)} columns; expected track, x_min, y_min, x_max, y_max, frame, "
                "lost, occluded, generated"
            )
        x0, y0, x1, y1, _, lost = numbers(values[1:7], path, i)
        row = box_row([x0, y0, x1 - x0, y1 - y0], path, i, nan_ok=False)
        rows.append([np.nan] * 4 if lost else row)
    return np.array(rows, np.float64)


def _read(root: Path, split: str, name: str) -> Sequence:
    folder = root / name / split
    truth = folder / f"{name}.txt"
    boxes, names = _boxes(truth), image_names(folder / name)
    if split == "30" and abs(len(boxes) - _RATIO * len(names)) < _RATIO:
        boxes = boxes[::_RATIO]
    if abs(len(boxes) - len(names)) > 1:  # some official files have one line too many or too few
        raise DatasetError(
            f"{truth}: {len(boxes)} boxes, but {folder / name} has {len(names)} frames; expected one line "
            "per frame"
        )
    count = min(len(boxes), len(names))
    return Sequence(name, ImageFrames(folder / name, names[:count]), boxes[:count])


NFS = SequenceLayout("nfs", ("30", "240"), lambda root, split: subfolders(root), _read)
