"""Frames of an object with ground-truth masks, from videos of DAVIS, YouTube-VOS and MOSE."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from edgetrack.datasets import Sequence as Clip
from edgetrack.datasets import SequenceSet, open_dataset
from edgetrack.errors import ConfigError
from edgetrack.network.mask import POINT, SIDE
from edgetrack.training.data.pictures import Pixels
from edgetrack.training.data.synthetic import augment, warps
from edgetrack.training.data.synthetic.warps import Matrix
from edgetrack.training.masks.aim import aimed
from edgetrack.training.masks.things import HELD_OUT, SMOOTH

Value = TypeVar("Value", bound=np.generic)
Object = tuple[SequenceSet, str]  # a dataset, and the name of its sequence with one object
_TRAIN = "train"
_GAP = 8  # largest step between sampled frames; YouTube-VOS has masks in every fifth frame
_LEAST = 8.0  # smallest side of a usable box, in pixels
_TRIES = 200


class VideoSampler:
    """An endless stream of sequences of frames of one object, in the order of the video.

    A video is read when it is sampled.

    Args:
        objects: See `load_videos`.
        frames: Number of frames of a sequence.
        seed: Random seed.
    """

    def __init__(self, objects: Sequence[Object], frames: int, seed: int = 0) -> None:
        self._objects, self._frames = objects, frames
        self._random = np.random.default_rng(seed)

    def sample(self) -> dict[str, Any]:
        """Return one sequence, as `MaskSampler.sample` does.

        Raises:
            ConfigError: Objects are not visible in that many frames.
            DatasetError: A file is missing or damaged.
        """
        random = self._random
        clip, seen = self._draw()
        flip, keep = random.random() < 0.5, random.random() < 0.5
        images, targets, masks = [], [], []
        for step, index in enumerate(self._chosen(seen)):
            x, y, w, h = (float(value) for value in clip.boxes[index])
            matrix, target = aimed((x, y, w, h), random, first=step == 0)
            image = warps.warp(clip.frames[index], matrix, (SIDE, SIDE), smooth=random.random() < SMOOTH)
            image = _turned(image, flip=flip)
            images.append(augment.rgb(image if keep else augment.camera(image, random)))
            targets.append(_turned(target, flip=flip))
            masks.append(_turned(_share(clip, index, matrix), flip=flip))
        return {"image": np.stack(images), "target": np.stack(targets), "mask": np.stack(masks)}

    def _draw(self) -> tuple[Clip, NDArray[np.intp]]:
        """Draw a sequence; return it with the frames in which its object is visible."""
        for _ in range(_TRIES):
            videos, name = self._objects[int(self._random.integers(len(self._objects)))]
            clip = videos[name]
            large = np.nan_to_num(clip.boxes[:, 2:]).min(1) >= _LEAST
            seen = np.flatnonzero(large)
            if len(seen) >= self._frames:
                return clip, seen
        raise ConfigError(
            f"none of {_TRIES} sampled objects is visible in {self._frames} frames with {_LEAST:g} pixels or more; "
            "use longer videos, or fewer frames"
        )

    def _chosen(self, seen: NDArray[np.intp]) -> list[int]:
        """Choose frames, in order, at most `_GAP` apart."""
        most = min(_GAP, (len(seen) - 1) // (self._frames - 1))
        steps = self._random.integers(1, most + 1, self._frames - 1)
        first = int(self._random.integers(len(seen) - steps.sum()))
        return [int(index) for index in seen[first + np.concatenate(([0], steps.cumsum()))]]


def load_videos(sets: Sequence[tuple[str, str, str]], *, held_out: bool) -> list[Object]:
    """Load the training objects, or those held out: of every twelfth video of each dataset.

    Args:
        sets: Name of the layout, folder and split of each, such as ("davis", "data/DAVIS", "train").
        held_out: Whether to load those held out.

    Raises:
        ConfigError: A dataset has no masks, or the split is for evaluation.
        DatasetError: The folder is not in that layout.
    """
    found: list[Object] = []
    for layout, path, split in sets:
        if split != _TRAIN:
            raise ConfigError(
                f"split {split!r} of {layout} is for evaluation, not for training; expected {_TRAIN!r}"
            )
        opened = open_dataset(layout, Path(path), split)
        if not isinstance(opened, SequenceSet) or not len(opened) or opened[0].masks is None:
            raise ConfigError(
                f"{layout} has no videos with masks; expected davis, davis2016, youtube-vos or mose"
            )
        videos = sorted({opened.video(name) for name in opened.names})
        chosen = {video for place, video in enumerate(videos) if (place % HELD_OUT == 0) == held_out}
        found += [(opened, name) for name in opened.names if opened.video(name) in chosen]
    return found


def _share(clip: Clip, index: int, matrix: Matrix) -> NDArray[np.float32]:
    """Return the fraction of each cell of the crop that the object covers."""
    assert clip.masks is not None
    plane: Pixels = clip.masks(index).astype(np.uint8) * 255
    mask = warps.warp(plane, matrix, (SIDE, SIDE), smooth=True, border=0)
    share = cv2.resize(mask, (SIDE // POINT, SIDE // POINT), interpolation=cv2.INTER_AREA)
    return np.asarray(share / np.float32(255), np.float32)


def _turned(plane: NDArray[Value], *, flip: bool) -> NDArray[Value]:
    """Return the plane, mirrored if ``flip``."""
    return np.ascontiguousarray(plane[:, ::-1]) if flip else plane
