"""Objects that look like the target, none of which is followed in its place."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgetrack.types import Box
from reference.decode import Floats, Prediction, predict
from reference.geometry import Region, clip, from_region

_PLACES, _FINDS = 5, 4
_NEAR_BEST = 0.5  # share of the best find's raw score that another one needs
_OVERLAP = 1 / 3  # overlap from which two boxes are one place
_SAME_PLACE = 0.3
_BESIDE = 0.2  # overlap below which a place is not where it is expected
_ESTABLISHED = 3  # looks after which an object counts as a look-alike
_REFUSED = 90  # frames after which a lost target may be at the place of a look-alike
_MOST = 16
_FORGOTTEN = 5  # looks without it after which it is forgotten


@dataclass(slots=True)
class Known:
    """An object at a place other than the target's."""

    box: Box
    looks: int = 1
    missed: int = 0
    seen: bool = True  # in this look


@dataclass(frozen=True, slots=True)
class Place:
    """One of the best places in a search region, in pixels of the frame."""

    prediction: Prediction
    box: Box

    @property
    def score(self) -> float:
        return self.prediction.quality * self.prediction.presence


class Lookalikes:
    """The look-alikes of one target."""

    def __init__(self, *, least: float, moves: float) -> None:
        """``least`` is the score of an object, ``moves`` the one that moves the target's box."""
        self._least, self._moves = least, moves
        self.known: list[Known] = []

    def choose(
        self,
        outputs: Mapping[str, Floats],
        region: Region,
        rank: Floats,
        expected: Box,
    ) -> Prediction:
        """Return the target's place; its quality is 0 if all places are those of look-alikes."""
        places = _places(outputs, region, rank)
        chosen = self._chosen(places, expected)
        target = places[chosen].prediction if chosen < len(places) else places[0].prediction
        if chosen == len(places):
            target = replace(target, quality=0.0)
        for i, place in enumerate(places):
            if i != chosen and place.score >= self._least:
                self._note(place.box)
        self._end_look()
        here = expected
        if chosen < len(places) and places[chosen].score >= self._moves:
            here = places[chosen].box
        self.known = [one for one in self.known if _shared(one.box, here) <= _BESIDE]
        return target

    def find(
        self, outputs: Mapping[str, Floats], region: Region, size: tuple[int, int], lost_for: int
    ) -> tuple[Box, float]:
        """Return the best box in a whole frame that is no look-alike's, and its score, 0 if there is none."""
        if lost_for > _REFUSED:
            self.known.clear()
        score = outputs["score"][0, 0]
        boxes = [from_region(region, predict(outputs, *cell).cxcywh) for cell in np.ndindex(score.shape)]

        def best_apart(others: Sequence[Box]) -> Place | None:
            left = [
                -np.inf if any(box.iou(other) >= _OVERLAP for other in others) else float(raw)
                for box, raw in zip(boxes, score.flat, strict=True)
            ]
            cell = int(np.argmax(left))
            if left[cell] == -np.inf:
                return None
            return Place(predict(outputs, *divmod(cell, score.shape[1])), clip(boxes[cell], *size))

        best = best_apart([])
        assert best is not None
        finds, least = [best], _NEAR_BEST * best.prediction.peak
        while len(finds) < _FINDS:
            after = best_apart([find.box for find in finds])
            if after is None or after.prediction.peak < least:
                break
            finds.append(after)
        for find in finds:
            if find.score >= self._least:
                self._note(find.box, learn=False)
        self._end_look()
        others = [one.box for one in self.known if one.looks >= _ESTABLISHED]
        found = best_apart(others) if others else best
        if found is None or found.prediction.peak < least:
            return best.box, 0.0
        return found.box, found.score

    def _end_look(self) -> None:
        for one in self.known:
            one.missed += not one.seen
            one.seen = False
        self.known = [one for one in self.known if one.missed <= _FORGOTTEN]

    def _at(self, box: Box) -> Known | None:
        found, most = None, _SAME_PLACE
        for one in self.known:
            if one.looks >= _ESTABLISHED and box.iou(one.box) >= most:
                found, most = one, box.iou(one.box)
        return found

    def _chosen(self, places: Sequence[Place], expected: Box) -> int:
        best = places[0]
        rival = self._at(best.box)
        if rival is None or _shared(best.box, expected) >= _BESIDE:
            return 0
        after = 1
        while after < len(places) and self._at(places[after].box) is not None:
            after += 1
        as_rival, as_target = _distance(rival.box, best.box), _distance(expected, best.box)
        if after < len(places) and places[after].score >= self._least:
            other = places[after]
            as_rival += _distance(expected, other.box)
            as_rival += math.log(best.prediction.peak / other.prediction.peak)
            as_target += _distance(rival.box, other.box)
        return after if as_rival < as_target else 0

    def _note(self, box: Box, *, learn: bool = True) -> None:
        found, most = None, _SAME_PLACE
        for one in self.known:
            if not one.seen and box.iou(one.box) >= most:
                found, most = one, box.iou(one.box)
        if found is None and learn and len(self.known) < _MOST:
            self.known.append(Known(box))
        elif found is not None:
            found.box, found.looks, found.missed, found.seen = box, found.looks + 1, 0, True


def _places(outputs: Mapping[str, Floats], region: Region, rank: Floats) -> list[Place]:
    """Return the best places, none of which is a part of another one."""
    rows, columns = np.indices(rank.shape)
    boxes = [
        from_region(region, predict(outputs, int(r), int(c)).cxcywh)
        for r, c in zip(rows.flat, columns.flat, strict=True)
    ]
    places: list[Place] = []
    left = rank.ravel().copy()
    while len(places) < _PLACES and np.isfinite(left).any():
        best = int(left.argmax())
        places.append(Place(predict(outputs, *divmod(best, rank.shape[1])), boxes[best]))
        for i, box in enumerate(boxes):
            if _shared(box, boxes[best]) >= _OVERLAP:
                left[i] = -np.inf
    return places


def _shared(a: Box, b: Box) -> float:
    """Return the fraction of the smaller box that lies in the other."""
    return max(a.coverage(b), b.coverage(a))


def _distance(a: Box, b: Box) -> float:
    """Return the distance of the centers in sides of ``a``."""
    (ax, ay), (bx, by) = a.center, b.center
    return math.sqrt(((bx - ax) ** 2 + (by - ay) ** 2) / (a.w * a.h))
