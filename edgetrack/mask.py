"""The mask of a target: the pixels of a frame that belong to it, and conversions to common formats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack._imports import require
from edgetrack.errors import MALFORMED, ConfigError, FrameError
from edgetrack.logits import Logits, MaskLogits

Bits = NDArray[np.bool_]
# The result of the C++ trackers: left, top, pixels, the frame's size, and the logits with their region.
Found = tuple[int, int, Bits, tuple[int, int], tuple[Logits, tuple[float, float, float, float]] | None]
_LARGEST = 1 << 28  # largest number of pixels of a frame whose mask is read


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """The pixels of a frame that belong to a target.

    Only the smallest rectangle that contains them is stored. Two masks are equal if they have the same pixels in frames
    of the same size, regardless of their logits.

    Attributes:
        x: Left edge of the rectangle, in pixels of the frame.
        y: Top edge of the rectangle.
        bits: (height, width) of the rectangle, True for the target's pixels; read-only.
        size: Width and height of the frame, in pixels.
        logits: The network's output before thresholding, if requested.
    """

    x: int
    """Left edge of the rectangle, in pixels of the frame, origin at the top left."""
    y: int
    """Top edge of the rectangle, in pixels of the frame."""
    bits: Bits
    """(height, width) of the rectangle, True for the target's pixels; read-only."""
    size: tuple[int, int]
    """Width and height of the frame, in pixels."""
    logits: MaskLogits | None = None
    """The network's output before thresholding, with ``Tracker(masks="logits")``; None if the mask was given. A pixel
    claimed by several targets is in the logits of all of them."""

    @classmethod
    def of(cls, pixels: Any) -> Mask | None:
        """Create a mask from an array (H, W) of the whole frame, nonzero on the target; None if all pixels are zero.

        Raises:
            FrameError: The array does not have two dimensions.
        """
        whole = check_mask(pixels)
        rows, columns = np.flatnonzero(whole.any(axis=1)), np.flatnonzero(whole.any(axis=0))
        if not len(rows):
            return None
        x, y = int(columns[0]), int(rows[0])
        bits = whole[y : rows[-1] + 1, x : columns[-1] + 1].copy()
        bits.flags.writeable = False
        return cls(x, y, bits, (whole.shape[1], whole.shape[0]))

    @classmethod
    def from_rle(cls, encoded: Mapping[str, Any]) -> Mask:
        """Create a mask from the result of ``rle``.

        Raises:
            FrameError: It is not a run-length encoding, or the mask has no pixel.
        """
        try:
            height, width = (int(side) for side in encoded["size"])
            if not 0 < height * width <= _LARGEST:
                raise ValueError(f"a frame of {width}x{height} pixels")
            counts = _counts(encoded["counts"])
            if min(counts, default=-1) < 0 or sum(counts) != height * width:
                raise ValueError(f"runs of {sum(counts)} pixels")
            values = np.arange(len(counts)) % 2 == 1
            mask = cls.of(np.repeat(values, counts).reshape(width, height).T)
        except MALFORMED as error:
            raise FrameError(
                f"{encoded!r:.80} is not a mask ({error}); expected COCO's run-length encoding, "
                '{"size": [H, W], "counts": str}'
            ) from error
        if mask is None:
            raise FrameError(f"{encoded!r:.80} is a mask without any pixel")
        return mask

    @property
    def box(self) -> tuple[int, int, int, int]:
        """The rectangle, ``(x, y, width, height)`` in pixels of the frame."""
        return self.x, self.y, self.bits.shape[1], self.bits.shape[0]

    @property
    def area(self) -> int:
        """Number of pixels of the target."""
        return int(np.count_nonzero(self.bits))

    def dense(self) -> Bits:
        """Return the mask of the whole frame, bool (H, W), a new array."""
        whole = np.zeros(self.size[::-1], np.bool_)
        x, y, width, height = self.box
        whole[y : y + height, x : x + width] = self.bits
        return whole

    def iou(self, other: Mask) -> float:
        """Compute the intersection over union with another mask of a frame of the same size, 0..1.

        Raises:
            FrameError: The frames differ in size.
        """
        if self.size != other.size:
            raise FrameError(f"masks of frames with {self.size} and {other.size} pixels cannot be compared")
        x0, y0 = max(self.x, other.x), max(self.y, other.y)
        x1 = min(self.x + self.bits.shape[1], other.x + other.bits.shape[1])
        y1 = min(self.y + self.bits.shape[0], other.y + other.bits.shape[0])
        if x0 >= x1 or y0 >= y1:
            return 0.0
        mine, theirs = (m.bits[y0 - m.y : y1 - m.y, x0 - m.x : x1 - m.x] for m in (self, other))
        common = int(np.count_nonzero(mine & theirs))
        return common / (self.area + other.area - common)

    def rle(self) -> dict[str, Any]:
        """Return COCO's compressed run-length encoding, ``{"size": [H, W], "counts": str}``.

        ``pycocotools.mask.decode`` reads it.
        """
        width, height = self.size
        x, y, w, h = self.box
        columns = np.zeros((w, height), np.bool_)  # runs are column by column
        columns[:, y : y + h] = self.bits.T
        counts = [x * height]
        value = False
        for state, run in _runs(columns.ravel()):
            if state == value:
                counts[-1] += run
            else:
                counts.append(run)
                value = state
        rest = (width - x - w) * height
        if rest:
            if value:
                counts.append(rest)
            else:
                counts[-1] += rest
        return {"size": [height, width], "counts": _compressed(counts)}

    def polygons(self) -> list[list[float]]:
        """Return the outlines of its parts, ``[x1, y1, x2, y2, ...]`` each, in pixels of the frame.

        They go through the centers of the outermost pixels; holes are ignored.

        Raises:
            MissingExtra: OpenCV is not installed.
        """
        cv2 = require("cv2", extra="video")
        found, _ = cv2.findContours(self.bits.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        offset = np.array([self.x + 0.5, self.y + 0.5])
        return [(contour[:, 0] + offset).ravel().tolist() for contour in found]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mask):
            return NotImplemented
        same_place = (self.x, self.y, self.size) == (other.x, other.y, other.size)
        return same_place and np.array_equal(self.bits, other.bits)

    def __hash__(self) -> int:
        return hash((self.x, self.y, self.size, self.bits.tobytes()))

    def __repr__(self) -> str:
        return f"Mask({self.area} pixels in {self.box} of {self.size[0]}x{self.size[1]})"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("a mask has no array to share; call mask.dense(), which creates one")
        return self.dense().astype(np.bool_ if dtype is None else dtype, copy=False)


