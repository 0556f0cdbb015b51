"""The values that stages exchange: boxes, frames and tracks. They only validate and convert."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args, overload

import numpy as np
from numpy.typing import NDArray

from edgetrack.errors import BoxError
from edgetrack.mask import Mask

Status = Literal["searching", "tracking", "uncertain", "lost", "tentative", "ended"]
STATUSES: tuple[Status, ...] = get_args(Status)[:4]  # those of a target; the others are for queries
Basis = Literal["network", "coasted", "reused"]
BASES: tuple[Basis, ...] = get_args(Basis)
Modality = Literal["color", "x"]
MODALITIES: tuple[Modality, ...] = get_args(Modality)
GAP_S = 1.0  # a longer pause of a source is a gap: the target may be anywhere after it


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-aligned rectangle in pixels of the frame, with the origin at the top left corner.

    A box unpacks into four numbers, ``x, y, w, h = box``, and converts to an array of them, ``np.asarray(box)``.

    Attributes:
        x, y: Left and top edge.
        w, h: Width and height, greater than 0.

    Raises:
        BoxError: A value is not a finite number, or the width or height is not positive.
    """

    x: float
    """Left edge in pixels; negative if the box begins outside the frame."""
    y: float
    """Top edge in pixels."""
    w: float
    """Width in pixels, greater than 0."""
    h: float
    """Height in pixels, greater than 0."""

    def __post_init__(self) -> None:
        if not (
            type(self.x) is type(self.y) is type(self.w) is type(self.h) is float
        ):  # numpy's, or whole ones
            for name in ("x", "y", "w", "h"):
                object.__setattr__(self, name, _number(getattr(self, name), self.xywh))
        x, y, w, h = self.x, self.y, self.w, self.h
        if math.isfinite(x + w) and math.isfinite(y + h) and 0 < w * h < math.inf and w > 0:
            return  # one test for the common case, because this runs for every frame
        if not (math.isfinite(x) and math.isfinite(y) and math.isfinite(w) and math.isfinite(h)):
            raise BoxError(f"box {self.xywh} has a value that is not finite; expected (x, y, w, h) in pixels")
        if w <= 0 or h <= 0:
            raise BoxError(f"box {self.xywh} is empty; expected (x, y, w, h) with w > 0 and h > 0")
        raise BoxError(
            f"box {self.xywh} is too large or too small to compute with; expected (x, y, w, h) in pixels of the frame"
        )

    @classmethod
    def of(cls, value: Box | Sequence[float] | NDArray[Any]) -> Box:
        """Convert any four numbers ``(x, y, w, h)`` in pixels to a box; return a box as it is.

        Raises:
            BoxError: The value is not four numbers, or they do not make a box.
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
        """Make a box from its left, top, right and bottom edges in pixels.

        Raises:
            BoxError: A value is not a finite number, or ``x2 <= x1``, or ``y2 <= y1``.
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
        """Left, top, right and bottom edges in pixels; right and bottom are exclusive."""
        return self.x, self.y, self.x + self.w, self.y + self.h

    @property
    def ints(self) -> tuple[int, int, int, int]:
        """``xywh`` rounded to whole pixels, at least 1 pixel wide and high: for drawing and slicing."""
        x1, y1, x2, y2 = (math.floor(edge + 0.5) for edge in self.xyxy)
        return x1, y1, max(x2 - x1, 1), max(y2 - y1, 1)

    @property
    def center(self) -> tuple[float, float]:
        """Center of the box, ``(x, y)`` in pixels."""
        return self.x + self.w / 2, self.y + self.h / 2

    def iou(self, other: Box) -> float:
        """Compute the intersection over union with another box, 0..1."""
        common = self._common(other)
        return common / (self.w * self.h + other.w * other.h - common)

    def coverage(self, other: Box) -> float:
        """Compute the fraction of ``other`` that lies inside this box, 0..1."""
        return self._common(other) / (other.w * other.h)

    def _common(self, other: Box) -> float:
        w = min(self.x + self.w, other.x + other.w) - max(self.x, other.x)
        h = min(self.y + self.h, other.y + other.h) - max(self.y, other.y)
        return max(w, 0.0) * max(h, 0.0)

    def to_dict(self) -> dict[str, float]:
        """Return ``{"x": ..., "y": ..., "w": ..., "h": ...}``; ``Box(**box.to_dict())`` equals the box."""
        return {"x": self.x, "y": self.y, "w": self.w, "h": self.h}

    def to_json(self) -> str:
        """Return ``to_dict()`` as JSON."""
        return json.dumps(self.to_dict())

    def __iter__(self) -> Iterator[float]:
        return iter(self.xywh)

    def __len__(self) -> int:
        return 4

    @overload
    def __getitem__(self, index: int) -> float: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[float, ...]: ...

    def __getitem__(self, index: int | slice) -> float | tuple[float, ...]:
        return self.xywh[index]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("a box has no array to share; call np.asarray(box), which creates one")
        return np.array(self.xywh, np.float64 if dtype is None else dtype)


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One image of a source. The source owns ``pixels``; they are valid until the next frame is read.

    Attributes:
        pixels, index: The image; position in the source.
        time_s, captured_ns, pts_s: When it was taken: in seconds, by ``time.monotonic_ns()``, as the stream states.
        sequence, epoch: Position since the last connection to the source; number of reconnections.
        gap_s, lag_ms: Time since the previous frame; by how much a stream has fallen behind.
        x, color: The second sensor's frame of the same moment; whether ``pixels`` are color's.
    """

    pixels: NDArray[np.uint8]
    """Image, uint8 (H, W, 3), BGR; C-contiguous if it comes from a file or a camera."""
    index: int
    """Position in the source, starting at 0."""
    time_s: float
    """Presentation time for files; seconds since opening for live sources, independent of the system clock."""
    captured_ns: int | None = None
    """When a live source captured the frame, in nanoseconds of ``time.monotonic_ns()``: the time of the driver's buffer
    where it is known, otherwise when the first byte of the frame arrived. None for files."""
    pts_s: float | None = None
    """Presentation time in seconds as stated by the stream or file, on its own clock; None if there is none."""
    sequence: int = 0
    """Position since the last connection to the source, starting at 0; frames that were skipped count."""
    gap_s: float = 0.0
    """Seconds between this frame and the previous one that you received from a live source; 0 for the first one and for
    files. After more than ``GAP_S`` seconds a tracker searches the whole frame first."""
    epoch: int = 0
    """How often the source was reconnected before this frame."""
    lag_ms: float | None = None
    """By how much the frame came later, relative to its presentation time, than the least delayed frame of the last two
    minutes, in milliseconds: grows if a stream falls behind. None without presentation times."""
    x: Frame | None = None
    """The second sensor's frame of the same moment, aligned and of the same size; None if there is none."""
    color: bool = True
    """False if the color camera gave no image: ``pixels`` are then those of ``x``, for display."""

    @property
    def age_ms(self) -> float | None:
        """Milliseconds since the frame was captured, as of now; None for files."""
        return None if self.captured_ns is None else (time.monotonic_ns() - self.captured_ns) / 1e6


