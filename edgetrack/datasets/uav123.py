"""UAV123 (Mueller et al., ECCV 2016).

    UAV123/{anno/UAV123/bird1_1.txt, data_seq/UAV123/bird1/000001.jpg}

Lines of nan mean that the target is absent.
"""

from __future__ import annotations

from pathlib import Path

from edgetrack.datasets.frames import frames_from
from edgetrack.datasets.sequence import Sequence
from edgetrack.datasets.sets import SequenceLayout
from edgetrack.datasets.tables import read_boxes
from edgetrack.errors import DatasetError

# Long videos are cut: bird1_2 begins at frame 775 of bird1 (the benchmark's configSeqs.m).
_FIRST = {
    "bird1": (1, 775, 1573),
    "car1": (1, 751, 1627),
    "car6": (1, 487, 1807, 2953, 3925),
    "car8": (1, 1357),
    "car16": (1, 415),
    "group1": (1, 1333, 2515, 3925),
    "group2": (1, 907, 1771),
    "group3": (1, 1567, 2827, 4369),
    "person2": (1, 1189),
    "person4": (1, 1501),
    "person5": (1, 877),
    "person7": (1, 1249),
    "person8": (1, 1075),
    "person12": (1, 601),
    "person14": (1, 847, 1813),
    "person17": (1, 1501),
    "person19": (1, 1243, 2791),
    "truck4": (1, 577),
    "uav1": (1, 1555, 2473),
}


def _names(root: Path, split: str) -> list[str]:
    folder = root / "anno" / "UAV123"
    names = sorted(path.stem for path in folder.glob("*.txt"))
    if not names:
        raise DatasetError(f"{folder} contains no NAME.txt; expected one for each sequence; correct the path")
    return names


def _cut(name: str) -> tuple[str, int]:
    """Return the video of a sequence, and its first frame there."""
    video, _, cut = name.rpartition("_")
    if video in _FIRST and cut.isdecimal() and 1 <= int(cut) <= len(_FIRST[video]):
        return video, _FIRST[video][int(cut) - 1]
    return name, 1


def _read(root: Path, split: str, name: str) -> Sequence:
    boxes = read_boxes(root / "anno" / "UAV123" / f"{name}.txt", nan_ok=True)
    video, first = _cut(name)
    return Sequence(name, frames_from(root / "data_seq" / "UAV123" / video, first, len(boxes)), boxes)


UAV123 = SequenceLayout("uav123", ("all",), _names, _read, video=lambda name: _cut(name)[0])
