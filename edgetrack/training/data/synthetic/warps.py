"""Affine crops and pasting.

Matrices (2, 3) map continuous source pixels (the center of the first is 0.5) to the crop.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edgetrack.training.data.pictures import XYWH, Pixels

Matrix = NDArray[np.float64]
GRAY = 128
SEARCH, TEMPLATE, CELLS = 256, 128, 8


def region_matrix(center: tuple[float, float], side: float, size: int) -> Matrix:
    """Return the matrix that maps the square of ``side`` pixels around ``center`` to a crop of ``size`` pixels."""
    k = size / side
    return np.array([[k, 0, size / 2 - k * center[0]], [0, k, size / 2 - k * center[1]]])


def about(center: tuple[float, float], linear: NDArray[np.float64]) -> Matrix:
    """Return the matrix of a linear map (2, 2) around ``center``."""
    point = np.array(center)
    return np.column_stack([linear, point - linear @ point])


def chain(first: Matrix, then: Matrix) -> Matrix:
    """Return the matrix of ``first`` followed by ``then``."""
    return np.column_stack([then[:, :2] @ first[:, :2], then[:, :2] @ first[:, 2] + then[:, 2]])


def random_linear(random: np.random.Generator, strength: float = 1.0) -> NDArray[np.float64]:
    """Return a rotation by up to 12 degrees, shear and change of aspect ratio, each times ``strength``."""
    angle = np.radians(random.uniform(-12, 12) * strength)
    shear = random.uniform(-0.1, 0.1) * strength
    stretch = np.exp(random.normal(0, 0.08) * strength)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.asarray(turn @ np.array([[stretch, shear], [0, 1 / stretch]]))


FLIP = np.array([[-1.0, 0.0], [0.0, 1.0]])


def scale_of(matrix: Matrix) -> float:
    """Return the crop pixels per source pixel."""
    return float(abs(np.linalg.det(matrix[:, :2])) ** 0.5)


def warp(
    source: Pixels, matrix: Matrix, size: tuple[int, int], *, smooth: bool = False, border: int = GRAY
) -> Pixels:
    """Return a crop of (width, height) ``size``, bilinear with half-pixel centers, ``border`` outside the source.

    With ``smooth``, the source is first downscaled by area averaging if the crop downscales it by more than 1.5.
    """
    scale = scale_of(matrix)
    if smooth and scale < 0.67:
        height, width = source.shape[:2]
        small = (max(1, round(width * scale)), max(1, round(height * scale)))
        source = np.asarray(cv2.resize(source, small, interpolation=cv2.INTER_AREA), np.uint8)
        matrix = matrix @ np.diag([width / small[0], height / small[1], 1.0])
    index = matrix.copy()
    index[:, 2] += matrix[:, :2].sum(axis=1) * 0.5 - 0.5
    fill = (border,) * 4  # of a scene, also its fourth channel
    return np.asarray(
        cv2.warpAffine(
            source, index, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=fill
        ),
        np.uint8,
    )


def box_after(outline: NDArray[np.float32], matrix: Matrix) -> XYWH:
    """Return the box around the ``outline`` (N, 2) in the crop."""
    points = outline @ matrix[:, :2].T + matrix[:, 2]
    (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
    return float(x0), float(y0), float(x1 - x0), float(y1 - y0)


def blend(canvas: Pixels, patch: Pixels, alpha: Pixels, x: int, y: int) -> tuple[slice, slice] | None:
    """Draw ``patch`` (h, w, C) with its top left corner at (x, y) into ``canvas``, clipped to it.

    Returns:
        The rows and columns of ``canvas`` drawn on, None if all of it lies outside.
    """
    x0, y0 = max(x, 0), max(y, 0)
    x1, y1 = min(x + patch.shape[1], canvas.shape[1]), min(y + patch.shape[0], canvas.shape[0])
    if x1 <= x0 or y1 <= y0:
        return None
    mine = slice(y0 - y, y1 - y), slice(x0 - x, x1 - x)
    spot = slice(y0, y1), slice(x0, x1)
    a = cv2.merge([np.ascontiguousarray(alpha[mine])] * patch.shape[2]).astype(np.uint16)
    top = patch[mine].astype(np.uint16) * a
    under = canvas[spot].astype(np.uint16) * (255 - a)
    canvas[spot] = ((top + under + 127) // 255).astype(np.uint8)
    return spot


def paste(
    canvas: Pixels, patch: Pixels, alpha: Pixels, matrix: Matrix
) -> tuple[tuple[slice, slice], Pixels] | None:
    """Warp a cut-out by ``matrix`` into ``canvas``, with softened edges.

    Returns:
        The place drawn on and the alpha there, None if all of it lies outside.
    """
    height, width = patch.shape[:2]
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float32)
    x, y, w, h = box_after(corners, matrix)
    x0, y0 = max(int(np.floor(x)) - 1, 0), max(int(np.floor(y)) - 1, 0)
    x1, y1 = min(int(np.ceil(x + w)) + 1, canvas.shape[1]), min(int(np.ceil(y + h)) + 1, canvas.shape[0])
    if x1 <= x0 or y1 <= y0:
        return None
    local = chain(matrix, np.array([[1.0, 0, -x0], [0, 1.0, -y0]]))
    size = (x1 - x0, y1 - y0)
    cover = cv2.blur(warp(alpha, local, size, smooth=True, border=0), (3, 3))
    blend(canvas, warp(patch, local, size, smooth=True), np.asarray(cover, np.uint8), x0, y0)
    return (slice(y0, y1), slice(x0, x1)), np.asarray(cover, np.uint8)


def coverage(box: XYWH, size: int = TEMPLATE, cells: int = CELLS) -> NDArray[np.float32]:
    """Return the fraction (cells, cells) of each cell of a square crop of ``size`` pixels that ``box`` covers."""
    edges = np.arange(cells + 1) * (size / cells)

    def along(low: float, length: float) -> NDArray[np.float64]:
        shared = np.minimum(edges[1:], low + length) - np.maximum(edges[:-1], low)
        return np.asarray(np.clip(shared, 0, None) * (cells / size))

    return np.outer(along(box[1], box[3]), along(box[0], box[2])).astype(np.float32)