def check_mask(pixels: Any) -> Bits:
    """Return a mask of a whole frame, a ``Mask`` or an array (H, W) that is nonzero on the target, as bool (H, W).

    Raises:
        FrameError: It is neither.
    """
    whole = pixels.dense() if isinstance(pixels, Mask) else np.asarray(pixels)
    if whole.ndim != 2 or whole.dtype.kind not in "biuf":
        raise FrameError(
            f"mask is an array of shape {whole.shape} and type {whole.dtype}; expected shape (H, W) of the "
            "frame, nonzero on the target"
        )
    if whole.dtype.kind == "f" and not np.isin(whole, (0, 1)).all():
        raise FrameError(
            f"mask has values such as {whole[~np.isin(whole, (0, 1))][0]:g}, but probabilities and NaN count "
            "as nonzero too; expected only 0 and 1, as from mask > 0.5"
        )
    return np.ascontiguousarray(whole != 0)


def _runs(values: Bits) -> list[tuple[bool, int]]:
    """Return the lengths of the runs of equal values."""
    edges = np.flatnonzero(values[1:] != values[:-1]) + 1
    starts = np.concatenate(([0], edges))
    lengths = np.diff(np.concatenate((starts, [len(values)])))
    return list(zip(values[starts].tolist(), lengths.tolist(), strict=True))


def _compressed(counts: list[int]) -> str:
    """Encode counts like pycocotools: differences to the count before the last, five bits per character."""
    text = []
    for i, count in enumerate(counts):
        value = count - counts[i - 2] if i > 2 else count
        more = True
        while more:
            bits = value & 0x1F
            value >>= 5
            more = value != (-1 if bits & 0x10 else 0)
            text.append(chr(48 + (bits | 0x20 if more else bits)))
    return "".join(text)


def _counts(text: str) -> list[int]:
    """Decode the result of `_compressed`."""
    counts: list[int] = []
    value = shift = 0
    for letter in text:
        bits = ord(letter) - 48
        if not 0 <= bits < 64:
            raise ValueError(f"character {letter!r}")
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << shift  # it is negative
        counts.append(value + counts[-2] if len(counts) > 2 else value)
        value = shift = 0
    if shift:
        raise ValueError("it ends in the middle of a number")
    return counts


def check_masks(masks: object) -> tuple[bool, bool]:
    """Return whether a tracker computes masks, and whether they keep their logits.

    Raises:
        ConfigError: ``masks`` is neither True nor False nor "logits".
    """
    if not isinstance(masks, bool) and not (isinstance(masks, str) and masks == "logits"):
        raise ConfigError(
            f"masks is {masks!r:.200}; expected True, False, or 'logits' for masks with their logits; for a Tracker "
            "also the TOML file of a segmenter"
        )
    return masks is not False, masks == "logits"


def mask_of(found: Found | None) -> Mask | None:
    """Convert the mask of the C++ trackers."""
    if found is None:
        return None
    x, y, bits, size, logits = found
    bits.flags.writeable = False
    if logits is None:
        return Mask(x, y, bits, size)
    values, region = logits
    values.flags.writeable = False
    return Mask(x, y, bits, size, MaskLogits(values, region, size))
