"""Draws zones and lines with their counts."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
from numpy.typing import NDArray

from edgetrack.io.opencv import load_cv2
from edgetrack.io.overlay import INK, PAPER, Color, text_size, write
from edgetrack.zone_shapes import Line, Point, scaled
from edgetrack.zones import Zones

TINT: Color = (240, 200, 60)  # BGR
SHARE = 0.2  # opacity of the tint in a zone
ARROW = 0.06  # length of the arrow, as a fraction of the frame's shorter side


def draw_zones(pixels: NDArray[np.uint8], zones: Zones) -> None:
    """Draw each zone and line with its name and count into ``pixels`` (H, W, 3) BGR, in place."""
    cv2 = load_cv2()
    height, width = pixels.shape[:2]
    size = (width, height)
    scale = min(max(min(size) / 640, 0.7), 2.5)
    outlines = [_whole(scaled(zone.points, zone.relative, size)) for zone in zones.zones]
    tinted = pixels.copy()
    for outline in outlines:
        cv2.fillPoly(tinted, [outline], TINT)
    cv2.addWeighted(tinted, SHARE, pixels, 1 - SHARE, 0.0, dst=pixels)
    for outline in outlines:
        cv2.polylines(pixels, [outline], True, TINT, 2, cv2.LINE_AA)
    for line in zones.lines:
        _draw_line(pixels, line, size)
    taken: list[tuple[int, int, int]] = []  # left, right and base of the labels so far
    for one in zones.shapes:
        words = f"{one.name}: {zones.summary[one.name]}"
        x, y = _whole(scaled(one.points, one.relative, size)).mean(axis=0).astype(int)
        (w, h), below = text_size(cv2, words, 0.6 * scale)
        left, base = int(np.clip(x - w // 2, 0, max(0, width - w))), int(np.clip(y, 12, height - 4))
        for first, last, other in sorted(taken, key=lambda label: label[2]):
            if first < left + w and left < last and abs(other - base) < h + below:
                base = other + h + 2 * below
        taken.append((left, left + w, base))
        for dx, dy in product((-1, 0, 1), repeat=2):  # the outline
            write(cv2, pixels, words, (left + dx, base + dy), 0.6 * scale, INK)
        write(cv2, pixels, words, (left, base), 0.6 * scale, PAPER)


def _draw_line(pixels: NDArray[np.uint8], line: Line, size: tuple[int, int]) -> None:
    """Draw the line, and an arrow across it in its first direction."""
    cv2 = load_cv2()
    ends = scaled(line.points, line.relative, size)
    a, b = _whole(ends)
    cv2.line(pixels, a.tolist(), b.tolist(), TINT, 2, cv2.LINE_AA)
    (x1, y1), (x2, y2) = ends
    reach = ARROW * min(size) / max(math.dist(*ends), 1e-9)
    middle: Point = ((x1 + x2) / 2, (y1 + y2) / 2)
    tip = (middle[0] - reach * (y2 - y1), middle[1] + reach * (x2 - x1))
    cv2.arrowedLine(pixels, *(p.tolist() for p in _whole([middle, tip])), TINT, 2, cv2.LINE_AA, tipLength=0.4)


def _whole(points: list[Point]) -> NDArray[np.int32]:
    """Round to whole pixels, within the range that OpenCV can draw."""
    return np.clip(np.round(np.array(points)), -30_000, 30_000).astype(np.int32)
