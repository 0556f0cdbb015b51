"""The values that pass between the stages: boxes, frames and tracks. No behaviour beyond validation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from edgetrack.errors import BoxError, FrameError

Status = Literal["searching", "tracking", "uncertain", "lost"]
STATUSES: tuple[Status, ...] = get_args(Status)
Basis = Literal["network", "coasted", "reused"]
BASES: tuple[Basis, ...] = get_args(Basis)


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-aligned rectangle in pixels of the frame, origin at the top left corner.

    Raises:
        BoxError: a value is not finite, or width or height is not positive.
    """

    x: float  # left edge
    y: float  # top edge
    w: float
    h: float

    def __post_init__(self) -> None:
        isfinite = math.isfinite  # each in turn: this runs for every frame
        if not (isfinite(self.x) and isfinite(self.y) and isfinite(self.w) and isfinite(self.h)):
            raise BoxError(f"box {self.xywh} has a value that is not finite; expected (x, y, w, h) in pixels")
        if self.w <= 0 or self.h <= 0:
            raise BoxError(f"box {self.xywh} is empty; expected (x, y, w, h) with w > 0 and h > 0")
        if not 0 < self.w * self.h < math.inf:
            raise BoxError(
                f"box {self.xywh} has no area that a number can hold; expected (x, y, w, h) in pixels"
            )

    @classmethod
    def of(cls, value: Box | Sequence[float]) -> Box:
        """A box from a box or from any four numbers ``(x, y, w, h)`` in pixels.

        Raises:
            BoxError: it is neither, or such a box cannot be.
        """
        if isinstance(value, Box):
            return value
        try:
            x, y, w, h = (float(v) for v in value)
        except (TypeError, ValueError) as error:
            raise BoxError(f"box {value!r} is not four numbers; expected (x, y, w, h) in pixels") from error
        return cls(x, y, w, h)

    @property
    def xywh(self) -> tuple[float, float, float, float]:
        """Left edge, top edge, width and height in pixels."""
        return self.x, self.y, self.w, self.h

    @property
    def center(self) -> tuple[float, float]:
        """Column and row of the middle, in pixels."""
        return self.x + self.w / 2, self.y + self.h / 2

    def iou(self, other: Box) -> float:
        """Intersection over union, 0..1."""
        common = self._common(other)
        return common / (self.w * self.h + other.w * other.h - common)

    def holds(self, other: Box) -> float:
        """The share of ``other`` that lies in this box, 0..1."""
        return self._common(other) / (other.w * other.h)

    def _common(self, other: Box) -> float:
        w = min(self.x + self.w, other.x + other.w) - max(self.x, other.x)
        h = min(self.y + self.h, other.y + other.h) - max(self.y, other.y)
        return max(w, 0.0) * max(h, 0.0)


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of a source. The source owns ``pixels``; they hold until its next frame is asked for."""

    pixels: NDArray[np.uint8]  # (H, W, 3) BGR, C-contiguous
    index: int  # 0 for the first frame of the source
    time_s: float  # presentation time for files, seconds since opening for cameras


@dataclass(frozen=True, slots=True)
class Track:
    """What the tracker says of one frame."""

    box: Box | None  # None while searching or lost
    score: float  # 0..1, how sure the network is that the target is in ``box`` (or, without one, in view)
    # "searching": not seen yet; "tracking"; "uncertain": a box not to act on; "lost": seen before, gone now
    status: Status
    index: int  # frames since ``start``, which is 0
    # What the box rests on: the network's look at this frame (or the box that you gave), its motion of late because
    # the deadline was short, or the network's last look because nothing has changed since.
    basis: Basis = "network"


@dataclass(frozen=True, slots=True)
class Timing:
    """Where the time of one ``start`` or ``update`` went, in milliseconds."""

    crop: float  # from the frame into the network's input; 0 in GPU memory, where it counts as the network's
    network: float
    other: float  # decoding, motion, states

    @property
    def total(self) -> float:
        """All of it."""
        return self.crop + self.network + self.other


def check_pixels(pixels: object) -> NDArray[np.uint8]:
    """Returns ``pixels`` itself when it is a non-empty uint8 (H, W, 3) array; copies nothing.

    Raises:
        FrameError: it is anything else.
    """
    expected = "expected a numpy array, uint8, shape (height, width, 3), colours in BGR order"
    if not isinstance(pixels, np.ndarray):
        raise FrameError(f"frame is a {type(pixels).__name__}; {expected}")
    check_picture(pixels.dtype, pixels.shape, expected)
    return pixels


def check_picture(dtype: str | np.dtype[Any], shape: tuple[int, ...], expected: str) -> None:
    """Raises FrameError, which ends in ``expected``, unless it is a non-empty uint8 (H, W, 3) array."""
    if dtype != "uint8":
        raise FrameError(f"frame has dtype {dtype}; {expected}")
    if len(shape) != 3 or shape[2] != 3:
        raise FrameError(f"frame has shape {shape}; {expected}")
    if 0 in shape:
        raise FrameError(f"frame is empty, shape {shape}; {expected}")
