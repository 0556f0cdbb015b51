"""OTB-100 (Wu et al., TPAMI 2015), and OTB99-Lang with its sentences (Li et al., CVPR 2017).

OTB100/Basketball/{img/0001.jpg, groundtruth_rect.txt}
OTB100/Jogging/{img/0001.jpg, groundtruth_rect.1.txt, groundtruth_rect.2.txt}
OTB_sentences/{OTB_videos/Basketball/..., OTB_query_train/Basketball.txt, OTB_query_test/Biker.txt}
"""

from __future__ import annotations

import re
from pathlib import Path

from edgetrack.datasets.frames import all_frames, frames_from, subfolders
from edgetrack.datasets.sequence import Sequence
from edgetrack.datasets.sets import SequenceLayout
from edgetrack.datasets.tables import read_boxes, read_sentence
from edgetrack.errors import DatasetError

_TRUTH = "groundtruth_rect"
# Sequences that the benchmark labels only partly, from this frame on (its configSeqs.m).
_FIRST = {
    "BlurCar1": 247,
    "BlurCar3": 3,
    "BlurCar4": 18,
    "David": 300,
    "Diving": 1,
    "Football1": 1,
    "Freeman3": 1,
    "Freeman4": 1,
}


def _truth(videos: Path, name: str) -> tuple[Path, Path]:
    """Return the folder of sequence ``name`` and its file of boxes; ``Jogging-2`` is target 2 of ``Jogging``."""
    folder, truth = videos / name, videos / name / f"{_TRUTH}.txt"
    base, dash, target = name.rpartition("-")
    if not folder.is_dir() and dash:
        folder, truth = videos / base, videos / base / f"{_TRUTH}.{target}.txt"
    return folder, truth


def _sequence(videos: Path, name: str, text: str = "") -> Sequence:
    folder, truth = _truth(videos, name)
    boxes = read_boxes(truth)
    if folder.name in _FIRST:
        frames = frames_from(folder / "img", _FIRST[folder.name], len(boxes))
    else:
        frames = all_frames(folder / "img", len(boxes), truth)
    return Sequence(name, frames, boxes, text)


def _names(root: Path, split: str) -> list[str]:
    names = []
    for name in subfolders(root):
        found = sorted((root / name).glob(f"{_TRUTH}*.txt"))
        if not found:
            raise DatasetError(
                f"{root / name}: {_TRUTH}.txt does not exist; expected this file; unpack the archive again"
            )
        names += [
            name if path.stem == _TRUTH else name + "-" + path.stem.rpartition(".")[2] for path in found
        ]
    return names


def _query_names(root: Path, split: str) -> list[str]:
    folder = root / f"OTB_query_{split}"
    names = sorted(path.stem for path in folder.glob("*.txt"))
    if not names:
        raise DatasetError(
            f"{folder} contains no sentences; expected NAME.txt for each sequence of the split"
        )
    return names


def _video(name: str) -> str:
    """Return ``Jogging`` for ``Jogging-2``."""
    return re.sub(r"-\d+$", "", name)


OTB100 = SequenceLayout(
    "otb100", ("all",), _names, lambda root, split, name: _sequence(root, name), video=_video
)
OTB99_LANG = SequenceLayout(
    "otb99-lang",
    ("train", "test"),
    _query_names,
    lambda root, split, name: _sequence(
        root / "OTB_videos", name, read_sentence(root / f"OTB_query_{split}" / f"{name}.txt")
    ),
    text=True,
    video=_video,
)
