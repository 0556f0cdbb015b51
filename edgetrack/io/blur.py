"""Blurs targets, such as people or license plates, or everything else, before frames are written or shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgetrack.io.opencv import load_cv2
from edgetrack.types import Frame, Track

What = Literal["target", "others"]

_GRAINS = 24  # cells along the shorter side of the blurred image: a face has a few of them
_MARGIN = 2  # pixels around a mask that are blurred with it


class Blur:
    """Blurs the targets, or everything else.

    When in doubt, it blurs: a target with a box but no mask is blurred as a box, and as long as no target has a mask,
    "others" means the whole image.

    Args:
        what: "target" or "others".
        keep_masks: Whether the masks are also needed for something else.
    """

    def __init__(self, what: What, *, keep_masks: bool) -> None:
        self._what, self._keep_masks = what, keep_masks
        self._cv2: Any = load_cv2()

    def __call__(self, frame: Frame, tracks: Mapping[str, Track]) -> tuple[Frame, Mapping[str, Track]]:
        """Return the frame with blurred pixels, in a copy, and the tracks."""
        blurred = self._blurred_frame(frame, tracks.values())
        if self._keep_masks:
            return blurred, tracks
        return blurred, {name: replace(track, mask=None) for name, track in tracks.items()}

    def _blurred_frame(self, frame: Frame, tracks: Iterable[Track]) -> Frame:
        pixels = frame.pixels
        height, width = pixels.shape[:2]
        hidden = np.zeros((height, width), np.uint8)
        for track in tracks:
            if track.mask is not None:
                x, y, w, h = track.mask.box
                hidden[y : y + h, x : x + w] |= track.mask.bits.view(np.uint8)
            elif self._what == "target" and track.box is not None:
                x, y, w, h = track.box.ints
                hidden[max(y, 0) : max(y + h, 0), max(x, 0) : max(x + w, 0)] = 1
        if self._what == "others":
            hidden = 1 - hidden
        elif hidden.any():
            size = 2 * _MARGIN + 1
            hidden = self._cv2.dilate(hidden, np.ones((size, size), np.uint8))
        if not hidden.any():
            return frame
        where = hidden[..., None] != 0
        second = frame.x and replace(frame.x, pixels=self._hidden(frame.x.pixels, where))
        return replace(frame, pixels=self._hidden(pixels, where), x=second)

    def _hidden(self, pixels: NDArray[np.uint8], where: NDArray[np.bool_]) -> NDArray[np.uint8]:
        return np.where(where, self._blurred(pixels), pixels)

    def _blurred(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        height, width = pixels.shape[:2]
        share = min(1.0, _GRAINS / min(height, width))
        small = (max(1, round(width * share)), max(1, round(height * share)))
        coarse = self._cv2.resize(pixels, small, interpolation=self._cv2.INTER_AREA)
        return np.asarray(
            self._cv2.resize(coarse, (width, height), interpolation=self._cv2.INTER_LINEAR), np.uint8
        )
