"""J&F of DAVIS: accuracy of regions and contours (Perazzi et al., CVPR 2016; Pont-Tuset et al., 2017).

If a tracker gives only boxes, the filled box is used as the mask; the result of perfect boxes is reported as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.datasets import Sequence as Clip
from edgetrack.errors import ConfigError
from edgetrack.evaluation.metrics.one_pass import exists
from edgetrack.evaluation.types import Floats
from edgetrack.mask import Mask as Masked

Mask = NDArray[np.bool_]  # (H, W)
Draw = Callable[[Floats, tuple[int, ...]], Mask]
Guess = Callable[[int, tuple[int, ...]], Mask]  # mask of a frame, by its index and the shape of its true mask
TOLERANCE = 0.008  # tolerance of contours, as a fraction of the image diagonal


@dataclass(frozen=True, slots=True)
class MaskMetrics:
    """Metrics of one object, or means over several objects; each 0..1, decays -1..1."""

    jf: float  # mean of J and F
    j: float  # region similarity, mean over frames
    j_recall: float  # fraction of frames above 0.5
    j_decay: float  # mean of the first quarter minus that of the last
    f: float  # contour accuracy
    f_recall: float
    f_decay: float


def region_similarity(found: Mask, truth: Mask) -> float:
    """Return J, the IoU of two masks of equal shape; 1 if both are empty."""
    union = int((found | truth).sum())
    return int((found & truth).sum()) / union if union else 1.0


def contour_accuracy(found: Mask, truth: Mask) -> float:
    """Return F, the F1 score of two contours; points match within 0.008 of the image diagonal, rounded up."""
    return _agreement(_Contour.of(found), _Contour.of(truth))


def mask_metrics(clip: Clip, *guesses: Guess) -> list[MaskMetrics]:
    """Return the metrics of several sets of masks of one object, without the first and last frame, as in DAVIS.

    Args:
        clip: sequence with masks, each of which is read once.
        guesses: functions that return the masks to score; see `outlines` and `drawn`.

    Raises:
        ConfigError: the sequence has no masks, or fewer than three frames.
        DatasetError: a mask cannot be read.
    """
    if clip.masks is None or len(clip) < 3:
        raise ConfigError(f"{clip.name} has {len(clip)} frames; J&F needs at least three frames, with masks")
    scores: list[tuple[list[float], list[float]]] = [([], []) for _ in guesses]
    for index in range(1, len(clip) - 1):
        truth = clip.masks(index)
        contour = _Contour.of(truth)
        for (j, f), guess in zip(scores, guesses, strict=True):
            found = guess(index, truth.shape)
            j.append(region_similarity(found, truth))
            f.append(_agreement(_Contour.of(found), contour))
    return [
        MaskMetrics((np.mean(j) + np.mean(f)).item() / 2, *_over_time(j), *_over_time(f)) for j, f in scores
    ]


@cache
def true_box_metrics(clip: Clip) -> MaskMetrics:
    """Return the metrics of the true boxes, an upper bound for trackers that give only boxes."""
    return mask_metrics(clip, drawn(clip.boxes))[0]


def outlines(masks: Sequence[dict[str, Any] | None]) -> Guess:
    """Return a function for masks in run-length encoding, one per frame, as in `Mask.rle`."""
    return lambda index, shape: _decoded(masks[index], shape)


def drawn(boxes: Floats, draw: Draw | None = None) -> Guess:
    """Return a function for masks drawn from boxes (N, 4) xywh by `filled`, the default, or `ellipse`."""
    return lambda index, shape: (draw or filled)(boxes[index], shape)


def mean_metrics(objects: Iterable[MaskMetrics]) -> MaskMetrics:
    """Return the means over the objects."""
    return MaskMetrics(*np.mean([astuple(figures) for figures in objects], axis=0).tolist())


def filled(box: Floats, shape: tuple[int, ...]) -> Mask:
    """Return a mask (H, W), True where a pixel's center is inside the box; all False without a box."""
    mask = np.zeros(shape, np.bool_)
    if exists(box[None])[0]:
        low, high = np.ceil(box[:2] - 0.5), np.ceil(box[:2] + box[2:] - 0.5)
        (x1, y1), (x2, y2) = (np.clip(v, 0, shape[::-1]).astype(int) for v in (low, high))
        mask[y1:y2, x1:x2] = True
    return mask


def ellipse(box: Floats, shape: tuple[int, ...]) -> Mask:
    """Return a mask (H, W), True inside the ellipse that touches the sides of the box."""
    mask = np.zeros(shape, np.bool_)
    if exists(box[None])[0]:
        y, x = np.mgrid[: shape[0], : shape[1]] + 0.5
        center, half = box[:2] + box[2:] / 2, box[2:] / 2
        mask = np.asarray(((x - center[0]) / half[0]) ** 2 + ((y - center[1]) / half[1]) ** 2 <= 1)
    return mask


def _decoded(mask: dict[str, Any] | None, shape: tuple[int, ...]) -> Mask:
    if mask is None:
        return np.zeros(shape, np.bool_)
    return Masked.from_rle(mask).dense()


def _over_time(values: list[float]) -> tuple[float, float, float]:
    """Return mean, recall and decay; adjacent quarters share a frame, as in the toolkit of DAVIS."""
    ends = np.round(np.linspace(0, len(values) - 1, 5) + 1e-10).astype(int)
    first, last = values[ends[0] : ends[1] + 1], values[ends[3] : ends[4] + 1]
    recall = np.mean(np.array(values) > 0.5)
    return float(np.mean(values)), float(recall), float(np.mean(first) - np.mean(last))


@dataclass(frozen=True, slots=True)
class _Contour:
    """The contour of a mask."""

    points: Mask
    near: Mask  # pixels within the tolerance of a contour point
    count: int

    @classmethod
    def of(cls, mask: Mask) -> _Contour:
        points = _contour(mask)
        radius = int(np.ceil(TOLERANCE * np.hypot(*mask.shape)))
        return cls(points, _dilated(points, radius), int(points.sum()))


def _agreement(found: _Contour, truth: _Contour) -> float:
    """Return the F1 score of two contours."""
    if not found.count or not truth.count:
        return float(found.count == truth.count)
    precision = int((found.points & truth.near).sum()) / found.count
    recall = int((truth.points & found.near).sum()) / truth.count
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _contour(mask: Mask) -> Mask:
    """Return the pixels that differ from their neighbor to the right, below, or diagonally."""
    padded = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    here = padded[:-1, :-1]
    return np.asarray((here ^ padded[:-1, 1:]) | (here ^ padded[1:, :-1]) | (here ^ padded[1:, 1:]), np.bool_)


def _dilated(mask: Mask, radius: int) -> Mask:
    """Dilate a mask by a disk."""
    from edgetrack.io.opencv import load_cv2

    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disk = (x * x + y * y <= radius * radius).astype(np.uint8)
    return np.asarray(load_cv2().dilate(mask.astype(np.uint8), disk), np.bool_)
