"""GrabCut (Rother et al., SIGGRAPH 2004): the usual way to segment the object in a box without a network."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgetrack.evaluation.types import Pixels
from edgetrack.mask import Mask
from edgetrack.types import Box

NAME = "grabcut"
_MARGIN = 0.25  # margin around the box, relative to its size, from which the background is learned
_ROUNDS = 3
_LONGEST = 240  # longest side in pixels of the image that it processes; its time grows with the area


class GrabCut:
    """An `Outliner` that segments by color."""

    def __init__(self) -> None:
        from edgetrack.io.opencv import load_cv2

        self._cv2 = load_cv2()

    def outline(self, frame: Pixels, box: Box) -> Mask | None:
        """Return the mask of the object in the box, from the colors inside and around it."""
        height, width = frame.shape[:2]
        x1, y1, x2, y2 = _around(box, width, height, _MARGIN)
        left, top, right, bottom = _around(box, width, height, 0.0)
        if right - left < 2 or bottom - top < 2:
            return None
        patch = frame[y1:y2, x1:x2]
        share = min(1.0, _LONGEST / max(patch.shape[:2]))
        size = (max(4, round(patch.shape[1] * share)), max(4, round(patch.shape[0] * share)))
        small = self._cv2.resize(patch, size, interpolation=self._cv2.INTER_AREA)
        labels = np.full(size[::-1], self._cv2.GC_BGD, np.uint8)
        inside = [
            round((value - offset) * share)
            for value, offset in ((left, x1), (top, y1), (right, x1), (bottom, y1))
        ]
        labels[inside[1] : inside[3], inside[0] : inside[2]] = self._cv2.GC_PR_FGD
        if (labels == self._cv2.GC_BGD).sum() < 8:  # the box covers the whole image
            return _placed(np.ones_like(labels, np.bool_), frame, (x1, y1, x2, y2), self._cv2)
        models: list[Any] = [np.zeros((1, 65)) for _ in range(2)]
        self._cv2.setRNGSeed(0)
        self._cv2.grabCut(small, labels, None, *models, _ROUNDS, self._cv2.GC_INIT_WITH_MASK)
        front = (labels == self._cv2.GC_FGD) | (labels == self._cv2.GC_PR_FGD)
        return _placed(front, frame, (x1, y1, x2, y2), self._cv2)


def _around(box: Box, width: int, height: int, margin: float) -> tuple[int, int, int, int]:
    x1, y1, x2, y2 = box.xyxy
    dx, dy = margin * box.w, margin * box.h
    return (
        max(0, round(x1 - dx)),
        max(0, round(y1 - dy)),
        min(width, round(x2 + dx)),
        min(height, round(y2 + dy)),
    )


def _placed(front: Any, frame: Pixels, place: tuple[int, int, int, int], cv2: Any) -> Mask | None:
    x1, y1, x2, y2 = place
    whole = np.zeros(frame.shape[:2], np.uint8)
    whole[y1:y2, x1:x2] = cv2.resize(
        front.astype(np.uint8), (x2 - x1, y2 - y1), interpolation=cv2.INTER_NEAREST
    )
    return Mask.of(whole)
