"""Metrics of multi-object tracking: HOTA, IDF1, identity switches, count error.

HOTA: Luiten et al., IJCV 2021. IDF1: Ristani et al., ECCV workshops 2016. Identity switches: CLEAR MOT, Bernardin and
Stiefelhagen, 2008. The definitions are those of TrackEval; a test compares the results with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgetrack._imports import require
from edgetrack.association import assign, overlaps
from edgetrack.evaluation.types import Floats
from edgetrack.types import Box

ALPHAS = np.arange(0.05, 0.99, 0.05)  # IoU thresholds of HOTA
SAME = 0.5  # IoU at which a box matches an object, for IDF1 and identity switches
CONTINUED = 1000.0  # bonus for keeping an id in CLEAR MOT's matching, relative to IoU
EPSILON = np.finfo(float).eps

Frame = Mapping[int, Box]  # boxes by id


@dataclass(frozen=True, slots=True)
class IdentityCounts:
    """The counts of one or more sequences, which can be added."""

    true_positives: Floats  # for each of `ALPHAS`
    false_negatives: Floats
    false_positives: Floats
    association: Floats  # sum over the true positives, for each of `ALPHAS`
    id_true_positives: int
    boxes: int  # number of true boxes
    found: int  # number of boxes found
    switches: int
    frames: int
    count_error: int  # sum over the frames of |found - true|
    objects: int  # number of different objects
    ids: int

    def __add__(self, other: IdentityCounts) -> IdentityCounts:
        return IdentityCounts(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))

    @property
    def detection(self) -> float:
        """Return DetA, the detection accuracy, averaged over the IoU thresholds."""
        return float(self._detections().mean())

    @property
    def association_accuracy(self) -> float:
        """Return AssA, the association accuracy, averaged over the IoU thresholds."""
        return float(self._associations().mean())

    @property
    def hota(self) -> float:
        """Return HOTA: the geometric mean of both at each IoU threshold, averaged."""
        return float(np.sqrt(self._detections() * self._associations()).mean())

    @property
    def idf1(self) -> float:
        """Return IDF1, the F1 score of boxes with the id of their object."""
        return self.id_true_positives / max(0.5 * (self.boxes + self.found), 1.0)

    @property
    def mean_count_error(self) -> float:
        """Return the mean absolute error of the number of objects per frame."""
        return self.count_error / max(self.frames, 1)

    def _detections(self) -> Floats:
        all = self.true_positives + self.false_negatives + self.false_positives
        return np.asarray(self.true_positives / np.maximum(all, 1))

    def _associations(self) -> Floats:
        return np.asarray(self.association / np.maximum(self.true_positives, 1))


def identity_counts(truth: Sequence[Frame], found: Sequence[Frame]) -> IdentityCounts:
    """Compare the boxes of a sequence with the true ones, frame by frame.

    Args:
        truth: true boxes by object number, for each frame.
        found: boxes of the tracks by id, for the same frames.

    Raises:
        MissingExtra: SciPy is not installed.
    """
    objects, ids = _numbers(truth), _numbers(found)
    pairs = [_Pairs(t, f, objects, ids) for t, f in zip(truth, found, strict=True)]
    seen = np.array([sum(i in pair.rows for pair in pairs) for i in range(len(objects))])
    shown = np.array([sum(j in pair.columns for pair in pairs) for j in range(len(ids))])
    tp, association = _hota(pairs, seen, shown)
    return IdentityCounts(
        tp,
        seen.sum() - tp,
        shown.sum() - tp,
        association,
        _id_true_positives(pairs, len(objects), len(ids)),
        int(seen.sum()),
        int(shown.sum()),
        _switches(pairs),
        len(pairs),
        sum(abs(len(pair.rows) - len(pair.columns)) for pair in pairs),
        len(objects),
        len(ids),
    )


def count_wrong(truth: Frame, found: Frame) -> int:
    """Return the number of missed and false boxes in one frame, at an IoU of 0.5.

    Raises:
        MissingExtra: SciPy is not installed.
    """
    right = assign(1 - overlaps(list(truth.values()), list(found.values())), 1 - SAME + EPSILON)
    return len(truth) + len(found) - 2 * len(right)


class _Pairs:
    """The numbers of the objects and tracks of one frame, and the IoU of each pair."""

    def __init__(
        self, truth: Frame, found: Frame, objects: Mapping[int, int], ids: Mapping[int, int]
    ) -> None:
        self.rows, self.columns = [objects[n] for n in truth], [ids[n] for n in found]
        self.iou = overlaps(list(truth.values()), list(found.values()))


def _numbers(frames: Iterable[Frame]) -> dict[int, int]:
    """Return consecutive numbers from 0 for all ids in the frames."""
    return {n: i for i, n in enumerate(sorted({n for frame in frames for n in frame}))}


def _best(score: Floats) -> tuple[Floats, Floats]:
    """Return the rows and columns of the assignment with the greatest total score."""
    rows, columns = require("scipy.optimize", "every").linear_sum_assignment(-score)
    return rows, columns


def _hota(pairs: Sequence[_Pairs], seen: Floats, shown: Floats) -> tuple[Floats, Floats]:
    """Return the true positives and the sum of their associations, for each IoU threshold."""
    likely = np.zeros((len(seen), len(shown)))  # fraction of their frames in which object and track overlap
    for pair in pairs:
        whole = pair.iou.sum(0)[None, :] + pair.iou.sum(1)[:, None] - pair.iou
        share = np.divide(pair.iou, whole, out=np.zeros_like(pair.iou), where=whole > EPSILON)
        likely[np.ix_(pair.rows, pair.columns)] += share
    likely = likely / np.maximum(seen[:, None] + shown[None, :] - likely, EPSILON)
    together = np.zeros((len(ALPHAS), *likely.shape))
    for pair in pairs:
        rows, columns = _best(likely[np.ix_(pair.rows, pair.columns)] * pair.iou)
        iou = pair.iou[rows, columns]
        for row, column, value in zip(rows, columns, iou, strict=True):
            together[value >= ALPHAS - EPSILON, pair.rows[row], pair.columns[column]] += 1
    jaccard = together / np.maximum(1, seen[None, :, None] + shown[None, None, :] - together)
    return together.sum((1, 2)), (together * jaccard).sum((1, 2))


def _id_true_positives(pairs: Sequence[_Pairs], objects: int, ids: int) -> int:
    """Return the number of correct boxes if each object is assigned its best id for the whole sequence."""
    together = np.zeros((objects, ids))
    for pair in pairs:
        together[np.ix_(pair.rows, pair.columns)] += pair.iou >= SAME
    rows, columns = _best(together)
    return int(together[rows, columns].sum())


def _switches(pairs: Sequence[_Pairs]) -> int:
    """Return how often an object gets a different id than when it was last found."""
    last: dict[int, int] = {}  # last id of each object
    before: dict[int, int] = {}  # id of each object in the previous frame
    count = 0
    for pair in pairs:
        score = pair.iou.copy()
        for row, number in enumerate(pair.rows):
            score[row, [column == before.get(number) for column in pair.columns]] += CONTINUED
        score[pair.iou < SAME - EPSILON] = 0
        now = {}
        for row, column in zip(*_best(score), strict=True):
            if score[row, column] > EPSILON:
                now[pair.rows[row]] = pair.columns[column]
        count += sum(number in last and last[number] != column for number, column in now.items())
        last.update(now)
        before = now
    return count
