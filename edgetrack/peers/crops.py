"""Crops of frames for OSTrack and related networks, as in their published pipelines, with OpenCV's rounding."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgetrack._exit import door
from edgetrack._native import runtime
from edgetrack.crop import crop_into
from edgetrack.errors import BoxError
from edgetrack.types import Box

Floats = NDArray[np.float32]
_LARGEST = 1 << 13  # maximum side of a region in pixels
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)[:, None, None]  # RGB, ImageNet's
_STD = np.array([0.229, 0.224, 0.225], np.float32)[:, None, None]


class Crop(NamedTuple):
    """A square crop around a box."""

    image: Floats  # (1, 3, S, S), normalized RGB
    side: int  # side of the square in pixels of the frame


def crop_square(pixels: NDArray[np.uint8], box: Box, factor: float, size: int) -> Crop:
    """Crop a square of ``factor`` times the mean side of ``box``, resized to ``size``, black outside the frame.

    The last column and row of the frame are never included, as in the published code.

    Args:
        pixels: uint8 (H, W, 3) BGR.
        box: box that determines the center and the scale of the square.
        factor: side over sqrt(w * h).
        size: side of the image in pixels.

    Raises:
        BoxError: the side of the square would exceed 8,192 pixels.
    """
    wanted = math.sqrt(box.w * box.h) * factor
    if not wanted <= _LARGEST:
        raise BoxError(f"box {box.xywh} needs a region {wanted:.4g} pixels wide; expected at most {_LARGEST}")
    side = max(1, math.ceil(wanted))
    corner = [round(at + 0.5 * length - 0.5 * side) for at, length in ((box.x, box.w), (box.y, box.h))]
    square = np.zeros((side, side, 3), np.uint8)
    columns, rows = (
        slice(max(0, at), max(0, min(at + side, limit - 1)))
        for at, limit in zip(corner, pixels.shape[1::-1], strict=True)
    )
    part = pixels[rows, columns]
    y, x = rows.start - corner[1], columns.start - corner[0]
    square[y : y + part.shape[0], x : x + part.shape[1]] = part
    image = np.empty((1, 3, size, size), np.float32)
    with door:
        runtime.crop_square(square, 0, 0, side, image)
    return Crop(normalized(image), side)


def whole_frame(pixels: NDArray[np.uint8], size: int) -> Floats:
    """Return the frame, centered in a black square, as normalized RGB (1, 3, size, size)."""
    height, width = pixels.shape[:2]
    across = size if width > height else max(1, int(size * width / height))
    down = max(1, int(size * height / width)) if width > height else size
    image, part = np.zeros((1, 3, size, size), np.float32), np.empty((1, 3, down, across), np.float32)
    wide = np.pad(pixels, ((1, 1), (1, 1), (0, 0)), mode="edge")  # replicate the border of the frame
    crop_into(wide, (1, 1, width, height), part, mean=(0, 0, 0), std=(1, 1, 1), fill=(0, 0, 0))
    y, x = (size - down + 1) // 2, (size - across + 1) // 2  # an odd pixel goes to the top or left
    image[..., y : y + down, x : x + across] = np.rint(part)
    return normalized(image)


def box_in(crop: Crop, box: Box) -> NDArray[np.float64]:
    """Return the box around which a square was cut, relative to the square: x, y, w, h in units of its side."""
    w, h = box.w / crop.side, box.h / crop.side
    return np.array([0.5 - w / 2, 0.5 - h / 2, w, h])


def cells_of(box: NDArray[np.floating], cells: int) -> NDArray[np.bool_]:
    """Return which cells (cells * cells,) have their center in a box, including the cell of the box's center.

    Args:
        box: x, y, w, h in units of the image's side.
        cells: number of cells per side of the image.
    """
    x, y, w, h = (np.float32(value) * np.float32(cells) for value in box)
    centers = np.arange(cells, dtype=np.float32) + np.float32(0.5)
    columns, rows = (centers > x) & (centers < x + w), (centers > y) & (centers < y + h)
    inside = rows[:, None] & columns[None, :]
    row, column = (min(max(int(middle), 0), cells - 1) for middle in (y + h / 2, x + w / 2))
    inside[row, column] = True
    flat: NDArray[np.bool_] = inside.reshape(-1)
    return flat


def clipped(box: Box, frame: tuple[int, int], margin: int = 10) -> Box:
    """Clip a box to a frame of (height, width) pixels, but keep at least ``margin`` pixels of it."""
    height, width = frame
    x1, y1 = min(max(0.0, box.x), width - margin), min(max(0.0, box.y), height - margin)
    x2, y2 = min(max(margin, box.x + box.w), width), min(max(margin, box.y + box.h), height)
    return Box(x1, y1, max(margin, x2 - x1), max(margin, y2 - y1))


def normalized(image: Floats) -> Floats:
    """Normalize RGB images (B, 3, h, w) in 0..255 as for ImageNet."""
    result: Floats = (image / np.float32(255) - _MEAN) / _STD
    return result
