"""Images in memory: uint8 BGR pixels and their objects, with masks where available."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
XYWH = tuple[float, float, float, float]
_ANGLES = np.linspace(0, 2 * np.pi, 24, endpoint=False)
# A superellipse with exponent 4 replaces the outline of an object without a mask.
_OUTLINE = np.stack(
    [np.sign(f(_ANGLES)) * np.abs(f(_ANGLES)) ** 0.5 for f in (np.cos, np.sin)], axis=1
).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Instance:
    """One object in an image.

    ``mask`` is uint8 (0 or 255) over the integer rectangle `rect`, or None.
    ``parts`` are the garments and the face of a person.
    """

    category: str
    box: XYWH  # in pixels of the image
    mask: Pixels | None = None
    parts: tuple[Instance, ...] = ()

    @property
    def rect(self) -> tuple[int, int, int, int]:
        """The integer rectangle around the box: x0, y0, x1, y1."""
        return rect_of(self.box)

    @cached_property
    def alpha(self) -> Pixels:
        """The mask or, without one, a soft ellipse, uint8 over `rect`."""
        return self.mask if self.mask is not None else soft_ellipse(*self._size())

    @cached_property
    def outline(self) -> NDArray[np.float32]:
        """Points (N, 2) whose bounds are the box; a rotated or sheared box is computed from them."""
        x, y, w, h = self.box
        points = _OUTLINE
        if self.mask is not None:
            found, _ = cv2.findContours(self.mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
            if found:
                points = cv2.convexHull(np.concatenate(found))[:, 0].astype(np.float32)
        low, high = points.min(axis=0), points.max(axis=0)
        unit = (points - low) / np.maximum(high - low, 1e-6)
        return np.asarray(unit * np.array([w, h]) + np.array([x, y]), np.float32)

    def _size(self) -> tuple[int, int]:
        x0, y0, x1, y1 = self.rect
        return x1 - x0, y1 - y0

    def part(self, category: str) -> Instance | None:
        """Return the part called ``category``, if any."""
        return next((part for part in self.parts if part.category == category), None)


@dataclass(frozen=True, eq=False)
class Picture:
    """An image, uint8 (H, W, 3) BGR, with its objects.

    ``seen`` has the names of classes that may be visible, annotated or not.
    """

    pixels: Pixels
    instances: tuple[Instance, ...]
    source: str
    name: str
    seen: frozenset[str] = field(default_factory=frozenset)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]

    def cutout(self, instance: Instance) -> tuple[Pixels, Pixels]:
        """Return the pixels (h, w, 3) and the alpha (h, w) of an object, as views of its integer rectangle."""
        x0, y0, x1, y1 = instance.rect
        return self.pixels[y0:y1, x0:x1], instance.alpha


def rect_of(box: XYWH) -> tuple[int, int, int, int]:
    """Return the integer rectangle around a box: x0, y0, x1, y1."""
    x, y, w, h = box
    return (
        int(np.floor(x + 1e-3)),
        int(np.floor(y + 1e-3)),
        int(np.ceil(x + w - 1e-3)),
        int(np.ceil(y + h - 1e-3)),
    )


def soft_ellipse(width: int, height: int) -> Pixels:
    """Return a superellipse with a soft edge that fills (height, width), uint8."""
    xs = np.abs((np.arange(width) + 0.5) / width * 2 - 1) ** 3
    ys = np.abs((np.arange(height) + 0.5) / height * 2 - 1) ** 3
    inside = (1.0 - (ys[:, None] + xs[None])) / 0.25
    return np.asarray(np.clip(inside, 0, 1) * 255, np.uint8)


def clip_box(box: XYWH, width: int, height: int) -> XYWH | None:
    """Return the part of ``box`` inside an image, or None if it is less than 3 pixels wide or high."""
    x0, y0 = max(box[0], 0.0), max(box[1], 0.0)
    x1, y1 = min(box[0] + box[2], float(width)), min(box[1] + box[3], float(height))
    return (x0, y0, x1 - x0, y1 - y0) if x1 - x0 >= 3 and y1 - y0 >= 3 else None


def overlap(a: XYWH, b: XYWH) -> tuple[float, float]:
    """Return the IoU of two boxes, and the fraction of ``a`` that ``b`` covers."""
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0, 0.0
    return w * h / (a[2] * a[3] + b[2] * b[3] - w * h), w * h / (a[2] * a[3])
