"""The layouts of data sets of unusual events, recognized by their folders.

UCSD Ped1 and Ped2 (Mahadevan et al., 2010):
    {Train,Test}/Train001/001.tif, Test/Test001_gt/001.bmp, Test/UCSDped2.m
Avenue (Lu et al., 2013):
    {training,testing}_videos/01.avi, testing_label_mask/1_label.mat
ShanghaiTech (Liu et al., 2018):
    training/videos/01_001.avi, testing/frames/01_0014/000.jpg, testing/test_{frame,pixel}_mask/01_0014.npy
UCF-Crime (Sultani et al., 2018):
    Temporal_Anomaly_Annotation_for_Testing_Videos.txt, and the videos in any folder
Your own:
    anomaly.json, see `edgetrack.datasets.anomaly_file`

The clips of UCF-Crime are from different cameras, so normal activity can only be learned from each clip itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack._imports import require
from edgetrack.datasets.anomaly import (
    SPLITS,
    AnomalyClip,
    AnomalyLayout,
    Flags,
    flags_of,
    normal,
    truth_of_masks,
)
from edgetrack.datasets.anomaly_file import FILE, read_own
from edgetrack.datasets.frames import image_names, subfolders
from edgetrack.datasets.sequence import Frames, ImageFrames, VideoFrames, read_image
from edgetrack.datasets.tables import cells, read_lines, read_text
from edgetrack.errors import DatasetError

UCF = "Temporal_Anomaly_Annotation_for_Testing_Videos.txt"
_VIDEOS = (".avi", ".mp4")
_RANGE = re.compile(r"(\d+)\s*:\s*(\d+)")


def _read(root: Path, split: str) -> Iterator[AnomalyClip]:
    kinds: dict[str, Callable[[Path, str], Iterator[AnomalyClip]]] = {
        FILE: read_own,
        "Train": _ucsd,
        "training_videos": _avenue,
        "training/videos": _shanghaitech,
        UCF: _ucf_crime,
    }
    for place, read in kinds.items():
        if (root / place).exists():
            yield from read(root, split)
            return
    raise DatasetError(
        f"{root} contains none of {', '.join(kinds)}; expected the folder of UCSD, Avenue, ShanghaiTech or "
        f"UCF-Crime, or one with {FILE}; correct the path"
    )


def _ucsd(root: Path, split: str) -> Iterator[AnomalyClip]:
    folder = root / split.title()
    names = [name for name in subfolders(folder) if not name.endswith("_gt")]
    ranges = _ucsd_ranges(folder, len(names)) if split == "test" else [None] * len(names)
    for name, marked in zip(names, ranges, strict=True):
        frames = _pictures(folder / name)
        masks = folder / f"{name}_gt"
        if split == "train":
            yield AnomalyClip(name, root.name, frames, 10.0, normal(frames))
            continue
        truth = None
        if masks.is_dir():
            files = sorted(masks.glob("*.bmp"))
            truth = truth_of_masks(read_image(file).max(axis=2) for file in files)
        if marked is None and truth is None:
            raise DatasetError(
                f"{masks} is not a folder; expected this folder or {root.name}.m; unpack the archive again"
            )
        flags = flags_of(truth) if marked is None and truth is not None else _flags(marked or [], len(frames))
        yield AnomalyClip(name, root.name, frames, 10.0, flags, truth)


def _ucsd_ranges(folder: Path, count: int) -> list[list[tuple[int, int]] | None]:
    """Return the abnormal frames of each clip, counted from 1, both ends included."""
    for path in folder.glob("*.m"):
        found = re.findall(r"gt_frame\s*=\s*\[([^\]]*)\]", read_text(path))
        if len(found) != count:
            raise DatasetError(f"{path} has {len(found)} clips; expected {count}, one for each folder")
        return [[(int(a), int(b)) for a, b in _RANGE.findall(one)] for one in found]
    return [None] * count


def _flags(ranges: list[tuple[int, int]], count: int) -> Flags:
    flags = np.zeros(count, bool)
    for first, last in ranges:
        flags[first - 1 : last] = True
    return flags


def _avenue(root: Path, split: str) -> Iterator[AnomalyClip]:
    for path in _videos(root / f"{split}ing_videos"):
        frames = VideoFrames(path)
        if split == "train":
            yield AnomalyClip(path.stem, "avenue", frames, 25.0, normal(frames))
            continue
        file = root / "testing_label_mask" / f"{int(path.stem)}_label.mat"
        scipy_io = require("scipy.io", extra="every")
        try:
            content = scipy_io.loadmat(file)["volLabel"]
        except (OSError, ValueError, KeyError, NotImplementedError, scipy_io.matlab.MatReadError) as error:
            raise DatasetError(
                f"{file} cannot be read ({error!r}); expected the variable volLabel; unpack the archive again"
            ) from error
        truth = truth_of_masks(np.asarray(mask, np.uint8) for mask in content.ravel())
        yield AnomalyClip(path.stem, "avenue", frames, 25.0, flags_of(truth), truth)


def _shanghaitech(root: Path, split: str) -> Iterator[AnomalyClip]:
    if split == "train":
        for path in _videos(root / "training" / "videos"):
            frames = VideoFrames(path)
            yield AnomalyClip(path.stem, path.stem[:2], frames, 24.0, normal(frames))
        return
    folder = root / "testing"
    for name in subfolders(folder / "frames"):
        pictures = _pictures(folder / "frames" / name)
        flags = _load(folder / "test_frame_mask" / f"{name}.npy", 1) > 0
        pixels = folder / "test_pixel_mask" / f"{name}.npy"
        truth = truth_of_masks(iter(_load(pixels, 3))) if pixels.exists() else None
        yield AnomalyClip(name, name[:2], pictures, 24.0, flags, truth)


def _ucf_crime(root: Path, split: str) -> Iterator[AnomalyClip]:
    if split == "train":
        return
    places = {path.name: path for path in sorted(root.rglob("*.mp4"))}
    for number, line in enumerate(read_lines(root / UCF), 1):
        row = cells(line)
        if len(row) != 6 or not all(re.fullmatch(r"-?\d+", value) for value in row[2:]):
            raise DatasetError(
                f"{root / UCF}:{number}: {line!r}; expected a video, its class and four frame numbers"
            )
        if row[0] not in places:
            raise DatasetError(
                f"{root} does not contain {row[0]}; expected the video in a folder there; unpack its archive"
            )
        frames = VideoFrames(places[row[0]])
        first, last, again, end = (int(value) for value in row[2:])
        ranges = [(max(a, 1), b) for a, b in ((first, last), (again, end)) if a >= 0]
        yield AnomalyClip(row[0], row[0], frames, 30.0, _flags(ranges, len(frames)))


def _load(path: Path, dimensions: int) -> NDArray[Any]:
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DatasetError(
            f"{path} cannot be read ({error}); expected an array; unpack the archive again"
        ) from error
    if not isinstance(array, np.ndarray) or array.ndim != dimensions:
        raise DatasetError(f"{path} is not an array of {dimensions} dimensions; unpack the archive again")
    return array


def _pictures(folder: Path) -> Frames:
    names = sorted(path.name for path in folder.glob("*.tif"))
    return ImageFrames(folder, names or image_names(folder))


def _videos(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.glob("*") if path.suffix.lower() in _VIDEOS)
    if not found:
        raise DatasetError(
            f"{folder} has no video; expected {' or '.join(_VIDEOS)}; unpack the archive again"
        )
    return found


ANOMALY = AnomalyLayout("anomaly", SPLITS, _read)
