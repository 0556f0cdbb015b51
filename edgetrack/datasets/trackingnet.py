"""TrackingNet (Müller et al., ECCV 2018).

    TrackingNet/{TRAIN_0 ... TRAIN_11, TEST}/{frames/NAME/0.jpg, anno/NAME.txt}

The training split consists of the parts that exist. In the test split, only the first box is public.
"""

from __future__ import annotations

from pathlib import Path

from edgetrack.datasets.frames import all_frames, subfolders
from edgetrack.datasets.got10k import first_box_only
from edgetrack.datasets.sequence import Sequence
from edgetrack.datasets.sets import SequenceLayout
from edgetrack.datasets.tables import read_boxes
from edgetrack.errors import DatasetError


def _names(root: Path, split: str) -> list[str]:
    parts = [part for part in subfolders(root) if part.startswith("TRAIN_" if split == "train" else "TEST")]
    names = [f"{part}/{path.stem}" for part in parts for path in sorted((root / part / "anno").glob("*.txt"))]
    if not names:
        expected = "TRAIN_0/anno" if split == "train" else "TEST/anno"
        raise DatasetError(f"{root / expected} contains no NAME.txt; expected one for each sequence")
    return names


def _read(root: Path, split: str, name: str) -> Sequence:
    part, _, video = name.partition("/")
    folder, truth = root / part / "frames" / video, root / part / "anno" / f"{video}.txt"
    if split == "test":
        frames, boxes = first_box_only(folder, truth)
        return Sequence(video, frames, boxes, hidden=True)
    boxes = read_boxes(truth)
    return Sequence(video, all_frames(folder, len(boxes), truth), boxes)


def _video(name: str) -> str:
    """Return the video ``ab-CD`` for ``TRAIN_0/ab-CD_1``; it may have several objects."""
    return name.rpartition("/")[2].rpartition("_")[0] or name


TRACKINGNET = SequenceLayout("trackingnet", ("train", "test"), _names, _read, hidden=("test",), video=_video)
