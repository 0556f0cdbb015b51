"""The values that pass between the stages: boxes, frames and tracks. No behavior beyond validation and conversion."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
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

    It unpacks into its four numbers, ``x, y, w, h = box``, and numpy takes it as four of them, ``np.asarray(box)``.

    Attributes:
        x: left edge.
        y: top edge.
        w: width, more than 0.
        h: height, more than 0.

    Raises:
        BoxError: a value is no finite number, or width or height is not positive.
    """

    x: float
    """Left edge in pixels; negative where the box begins outside the frame."""
    y: float
    """Top edge in pixels."""
    w: float
    """Width in pixels, more than 0."""
    h: float
    """Height in pixels, more than 0."""

    def __post_init__(self) -> None:
        if not (
            type(self.x) is type(self.y) is type(self.w) is type(self.h) is float
        ):  # numpy's, or whole ones
            for name in ("x", "y", "w", "h"):
                object.__setattr__(self, name, _number(getattr(self, name), self.xywh))
        x, y, w, h = self.x, self.y, self.w, self.h
        if math.isfinite(x + w) and math.isfinite(y + h) and 0 < w * h < math.inf and w > 0:
            return  # one test of what is nearly always true: this runs for every frame
        if not (math.isfinite(x) and math.isfinite(y) and math.isfinite(w) and math.isfinite(h)):
            raise BoxError(f"box {self.xywh} has a value that is not finite; expected (x, y, w, h) in pixels")
        if w <= 0 or h <= 0:
            raise BoxError(f"box {self.xywh} is empty; expected (x, y, w, h) with w > 0 and h > 0")
        raise BoxError(
            f"box {self.xywh} is too large or too small to reckon with; expected (x, y, w, h) in pixels of the frame"
        )

    @classmethod
    def of(cls, value: Box | Sequence[float] | NDArray[Any]) -> Box:
        """A box from a box or from any four numbers ``(x, y, w, h)`` in pixels.

        Raises:
            BoxError: it is neither, or such a box cannot be.
        """
        if isinstance(value, Box):
            return value
        try:
            x, y, w, h = (_number(v, value) for v in value)
        except (TypeError, ValueError) as error:
            raise BoxError(f"box {value!r} is not four numbers; expected (x, y, w, h) in pixels") from error
        return cls(x, y, w, h)

    @classmethod
    def from_xyxy(cls, x1: float, y1: float, x2: float, y2: float) -> Box:
        """A box from its left, top, right and bottom edges in pixels.

        Raises:
            BoxError: a value is no finite number, or right is not beyond left, or bottom not beyond top.
        """
        given = (x1, y1, x2, y2)
        x1, y1, x2, y2 = (_number(v, given) for v in given)
        return cls(x1, y1, x2 - x1, y2 - y1)

    @property
    def xywh(self) -> tuple[float, float, float, float]:
        """Left edge, top edge, width and height in pixels."""
        return self.x, self.y, self.w, self.h

    @property
    def xyxy(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom edges in pixels; right and bottom are the first pixels outside."""
        return self.x, self.y, self.x + self.w, self.y + self.h

    @property
    def ints(self) -> tuple[int, int, int, int]:
        """``xywh`` with the edges on whole pixels, at least 1 pixel wide and high: for drawing and slicing."""
        x1, y1, x2, y2 = (math.floor(edge + 0.5) for edge in self.xyxy)
        return x1, y1, max(x2 - x1, 1), max(y2 - y1, 1)

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

    def to_dict(self) -> dict[str, float]:
        """``{"x": ..., "y": ..., "w": ..., "h": ...}``; ``Box(**that)`` is the box again."""
        return {"x": self.x, "y": self.y, "w": self.w, "h": self.h}

    def to_json(self) -> str:
        """``to_dict`` as JSON."""
        return json.dumps(self.to_dict())

    def __iter__(self) -> Iterator[float]:
        return iter(self.xywh)

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> float:
        return self.xywh[index]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("a box has no array to share; call np.asarray(box), which makes one")
        return np.array(self.xywh, np.float64 if dtype is None else dtype)


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a source. The source owns ``pixels``; they hold until its next frame is asked for.

    Attributes:
        pixels: uint8 (H, W, 3) BGR.
        index: 0 for the first frame of the source.
        time_s: when it was, in seconds.
    """

    pixels: NDArray[np.uint8]
    """The picture, uint8 (H, W, 3) in BGR order; of a file or camera C-contiguous."""
    index: int
    """Place in the source; the first frame has 0."""
    time_s: float
    """Presentation time for files, seconds since opening for cameras."""


@dataclass(frozen=True, slots=True)
class Track:
    """What the tracker says of one frame.

    Two tracks are equal when they say the same of the target: ``box``, ``score``, ``status``, ``index`` and ``basis``.

    Attributes:
        box: where the target is; None while searching or lost.
        score: how sure the network is, 0..1.
        status: "searching", "tracking", "uncertain" or "lost".
        index: frames since ``start``, which is 0.
        basis: what the box rests on: "network", "coasted" or "reused".
        id: number of the target, another one for each that a tracker was given.
        name: what the target is called.
        time_s: when the frame was, in seconds, if that was said.
        velocity: of the box's center, in pixels a frame.
    """

    box: Box | None
    """Where the target is, in pixels of the frame; None while searching or lost."""
    score: float
    """How sure the network is that the target is in ``box`` (or, without one, in view), 0..1."""
    status: Status
    """One of "searching": not seen yet; "tracking"; "uncertain": a box not to act on; "lost": seen before, gone now."""
    index: int
    """Frames since ``start``, which is 0."""
    basis: Basis = "network"
    """What the box rests on. "network": its look at this frame (or the box that you gave); "coasted": its motion of
    late, because the deadline was short; "reused": the network's last look, because nothing has changed since."""
    id: int = field(default=1, compare=False)
    """Number of the target: 1 for the first that a tracker was given, 2 for the next, never the same again."""
    name: str = field(default="", compare=False)
    """What the target is called: its name in a ``MultiTracker``; else its text, or "box" without one."""
    time_s: float | None = field(default=None, compare=False)
    """When the frame was: the ``time_s`` that came with it, in seconds; None when none did."""
    velocity: tuple[float, float] | None = field(default=None, compare=False)
    """Motion of the box's center, (right, down) in pixels a frame, smoothed over the last few; None unless the target
    was followed in the frame before, too. Times the frame rate it is in pixels a second."""

    def to_dict(self) -> dict[str, Any]:
        """All fields, as JSON can hold them: the box is a dictionary or None, the velocity a list or None."""
        return {
            "id": self.id,
            "name": self.name,
            "index": self.index,
            "time_s": self.time_s,
            "status": self.status,
            "box": None if self.box is None else self.box.to_dict(),
            "score": self.score,
            "basis": self.basis,
            "velocity": None if self.velocity is None else list(self.velocity),
        }

    def to_json(self) -> str:
        """``to_dict`` as JSON, in one line."""
        return json.dumps(self.to_dict())


@dataclass(frozen=True, slots=True)
class Timing:
    """Where the time of one ``start`` or ``update`` went, in milliseconds.

    Attributes:
        crop: from the frame into the network's input.
        network: the network's own.
        other: decoding, motion, states.
    """

    crop: float
    """From the frame into the network's input; 0 in GPU memory, where it counts as the network's."""
    network: float
    """The network's own."""
    other: float
    """Decoding, motion, states."""

    @property
    def total(self) -> float:
        """All of it."""
        return self.crop + self.network + self.other


def check_pixels(pixels: object) -> NDArray[np.uint8]:
    """Returns ``pixels`` itself when it is a non-empty uint8 (H, W, 3) array; copies nothing.

    Raises:
        FrameError: it is anything else.
    """
    expected = "expected a numpy array, uint8, shape (height, width, 3), colors in BGR order"
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


def _number(value: Any, given: object) -> float:
    """``value`` as a float.

    Raises:
        BoxError: it is none; the message shows what was ``given``.
    """
    try:
        if isinstance(value, (str, bytes, bool)):
            raise TypeError(f"{value!r} is no number")
        return float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise BoxError(f"box {given!r} is not four numbers; expected (x, y, w, h) in pixels") from error
