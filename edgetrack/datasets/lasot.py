"""LaSOT (Fan et al., CVPR 2019) and its extension (IJCV 2021).

    LaSOT/testing_set.txt
    LaSOT/airplane/airplane-1/{img/00000001.jpg, groundtruth.txt, full_occlusion.txt, out_of_view.txt, nlp.txt}

In a frame with either flag, the target is not visible, even if it has a box.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgetrack.datasets.frames import all_frames, subfolders
from edgetrack.datasets.sequence import Sequence
from edgetrack.datasets.sets import SequenceLayout
from edgetrack.datasets.tables import read_boxes, read_flags, read_names, read_sentence

_TEST_LIST = "testing_set.txt"


def _all_names(root: Path, split: str) -> list[str]:
    return [name for category in subfolders(root) for name in subfolders(root / category)]


def _names(root: Path, split: str) -> list[str]:
    test = read_names(root / _TEST_LIST)
    return test if split == "test" else sorted(set(_all_names(root, split)) - set(test))


def _read(root: Path, split: str, name: str) -> Sequence:
    category = name.rpartition("-")[0]
    folder = root / category / name
    truth = folder / "groundtruth.txt"
    boxes = read_boxes(truth)
    for file in ("full_occlusion.txt", "out_of_view.txt"):
        boxes[read_flags(folder / file, len(boxes)) == 1] = np.nan
    frames = all_frames(folder / "img", len(boxes), truth)
    return Sequence(name, frames, boxes, read_sentence(folder / "nlp.txt"), {"category": category})


LASOT = SequenceLayout("lasot", ("train", "test"), _names, _read, text=True)
LASOT_EXT = SequenceLayout("lasot-ext", ("all",), _all_names, _read, text=True)
