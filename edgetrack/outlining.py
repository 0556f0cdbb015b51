"""Where a tracker's masks come from: the model's own network, or one of the user's that outlines what a box holds."""

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
    """Outlines what a box holds, frame by frame."""

    def outline(self, frame: NDArray[np.uint8], box: Box, /) -> Mask | None:
        """Return the mask of what a box holds; None where that is no pixel.

        Args:
            frame: uint8 (H, W, 3), BGR; valid during the call.
            box: In pixels of the frame.
        """
        ...


Masks = bool | str | Path | Outliner  # what ``Tracker(masks=...)`` takes


class Outlining:
    """The masks of one tracker.

    Args:
        masks: As for ``Tracker``.
        threads: For the networks of a segmenter.

    Raises:
        ConfigError: ``masks`` is nothing that gives any, or its file is not as described.
        MissingExtra: A package that a segmenter needs is missing.
    """

    def __init__(self, masks: Masks, threads: int | None) -> None:
        self._outliner = _outliner_of(masks, threads)
        self._own, self._logits = check_masks(masks) if self._outliner is None else (False, False)
        self._last: tuple[Box, Mask] | None = None  # the last box of a segmenter, with its mask

    def prepare(self, core: runtime.Tracker) -> None:
        """Have a C++ tracker find masks, or not."""
        core.set_masks(self._own, self._logits)

    def first(self, mask: Any) -> NDArray[np.bool_] | None:
        """The first mask that a tracker is given, bool (H, W).

        Raises:
            FrameError: It is none.
            ConfigError: A segmenter would make nothing of it.
        """
        if mask is not None and self._outliner is not None:
            raise ConfigError("start() got a mask, and a segmenter starts from a box; pass the box alone")
        return None if mask is None else check_mask(mask)

    def taken(
        self, engine: Engine, frame: Pixels | None, x: Pixels | Frame | None
    ) -> AbstractContextManager[Taken]:
        """As `edgetrack.opened.taken`; a segmenter reads host memory alone."""
        if self._outliner is not None and device_of(frame) is not None:
            raise FrameError(
                f"frame is in the memory of {device_of(frame)}, where no segmenter reads it; pass a numpy array"
            )
        return taken(engine, frame, x)

    def of(self, core: runtime.Tracker, lent: Taken, result: Result) -> Mask | None:
        """The mask of what the C++ tracker has just found in a frame."""
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
    """The mask of a box that has moved without a look; cut to a frame of ``size``, None if nothing is left."""
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
