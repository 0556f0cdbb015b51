"""Data sets with a second image for each color image: thermal, depth or events.

    LasHeR/{testingsetList.txt, testingset/NAME/{visible/000001.jpg, infrared/000001.jpg, visible.txt, infrared.txt}}
    RGBT234/NAME/{visible/00000v.jpg, infrared/00000i.jpg, visible.txt, infrared.txt}
    GTOT/NAME/{v/00001.png, i/00001.png, groundTruth_v.txt, groundTruth_i.txt}
    DepthTrack/test/{list.txt, NAME/{color/00000001.jpg, depth/00000001.png, groundtruth.txt}}
    VOT-RGBD22/{list.txt, NAME/{color/00000001.jpg, depth/00000001.png, groundtruth.txt}}
    VisEvent/test_subset/{testlist.txt, NAME/{vis_imgs/frame0000.bmp, event_imgs/frame0000.bmp, groundtruth.txt}}

LasHeR: Li et al., TIP 2022; RGBT234: Li et al., Pattern Recognition 2019; GTOT: Li et al., TIP 2016; DepthTrack: Yan et
al., ICCV 2021; VOT-RGBD22: Kristan et al., ECCVW 2022; VisEvent: Wang et al., TCYB 2023.

The training parts are ``trainingset``, ``train`` and ``train_subset``. Without a list, every folder is a sequence.
DepthTrack and VOT label absence by nan, the others by boxes of zeros; lines of GTOT are two corners. A VisEvent
sequence begins with the first frame that has a box, as in its toolkit. Without the folder of second images, the
sequence has color only. Depth in 16 bits is millimeters: near is bright; `FARTHEST_MM` and missing measurements are
black.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgetrack.datasets import vot
from edgetrack.datasets.frames import all_frames, image_names, subfolders
from edgetrack.datasets.sequence import Boxes, ImageFrames, Pixels, Sequence, read_picture
from edgetrack.datasets.sets import SequenceLayout
from edgetrack.datasets.tables import box_row, cells, numbers, read_boxes, read_lines, read_names
from edgetrack.errors import DatasetError
from edgetrack.sensor import sensor_picture

FARTHEST_MM = 10_000  # at which published trackers for these data sets clip depth
_ReadBoxes = Callable[[Path], Boxes]
_LASHER = {"train": "trainingset", "test": "testingset"}


class DepthFrames(ImageFrames):
    """Depth in millimeters, one 16-bit PNG per frame, as gray images."""

    def __getitem__(self, index: int, /) -> Pixels:
        depth = read_picture(self.path(index))
        if depth.dtype == np.uint8:
            return super().__getitem__(index)  # already scaled to 8 bits
        return depth_shown(depth[..., 0])


def depth_shown(depth: NDArray[np.uint16]) -> Pixels:
    """Convert depth (H, W) in millimeters to a gray image (H, W, 3): near is bright, 0 (not measured) is black."""
    shown = sensor_picture(np.where(depth == 0, FARTHEST_MM, depth), low=FARTHEST_MM, high=0)
    return np.repeat(shown[..., None], 3, axis=2)


def _listed(folder: Path, names: Path) -> list[str]:
    return read_names(names) if names.is_file() else subfolders(folder)


def _second(folder: Path, count: int, truth: Path, *, depth: bool = False) -> ImageFrames | None:
    """Return the second sensor's images; None if they were not unpacked."""
    if not folder.is_dir():
        return None
    found = all_frames(folder, count, truth, holes=True)
    return DepthFrames(folder, image_names(folder)) if depth else found


def _lasher_names(root: Path, split: str) -> list[str]:
    return _listed(root / _LASHER[split], root / f"{_LASHER[split]}List.txt")


def _lasher(root: Path, split: str, name: str) -> Sequence:
    """Read a sequence; the benchmark evaluates on the boxes of the visible image."""
    folder = root / _LASHER[split] / name
    truth = folder / "visible.txt"
    boxes = read_boxes(truth)
    frames = all_frames(folder / "visible", len(boxes), truth, holes=True)
    return Sequence(name, frames, boxes, x=_second(folder / "infrared", len(boxes), truth))


