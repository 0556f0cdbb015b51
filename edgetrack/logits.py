"""The logits behind a mask: the network's output, and the region of the frame that it covers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_NOWHERE = -20.0  # the logit outside of the region, as in C++

Logits = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class MaskLogits:
    """The logits of the square region around a target, in the network's resolution.

    A logit is above 0 on the target; ``1 / (1 + exp(-logit))`` is the probability of the target.

    Attributes:
        values: float32 (side, side), row by row over all of the region; read-only.
        region: ``(x, y, width, height)`` of the region in pixels of the frame, origin at the top left; it may reach
            out of the frame.
        size: Width and height of the frame, in pixels.
    """

    values: Logits
    """float32 (side, side), row by row over all of the region; read-only."""
    region: tuple[float, float, float, float]
    """``(x, y, width, height)`` of the region in pixels of the frame; it may reach out of the frame."""
    size: tuple[int, int]
    """Width and height of the frame, in pixels."""

    def dense(self) -> Logits:
        """Return the logits of the whole frame, float32 (H, W), a new array.

        They are interpolated bilinearly at the centers of the pixels, as for the mask, and -20 outside of the region.
        """
        x, y, width, height = self.region
        columns, across = _between(self.size[0], x, width, self.values.shape[1])
        rows, down = _between(self.size[1], y, height, self.values.shape[0])
        framed = np.pad(self.values, 1, constant_values=_NOWHERE)
        beside = framed[:, columns] * (1 - across) + framed[:, columns + 1] * across
        return np.asarray(beside[rows] * (1 - down)[:, None] + beside[rows + 1] * down[:, None])


def _between(pixels: int, origin: float, extent: float, side: int) -> tuple[NDArray[np.intp], Logits]:
    """Return, per pixel along one axis, the padded index of the value before its center, and the fraction beyond it.

    Args:
        pixels: number of them.
        origin, extent: of the region along the axis, in pixels.
        side: number of values over the region.
    """
    places = (np.arange(pixels) + 0.5 - origin) / extent * side + 0.5
    before = np.clip(np.floor(places), 0, side)
    return before.astype(np.intp), np.clip(places - before, 0, 1).astype(np.float32)
