"""Data sets of unusual events: clips of normal activity for training, and clips with unusual events."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgetrack.datasets.sequence import Frames
from edgetrack.errors import DatasetError
from edgetrack.types import Box

Flags = NDArray[np.bool_]
Truth = tuple[Mapping[int, Box], ...]  # for each frame, the boxes of unusual objects by track number
SPLITS = ("train", "test")


@dataclass(frozen=True, slots=True)
class AnomalyClip:
    """A clip with labels of unusual events.

    Attributes:
        name: Its name in the data set.
        scene: Its camera; clips of the same scene have the same normal activity.
        frames: Its frames.
        fps: Frames per second.
        abnormal: (N,) whether each frame is abnormal.
        truth: Boxes of each frame in pixels; None if only frames are labeled.
    """

    name: str
    scene: str
    frames: Frames
    fps: float
    abnormal: Flags
    truth: Truth | None = None

    def __post_init__(self) -> None:
        for what, count in (("flags", len(self.abnormal)), ("boxes", len(self.truth or self.abnormal))):
            if count != len(self.frames):
                raise DatasetError(
                    f"{self.name} has {len(self.frames)} frames but {what} for {count}; expected equal "
                    "numbers"
                )


@dataclass(frozen=True, slots=True)
class AnomalyLayout:
    """The layout of a data set of clips on disk."""

    name: str
    splits: tuple[str, ...]
    read: Callable[[Path, str], Iterator[AnomalyClip]]
    text: bool = False


class AnomalySet:
    """The clips of one split, read one after the other."""

    def __init__(self, layout: AnomalyLayout, root: Path, split: str) -> None:
        self.name, self.root, self.split = layout.name, root, split
        self._read = layout.read

    def __iter__(self) -> Iterator[AnomalyClip]:
        yield from self._read(self.root, self.split)


def normal(frames: Frames) -> Flags:
    """Return the flags of a clip in which nothing is abnormal."""
    return np.zeros(len(frames), bool)


def truth_of_masks(masks: Iterator[NDArray[np.uint8]]) -> Truth:
    """Return the boxes of the connected components of masks (H, W), in which values above 0 are abnormal.

    A component that overlaps one of the previous frame belongs to the same track, because the data sets label pixels
    and not tracks.
    """
    from edgetrack.io.opencv import load_cv2

    cv2, truth, known, next_number = load_cv2(), [], dict[int, Box](), 0
    for mask in masks:
        count, _, stats, _ = cv2.connectedComponentsWithStats((mask > 0).astype(np.uint8), connectivity=8)
        now: dict[int, Box] = {}
        for label in range(1, count):
            box = Box(*(float(v) for v in stats[label, :4]))
            same = max((n for n in known if n not in now), key=lambda n: known[n].iou(box), default=None)
            if same is None or not known[same].iou(box):
                same, next_number = next_number, next_number + 1
            now[same] = box
        truth.append(now)
        known = now
    return tuple(truth)


def flags_of(truth: Truth) -> Flags:
    """Return which frames have a box."""
    return np.array([bool(boxes) for boxes in truth], bool)
