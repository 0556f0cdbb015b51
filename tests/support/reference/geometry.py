"""Regions of a frame and the way back from them: pure numpy, no state.

A region is a square ``(x, y, side, side)`` in pixels of the frame; it may leave the frame.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from edgetrack.types import Box

Region = tuple[float, float, float, float]


def region_around(box: Box, factor: float) -> Region:
    """The square centered on ``box`` whose side is ``factor`` times the box's geometric mean side.

    Bertinetto et al., SiamFC (2016), without its context margin: side = factor * sqrt(w * h).
    """
    side = factor * math.sqrt(box.w * box.h)
    cx, cy = box.center
    return cx - side / 2, cy - side / 2, side, side


def letterbox(width: int, height: int) -> Region:
    """Return the smallest square that contains the whole frame, with the same center."""
    side = float(max(width, height))
    return (width - side) / 2, (height - side) / 2, side, side


def from_region(region: Region, cxcywh: tuple[float, float, float, float]) -> Box:
    """Return the box in the frame for a box ``(cx, cy, w, h)`` in fractions of ``region``'s side."""
    x, y, side, _ = region
    cx, cy, w, h = (float(v) * side for v in cxcywh)
    return Box(x + cx - w / 2, y + cy - h / 2, w, h)


def clip(box: Box, width: int, height: int, *, least: float = 2.0) -> Box:
    """Clip ``box`` to the frame; the result is at least ``least`` pixels wide and high, and inside."""
    x1, y1 = min(max(box.x, 0.0), width - least), min(max(box.y, 0.0), height - least)
    x2, y2 = max(min(box.x + box.w, width), x1 + least), max(min(box.y + box.h, height), y1 + least)
    return Box(x1, y1, x2 - x1, y2 - y1)


def at_edge(box: Box, width: int, height: int) -> bool:
    """Whether the box reaches an edge of the frame, within a hundredth of its side."""
    across, down = width / 100, height / 100
    right, bottom = box.x + box.w, box.y + box.h
    return box.x <= across or box.y <= down or right >= width - across or bottom >= height - down


def target_share(box: Box, region: Region, cells: int) -> NDArray[np.float32]:
    """Return the fraction of each of ``cells`` x ``cells`` cells of ``region`` that the box covers: (cells, cells)."""
    x, y, side, _ = region
    edges = np.linspace(0.0, side, cells + 1, dtype=np.float64)
    across = _covered(edges + x, box.x, box.x + box.w)
    down = _covered(edges + y, box.y, box.y + box.h)
    return np.asarray(down[:, None] * across[None, :], np.float32)


def _covered(edges: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    overlap = np.minimum(edges[1:], high) - np.maximum(edges[:-1], low)
    share: NDArray[np.float64] = np.clip(overlap / (edges[1] - edges[0]), 0.0, 1.0)
    return share


def smoothed(box: Box, before: Box, keep: float) -> Box:
    """Return ``box`` with the share ``keep`` of the previous size."""
    w, h = box.w * (1 - keep) + before.w * keep, box.h * (1 - keep) + before.h * keep
    cx, cy = box.center
    return Box(cx - w / 2, cy - h / 2, w, h)