def _corners(path: Path) -> Boxes:
    """Read boxes from lines with two opposite corners, x y x y."""
    rows = []
    for i, line in enumerate(read_lines(path), 1):
        row = numbers(cells(line), path, i)
        if len(row) != 4:
            raise DatasetError(f"{path}:{i}: {len(row)} columns; expected 4: x and y of two corners")
        (left, right), (top, bottom) = sorted(row[0::2]), sorted(row[1::2])
        rows.append(box_row([left, top, right - left, bottom - top], path, i, nan_ok=False))
    return np.array(rows, np.float64)


def _labeled_twice(folder: Path, color: str, x: str, truths: tuple[str, str], read: _ReadBoxes) -> Sequence:
    """Read a sequence with separate boxes for each sensor, from folders of images and files of boxes."""
    truth, x_truth = (folder / name for name in truths)
    boxes = read(truth)
    return Sequence(
        folder.name,
        all_frames(folder / color, len(boxes), truth, holes=True),
        boxes,
        x=_second(folder / x, len(boxes), truth),
        x_boxes=read(x_truth),
    )


def _rgbt234(root: Path, split: str, name: str) -> Sequence:
    del split
    return _labeled_twice(root / name, "visible", "infrared", ("visible.txt", "infrared.txt"), read_boxes)


def _gtot(root: Path, split: str, name: str) -> Sequence:
    del split
    return _labeled_twice(root / name, "v", "i", ("groundTruth_v.txt", "groundTruth_i.txt"), _corners)


def _depthtrack(root: Path, split: str, name: str) -> Sequence:
    folder = root / split / name
    truth = folder / "groundtruth.txt"
    boxes = read_boxes(truth, nan_ok=True)
    x = _second(folder / "depth", len(boxes), truth, depth=True)
    return Sequence(name, all_frames(folder / "color", len(boxes), truth), boxes, x=x)


def _vot_rgbd(root: Path, split: str, name: str) -> Sequence:
    del split
    folder = vot.folder_of(root, name)
    truth = folder / "groundtruth.txt"
    boxes = vot.read_regions(truth)
    x = _second(folder / "depth", len(boxes), truth, depth=True)
    return Sequence(name, all_frames(folder / "color", len(boxes), truth), boxes, x=x)


def _visevent_names(root: Path, split: str) -> list[str]:
    folder = root / f"{split}_subset"
    return _listed(folder, folder / f"{split}list.txt")


def _visevent(root: Path, split: str, name: str) -> Sequence:
    folder = root / f"{split}_subset" / name
    truth, pictures = folder / "groundtruth.txt", folder / "vis_imgs"
    boxes, names = read_boxes(truth), image_names(pictures)
    if len(names) != len(boxes):
        raise DatasetError(
            f"{truth}: {len(boxes)} boxes, but {pictures} has {len(names)} frames; expected one line per "
            "frame"
        )
    present = np.flatnonzero(~np.isnan(boxes[:, 0]))
    if not len(present):
        raise DatasetError(f"{truth}: no line has a box; expected at least one box larger than 0 x 0")
    first, events = int(present[0]), folder / "event_imgs"
    x = _second(events, len(boxes), truth)
    return Sequence(
        name,
        ImageFrames(pictures, names[first:]),
        boxes[first:],
        x=None if x is None else ImageFrames(events, image_names(events)[first:]),
    )


LAYOUTS = (
    SequenceLayout("lasher", ("train", "test"), _lasher_names, _lasher),
    SequenceLayout("rgbt234", ("all",), lambda root, _: subfolders(root), _rgbt234),
    SequenceLayout("gtot", ("all",), lambda root, _: subfolders(root), _gtot),
    SequenceLayout(
        "depthtrack",
        ("train", "test"),
        lambda root, split: _listed(root / split, root / split / "list.txt"),
        _depthtrack,
    ),
    SequenceLayout("vot-rgbd22", ("all",), vot.names_of, _vot_rgbd),
    SequenceLayout("visevent", ("train", "test"), _visevent_names, _visevent),
)
