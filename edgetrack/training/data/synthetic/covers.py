"""Covers a target in a search crop, completely or in part, as walls, passing objects and the edge of a door do."""

from __future__ import annotations

import cv2
import numpy as np

from edgetrack.training.data.pictures import XYWH, Pixels, overlap
from edgetrack.training.data.synthetic import warps
from edgetrack.training.data.synthetic.crops import background
from edgetrack.training.data.synthetic.pool import Pool

KINDS = ("piece", "panel", "scene")
_MARGIN = 1.02  # at least; the cover of a hidden target is larger than its box by this factor


def cover(crop: Pixels, box: XYWH, visible: float, random: np.random.Generator, pool: Pool) -> None:
    """Draw a cover that leaves ``visible`` (0 to 1) of the box free, on one random side of it.

    Args:
        crop: uint8 (S, S, 3), drawn on.
        box: The target in the crop, xywh in pixels.
        visible: The fraction of the box that stays free; 0 covers all of it.
        random: Decides how the cover looks: a piece of another image, a plain panel, or a part of this crop.
        pool: The images for pieces.
    """
    grow = random.uniform(_MARGIN, 1.6)
    w, h = max(box[2] * grow, 4.0), max(box[3] * grow, 4.0)
    x, y = box[0] + box[2] / 2 - w / 2, box[1] + box[3] / 2 - h / 2
    across = random.random() < 0.5
    if random.random() < 0.3:  # a wall, a pillar or a beam that reaches through the whole crop
        side = crop.shape[0]
        x, y, w, h = (x, 0.0, w, float(side)) if across else (0.0, y, float(side), h)
    if visible:
        forward = 1 if random.random() < 0.5 else -1
        if across:
            x += forward * ((w - box[2]) / 2 + visible * box[2])
        else:
            y += forward * ((h - box[3]) / 2 + visible * box[3])
    width, height = int(np.ceil(w)) + 1, int(np.ceil(h)) + 1
    patch = _patch(crop, box, (width, height), random, pool)
    edge = np.full((height, width), 255, np.uint8)
    if random.random() < 0.5:  # a soft edge: out of focus, or moving
        edge = np.asarray(cv2.blur(edge, (3, 3), borderType=cv2.BORDER_CONSTANT), np.uint8)
    warps.blend(crop, patch, edge, int(np.floor(x)), int(np.floor(y)))


def _patch(crop: Pixels, box: XYWH, size: tuple[int, int], random: np.random.Generator, pool: Pool) -> Pixels:
    """Return what a cover of ``size`` (width, height) shows."""
    kind = KINDS[int(random.integers(len(KINDS)))]
    if kind == "panel":
        return _panel(size, random)
    if kind == "scene":
        patch = _elsewhere(crop, box, size, random)
        if patch is not None:
            return patch
    piece = background(pool.picture(random), max(size), random)
    return piece[: size[1], : size[0]]


def _panel(size: tuple[int, int], random: np.random.Generator) -> Pixels:
    """Return a plain surface: a color that changes a little from one corner to the other."""
    vivid = 70.0 if random.random() < 0.3 else 12.0  # most surfaces are nearly gray
    color = random.uniform(10, 245) + random.normal(0, vivid, 3)
    corners = color + random.normal(0, 14, (2, 2, 3))
    plain = cv2.resize(corners.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.clip(plain, 0, 255), np.uint8)


def _elsewhere(crop: Pixels, box: XYWH, size: tuple[int, int], random: np.random.Generator) -> Pixels | None:
    """Return a part of the crop that does not show the target, None if there is no room for one."""
    side, (width, height) = crop.shape[0], size
    if width >= side or height >= side:
        return None
    for _ in range(8):
        x, y = int(random.integers(side - width)), int(random.integers(side - height))
        if overlap(box, (x, y, width, height))[0] == 0:
            return np.asarray(crop[y : y + height, x : x + width][:, ::-1].copy(), np.uint8)
    return None
