"""The source of a tracker's masks: the model's own network, or a user's network that segments the object in a box."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from edgetrack._native import runtime
from edgetrack.arrays import Pixels, device_of
from edgetrack.engines.base import Engine
from edgetrack.errors import ConfigError, FrameError
from edgetrack.history import Result
from edgetrack.mask import Mask, check_mask, check_masks, mask_of
from edgetrack.opened import Taken, taken
from edgetrack.types import Box, Frame


@runtime_checkable
class Outliner(Protocol):
    """Segments the object in a box, frame by frame."""

    def outline(self, frame: NDArray[np.uint8], box: Box, /) -> Mask | None:
        """Return the mask of the object in a box; None if it has no pixel.

        Args:
            frame: uint8 (H, W, 3), BGR; valid during the call.
            box: In pixels of the frame.
        """
        ...


Masks = bool | str | Path | Outliner  # the argument of ``Tracker(masks=...)``


class Outlining:
    """The masks of one tracker.

    Args:
        masks: As for ``Tracker``.
        threads: For the networks of a segmenter.

    Raises:
        ConfigError: ``masks`` has none of the supported values, or its file is invalid.
        MissingExtra: A package that a segmenter needs is missing.
    """

    def __init__(self, masks: Masks, threads: int | None) -> None:
        self._outliner = _outliner_of(masks, threads)
        self._own, self._logits = check_masks(masks) if self._outliner is None else (False, False)
        self._last: tuple[Box, Mask] | None = None  # the last box of a segmenter, with its mask

    def prepare(self, core: runtime.Tracker) -> None:
        """Enable or disable the masks of a C++ tracker."""
        core.set_masks(self._own, self._logits)

    def first(self, mask: Any) -> NDArray[np.bool_] | None:
        """Return the mask that ``start`` was given, bool (H, W).

        Raises:
            FrameError: It is not a mask. ConfigError: A segmenter cannot use it.
        """
        if mask is not None and self._outliner is not None:
            raise ConfigError("start() got a mask, but a segmenter starts from a box; pass only the box")
        return None if mask is None else check_mask(mask)

    def taken(
        self, engine: Engine, frame: Pixels | None, x: Pixels | Frame | None
    ) -> AbstractContextManager[Taken]:
        """Do the same as `edgetrack.opened.taken`; a segmenter needs host memory."""
        if self._outliner is not None and device_of(frame) is not None:
            raise FrameError(
                f"frame is in the memory of {device_of(frame)}, which a segmenter cannot read; pass a numpy array"
            )
        return taken(engine, frame, x)

    def of(self, core: runtime.Tracker, lent: Taken, result: Result) -> Mask | None:
        """Return the mask for the last result of the C++ tracker."""
        if self._outliner is None:
            return mask_of(core.mask()) if self._own else None
        four, basis = result[0], result[4]
        color = lent[0] if isinstance(lent, tuple) else lent
        before, self._last = self._last, None
        if four is None or not isinstance(color, np.ndarray):
            return None
        box, size = Box(*four), (color.shape[1], color.shape[0])
        last = None if basis == "network" else before
        mask = self._outliner.outline(color, box) if last is None else moved(*last, box, size)
        self._last = None if mask is None else (box, mask)
        return mask


def moved(before: Box, mask: Mask, now: Box, size: tuple[int, int]) -> Mask | None:
    """Return the mask after its box has moved without inference, clipped to ``size``; None if no pixel is left."""
    x, y = (round(b - a) for a, b in zip(before.center, now.center, strict=True))
    x, y = x + mask.x, y + mask.y
    whole = np.zeros(size[::-1], np.bool_)
    seen = mask.bits[max(0, -y) : max(0, size[1] - y), max(0, -x) : max(0, size[0] - x)]
    whole[max(0, y) :, max(0, x) :][: seen.shape[0], : seen.shape[1]] = seen
    return Mask.of(whole)


def _outliner_of(masks: Any, threads: int | None) -> Outliner | None:
    if isinstance(masks, Path) or (isinstance(masks, str) and masks.endswith(".toml")):
        from edgetrack.segmenter import Segmenter

        return Segmenter(Path(masks), threads)
    return masks if isinstance(masks, Outliner) else None
