"""How well many objects are found and kept apart: HOTA, IDF1, identity switches, errors of the count.

HOTA: Luiten et al., IJCV 2021. IDF1: Ristani et al., ECCV workshops 2016. Identity switches: CLEAR MOT, Bernardin and
Stiefelhagen, 2008. Definitions are those of TrackEval, with which a test compares the results.
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
SAME = 0.5  # IoU from which a box is the object's, for IDF1 and identity switches
CONTINUED = 1000.0  # what keeping an id is worth in CLEAR MOT's matching, against IoU
EPSILON = np.finfo(float).eps

Frame = Mapping[int, Box]  # boxes by id


@dataclass(frozen=True, slots=True)
class IdentityCounts:
    """What sequences add up to."""

    true_positives: Floats  # by `ALPHAS`
    false_negatives: Floats
    false_positives: Floats
    association: Floats  # sum over the true positives
    id_true_positives: int
    boxes: int  # of the truth
    found: int  # boxes that were found
    switches: int
    frames: int
    count_error: int  # sum over the frames of |found - true|
    objects: int  # different ones
    ids: int

    def __add__(self, other: IdentityCounts) -> IdentityCounts:
        return IdentityCounts(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))

    @property
    def detection(self) -> float:
        """DetA, the detection accuracy, averaged over the IoU thresholds."""
        return float(self._detections().mean())

    @property
    def association_accuracy(self) -> float:
        """AssA, averaged over the IoU thresholds."""
        return float(self._associations().mean())

    @property
    def hota(self) -> float:
        """The geometric mean of both at each IoU threshold, averaged."""
        return float(np.sqrt(self._detections() * self._associations()).mean())

    @property
    def idf1(self) -> float:
        """F1 of boxes that have the id of their object."""
        return self.id_true_positives / max(0.5 * (self.boxes + self.found), 1.0)

    @property
    def mean_count_error(self) -> float:
        """Objects too many or too few in a frame, on average."""
        return self.count_error / max(self.frames, 1)

    def _detections(self) -> Floats:
        all = self.true_positives + self.false_negatives + self.false_positives
        return np.asarray(self.true_positives / np.maximum(all, 1))

    def _associations(self) -> Floats:
        return np.asarray(self.association / np.maximum(self.true_positives, 1))


def identity_counts(truth: Sequence[Frame], found: Sequence[Frame]) -> IdentityCounts:
    """Compare the boxes of a sequence with the true ones, frame by frame.

    Args:
        truth: boxes of the objects by number.
        found: boxes of the tracks by id, in the same frames.

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
    """Count the boxes of one frame that are missed or of nothing, at IoU 0.5.

    Raises:
        MissingExtra: SciPy is not installed.
    """
    right = assign(1 - overlaps(list(truth.values()), list(found.values())), 1 - SAME + EPSILON)
    return len(truth) + len(found) - 2 * len(right)


class _Pairs:
    """The objects and tracks of one frame, by number, and the IoU of each pair."""

    def __init__(
        self, truth: Frame, found: Frame, objects: Mapping[int, int], ids: Mapping[int, int]
    ) -> None:
        self.rows, self.columns = [objects[n] for n in truth], [ids[n] for n in found]
        self.iou = overlaps(list(truth.values()), list(found.values()))


def _numbers(frames: Iterable[Frame]) -> dict[int, int]:
    """Each id in the frames, numbered from 0."""
    return {n: i for i, n in enumerate(sorted({n for frame in frames for n in frame}))}


def _best(score: Floats) -> tuple[Floats, Floats]:
    """Rows and columns of the pairs with the greatest sum."""
    rows, columns = require("scipy.optimize", "every").linear_sum_assignment(-score)
    return rows, columns


def _hota(pairs: Sequence[_Pairs], seen: Floats, shown: Floats) -> tuple[Floats, Floats]:
    """True positives, and the sum of their associations, for each IoU threshold."""
    likely = np.zeros((len(seen), len(shown)))  # how much of their time they are together
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
    """Boxes that are right when each object has one id in the whole sequence, the best one."""
    together = np.zeros((objects, ids))
    for pair in pairs:
        together[np.ix_(pair.rows, pair.columns)] += pair.iou >= SAME
    rows, columns = _best(together)
    return int(together[rows, columns].sum())


def _switches(pairs: Sequence[_Pairs]) -> int:
    """How often an object has another id than when it was last found."""
    last: dict[int, int] = {}  # id of each object
    before: dict[int, int] = {}  # in the frame before
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
