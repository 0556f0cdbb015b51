"""TNL2K (Wang et al., CVPR 2021).

    TNL2K/{TNL2K_train_subset, TNL2K_test_subset}/NAME/{imgs/00001.png, groundtruth.txt, language.txt}

The training archive comes in parts (``TNL2K_train_subset_p1`` ...), whose folders may be next to each other. Frames are
in the order of their numbers, some of which are missing in the official files. Zero boxes mean that the target is
absent.
"""

from __future__ import annotations

from pathlib import Path

from edgetrack.datasets.frames import all_frames, subfolders
from edgetrack.datasets.sequence import Sequence
from edgetrack.datasets.sets import SequenceLayout
from edgetrack.datasets.tables import read_boxes, read_sentence
from edgetrack.errors import DatasetError


def _names(root: Path, split: str) -> list[str]:
    parts = [part for part in subfolders(root) if part.lower().startswith((f"tnl2k_{split}", split))]
    if not parts:
        raise DatasetError(
            f"{root} has no folder TNL2K_{split}_subset; expected the sequences of the split there"
        )
    return [f"{part}/{name}" for part in parts for name in subfolders(root / part)]


def _read(root: Path, split: str, name: str) -> Sequence:
    folder = root / name
    truth = folder / "groundtruth.txt"
    boxes = read_boxes(truth)
    frames = all_frames(folder / "imgs", len(boxes), truth, holes=True)
    return Sequence(folder.name, frames, boxes, read_sentence(folder / "language.txt"))


TNL2K = SequenceLayout("tnl2k", ("train", "test"), _names, _read, text=True)
