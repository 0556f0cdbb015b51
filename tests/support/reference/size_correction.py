"""The size of the reported box, as the checks find it."""

from __future__ import annotations

import math

from edgetrack.types import Box
from reference.geometry import clip

_MEMORY = 5  # checks that the mean is taken over


class SizeCorrection:
    """The mean ratio of the sizes that full-frame searches find to those that are followed, as a logarithm."""

    def __init__(self) -> None:
        self._checks, self._ratio = 0, (0.0, 0.0)

    def add(self, followed: Box, found: Box) -> None:
        self._checks = min(self._checks + 1, _MEMORY)
        now = math.log(found.w / followed.w), math.log(found.h / followed.h)
        width, height = (
            old + 1.0 / self._checks * (new - old) for old, new in zip(self._ratio, now, strict=True)
        )
        self._ratio = width, height

    def of(self, followed: Box, width: int, height: int) -> Box:
        """Return the followed box in that size, about the same center, in a frame of ``width`` x ``height``."""
        if not self._checks:
            return followed
        w, h = followed.w * math.exp(self._ratio[0]), followed.h * math.exp(self._ratio[1])
        return clip(
            Box(followed.x + (followed.w - w) / 2, followed.y + (followed.h - h) / 2, w, h), width, height
        )
