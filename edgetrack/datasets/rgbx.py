"""Sets with a second picture beside each color picture: thermal, depth, events. Their color pictures are read.

    LasHeR/{testingsetList.txt, testingset/NAME/{visible/000001.jpg, visible.txt}}              Li et al., TIP 2022
    DepthTrack/test/{list.txt, NAME/{color/00000001.jpg, groundtruth.txt}}                     Yan et al., ICCV 2021
    VisEvent/test_subset/{testlist.txt, NAME/{vis_imgs/frame0000.bmp, groundtruth.txt}}      Wang et al., TCYB 2023

The training parts are ``trainingset``, ``train`` and ``train_subset``. Where a list is missing, every folder is a
sequence. DepthTrack marks absence by nan, the others by boxes of zeros. A VisEvent sequence begins in the first frame
that has a box, as in its toolkit.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgetrack.datasets.frames import all_frames, image_names, subfolders
from edgetrack.datasets.sequence import ImageFrames, Sequence
from edgetrack.datasets.sets import SequenceLayout
from edgetrack.datasets.tables import read_boxes, read_names
from edgetrack.errors import DatasetError

_LASHER = {"train": "trainingset", "test": "testingset"}


def _listed(folder: Path, names: Path) -> list[str]:
    return read_names(names) if names.is_file() else subfolders(folder)


def _lasher_names(root: Path, split: str) -> list[str]:
    return _listed(root / _LASHER[split], root / f"{_LASHER[split]}List.txt")


def _lasher(root: Path, split: str, name: str) -> Sequence:
    folder = root / _LASHER[split] / name
    truth = folder / "visible.txt"
    boxes = read_boxes(truth)
    return Sequence(name, all_frames(folder / "visible", len(boxes), truth, holes=True), boxes)


def _depthtrack(root: Path, split: str, name: str) -> Sequence:
    truth = root / split / name / "groundtruth.txt"
    boxes = read_boxes(truth, nan_ok=True)
    return Sequence(name, all_frames(root / split / name / "color", len(boxes), truth), boxes)


def _visevent_names(root: Path, split: str) -> list[str]:
    folder = root / f"{split}_subset"
    return _listed(folder, folder / f"{split}list.txt")


def _visevent(root: Path, split: str, name: str) -> Sequence:
    folder = root / f"{split}_subset" / name
    truth, pictures = folder / "groundtruth.txt", folder / "vis_imgs"
    boxes, names = read_boxes(truth), image_names(pictures)
    if len(names) != len(boxes):
        raise DatasetError(
            f"{truth}: {len(boxes)} boxes for the {len(names)} frames in {pictures}; expected one line a frame"
        )
    present = np.flatnonzero(~np.isnan(boxes[:, 0]))
    if not len(present):
        raise DatasetError(f"{truth}: no line has a box; expected at least one that is larger than 0 x 0")
    first = int(present[0])
    return Sequence(name, ImageFrames(pictures, names[first:]), boxes[first:])


LAYOUTS = (
    SequenceLayout("lasher", ("train", "test"), _lasher_names, _lasher),
    SequenceLayout(
        "depthtrack",
        ("train", "test"),
        lambda root, split: _listed(root / split, root / split / "list.txt"),
        _depthtrack,
    ),
    SequenceLayout("visevent", ("train", "test"), _visevent_names, _visevent),
)
