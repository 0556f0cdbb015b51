"""Whether the followed object may be another one than the target."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgetrack.types import Box
from reference.geometry import at_edge

VANISHED, _SURE = 0.3, 0.5  # scores
_ELSEWHERE = 0.1  # IoU with the last sure box


class Identity:
    """Of an object that certainly is the target at first."""

    def __init__(self, box: Box) -> None:
        self._last = box
        self._vanished, self._leaves, self._doubt = False, False, 0

    def see(self, score: float, box: Box, pixels: NDArray[np.uint8], frames: int) -> None:
        """Add a search; doubt lasts for ``frames``."""
        self._doubt = max(self._doubt - 1, 0)
        self._leaves = at_edge(box, pixels.shape[1], pixels.shape[0])
        if score < VANISHED:
            self._vanished = frames > 0
        elif score >= _SURE:
            if self._vanished and self._last.iou(box) < _ELSEWHERE:
                self._doubt = frames
            self._last, self._vanished = box, False

    @property
    def has_left(self) -> bool:
        """Whether it vanished at an edge of the frame."""
        return self._vanished and self._leaves

    @property
    def doubtful(self) -> bool:
        """Whether it vanished and has not returned, or was found elsewhere."""
        return self._doubt > 0 or (self._vanished and not self._leaves)
