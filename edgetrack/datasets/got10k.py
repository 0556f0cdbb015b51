"""GOT-10k (Huang et al., TPAMI 2021).

    GOT-10k/train/list.txt
    GOT-10k/train/GOT-10k_Train_000001/{00000001.jpg, groundtruth.txt, absence.label, cover.label, meta_info.ini}

The target is not visible in frames with the absence flag, and in those with less than an eighth of it visible (cover
0). In the test split, only the first box is public.
"""

from __future__ import annotations

import configparser
from pathlib import Path

import numpy as np

from edgetrack.datasets.frames import all_frames, image_names
from edgetrack.datasets.sequence import Boxes, ImageFrames, Sequence
from edgetrack.datasets.sets import SequenceLayout
from edgetrack.datasets.tables import read_boxes, read_flags, read_names, read_text
from edgetrack.errors import DatasetError

_ATTRIBUTES = {
    "object_class": "category",
    "motion_class": "motion",
    "major_class": "major",
    "root_class": "root",
}


def first_box_only(folder: Path, truth: Path) -> tuple[ImageFrames, Boxes]:
    """Return frames and boxes, nan from the second on, of a test sequence without public ground truth."""
    frames = ImageFrames(folder, image_names(folder))
    boxes = np.full((len(frames), 4), np.nan)
    boxes[0] = read_boxes(truth)[0]
    return frames, boxes


def _attributes(path: Path) -> dict[str, str]:
    if not path.is_file():  # the test split has none
        return {}
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(read_text(path))
    except configparser.Error as error:
        raise DatasetError(
            f"{path} is not a valid INI file: {' '.join(str(error).split())}; unpack the archive again"
        ) from None
    values = {key: value for section in parser.sections() for key, value in parser.items(section)}
    return {ours: values[key] for key, ours in _ATTRIBUTES.items() if key in values}


def _read(root: Path, split: str, name: str) -> Sequence:
    folder = root / split / name
    truth, attributes = folder / "groundtruth.txt", _attributes(folder / "meta_info.ini")
    if split == "test":
        frames, boxes = first_box_only(folder, truth)
        return Sequence(name, frames, boxes, attributes=attributes, hidden=True)
    boxes = read_boxes(truth)
    boxes[read_flags(folder / "absence.label", len(boxes)) == 1] = np.nan
    boxes[read_flags(folder / "cover.label", len(boxes), highest=8) == 0] = np.nan
    return Sequence(name, all_frames(folder, len(boxes), truth), boxes, attributes=attributes)


GOT10K = SequenceLayout(
    "got10k",
    ("train", "val", "test"),
    lambda root, split: read_names(root / split / "list.txt"),
    _read,
    hidden=("test",),
)