@dataclass(frozen=True, slots=True)
class Candidate:
    """A box from a full-frame search."""

    box: Box
    """Position in pixels of the frame."""
    score: float
    """Probability that it is what the text means, 0..1."""
    margin: float = field(default=0.0, compare=False)
    """Its score minus that of the best candidate at another position (IoU below 0.3), or minus 0 without one. Of the
    best candidate, this is how clear the choice is; of one that others exceed, it is negative."""


@dataclass(frozen=True, slots=True)
class Track:
    """The tracker's result for one frame.

    Two tracks are equal if their ``box``, ``score``, ``status``, ``index`` and ``basis`` are.

    Attributes:
        box, score: Position of the target; None while searching or lost. Confidence, 0..1.
        status, basis: How sure it is, and where the box comes from; see below.
        index, time_s: Frames since ``start``, which is frame 0; time of the frame in seconds, if it was given.
        id, name: Number of the target, unique within a tracker, and its name.
        velocity: Motion of the box's center in pixels per frame.
        candidates: Results of the full-frame search, best first.
        query: Name of the query that found it.
        mask, x_share, modalities: The target's pixels; share of the second sensor; sensors that were used.
    """

    box: Box | None
    """Position of the target in pixels of the frame; None while searching or lost."""
    score: float
    """Confidence that the target is in ``box`` or, without a box, that it is in view, 0..1."""
    status: Status
    """"searching": not seen yet; "tracking"; "uncertain": a box not to act on; "lost": seen before, gone now. What a
    ``Query`` finds is "tentative" until it is confirmed, and "ended" in the last frame of its track."""
    index: int
    """Frames since ``start``, which is frame 0."""
    basis: Basis = "network"
    """Where the box comes from. "network": inference on this frame (or the box that you gave); "coasted": extrapolated
    from its recent motion to meet the deadline; "reused": the last inference, because the scene has not changed."""
    id: int = field(default=1, compare=False)
    """Number of the target: 1 for the first one that a tracker is given, 2 for the next; never reused."""
    name: str = field(default="", compare=False)
    """Name of the target: its name in a ``MultiTracker``, otherwise its text, or "box" without a text."""
    time_s: float | None = field(default=None, compare=False)
    """Time of the frame in seconds, as given with it; None if none was given."""
    velocity: tuple[float, float] | None = field(default=None, compare=False)
    """Motion of the box's center, ``(right, down)`` in pixels per frame, smoothed over the last few frames; None unless
    the target was followed in the previous frame as well. Multiply by the frame rate to get pixels per second."""
    candidates: tuple[Candidate, ...] = field(default=(), compare=False, repr=False)
    """Results of a full-frame search (in ``start``, or while the target is searched or verified), best first, on the
    frame in which they arrive; empty on others. The boxes may be a few frames old. Not part of ``to_dict``."""
    query: str | None = field(default=None, compare=False)
    """Name of the ``Query`` that found it; None for a named target."""
    mask: Mask | None = field(default=None, compare=False, repr=False)
    """The target's pixels, with ``Tracker(masks=True)``; None without a box, and if no pixel in the box is its own. If
    ``basis`` is "coasted" or "reused" it is the last one, moved along with the box."""
    x_share: float | None = field(default=None, compare=False)
    """Share of ``x`` in the network's last input, 0..1 (0: color sufficed); None without ``x``."""
    modalities: tuple[Modality, ...] = field(default=("color",), compare=False)
    """Images in the network's last input: "color", "x" or both; empty if color is missing and the target is lost."""

    def to_dict(self) -> dict[str, Any]:
        """Return all but the candidates as JSON types; ``mask`` (as ``Mask.rle``) and the fields of pairs, if any."""
        values: dict[str, Any] = {
            "id": self.id,
            "name": self.name,
            "query": self.query,
            "index": self.index,
            "time_s": self.time_s,
            "status": self.status,
            "box": None if self.box is None else self.box.to_dict(),
            "score": self.score,
            "basis": self.basis,
            "velocity": None if self.velocity is None else list(self.velocity),
        }
        by_color = self.x_share is None and self.modalities == ("color",)
        pair = {} if by_color else {"x_share": self.x_share, "modalities": list(self.modalities)}
        more = {**pair, "mask": None if self.mask is None else self.mask.rle()}
        return {**values, **{name: value for name, value in more.items() if value is not None}}

    def to_json(self) -> str:
        """Return ``to_dict()`` as one line of JSON."""
        return json.dumps(self.to_dict())


def _number(value: Any, given: object) -> float:
    """Convert a value to float.

    Raises:
        BoxError: it is not a number; the message shows ``given``.
    """
    try:
        if isinstance(value, (str, bytes, bool)):
            raise TypeError(f"{value!r} is not a number")
        return float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise BoxError(f"box {given!r} is not four numbers; expected (x, y, w, h) in pixels") from error
