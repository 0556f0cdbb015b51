"""Draws tracks, in the same way for written videos and for the window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.io.opencv import load_cv2
from edgetrack.types import Box, Status, Track

Color = tuple[int, int, int]  # BGR
Plate = tuple[int, int, int, int]  # left, top, right and bottom of a label, in pixels

# Far apart in hue and brightness, so that color-blind users can tell them apart.
COLORS: dict[Status, Color] = {
    "tracking": (110, 220, 60),
    "uncertain": (60, 190, 255),
    "lost": (80, 80, 240),
    "searching": (230, 190, 120),
    "tentative": (200, 200, 200),
    "ended": (120, 120, 120),
}
# Of several targets, in the order of their first tracks (Okabe and Ito, "Color universal design", 2008, without black).
TARGET_COLORS: tuple[Color, ...] = (
    (66, 228, 240),
    (233, 180, 86),
    (0, 94, 213),
    (115, 158, 0),
    (167, 121, 204),
    (0, 159, 230),
    (178, 114, 0),
    (220, 220, 220),
)
INK = (24, 24, 24)
PAPER = (245, 245, 245)
_TINT = 0.45  # opacity of the color on a mask


def draw(pixels: NDArray[np.uint8], track: Track, text: str | None = None) -> None:
    """Draw the box, its score and a line with text and status into ``pixels`` (H, W, 3) BGR, in place."""
    cv2 = load_cv2()
    height, width = pixels.shape[:2]
    scale = min(max(min(height, width) / 640, 0.7), 2.5)
    color = COLORS[track.status]
    words = track.status if track.basis == "network" else f"{track.status} ({track.basis})"
    words += "" if track.x_share is None else f", x {100 * track.x_share:.0f} %"
    words = words if text is None else f"{text}: {words}"
    plate = _plate(cv2, words, scale)
    _shade(pixels, track, color)
    if track.box is not None:
        _draw_box(cv2, pixels, track.box, color, scale)
        _tag(cv2, pixels, track.box, f"{track.score:.2f}", color, scale, [plate])
    _caption(cv2, pixels, words, color, scale, plate)


def draw_all(pixels: NDArray[np.uint8], tracks: Mapping[str, Track], colors: dict[str, Color]) -> None:
    """Draw several targets, each in its own color and with a line of text, into ``pixels`` (H, W, 3) BGR, in place.

    ``colors`` has the colors of the names so far; a new name gets the next color.
    """
    cv2 = load_cv2()
    scale = min(max(min(pixels.shape[:2]) / 640, 0.7), 2.5)
    shown = dict(colors)
    for name, track in tracks.items():
        if track.query is None:
            colors.setdefault(name, TARGET_COLORS[len(colors) % len(TARGET_COLORS)])
        # objects of a query are colored by id: a camera may see thousands, and colors are not stored for all
        shown[name] = colors.get(name, TARGET_COLORS[(track.id - 1) % len(TARGET_COLORS)])
    for name, track in tracks.items():
        _shade(pixels, track, shown[name])
    captions = _captions(tracks, shown)
    plates = [_plate(cv2, words, scale, row=row) for row, (words, _) in enumerate(captions)]
    for name, track in tracks.items():
        if track.box is not None:
            _draw_box(cv2, pixels, track.box, shown[name], scale)
            _tag(cv2, pixels, track.box, f"{name} {track.score:.2f}", shown[name], scale, plates)
    for (words, color), plate in zip(captions, plates, strict=True):
        _caption(cv2, pixels, words, color, scale, plate)


def _shade(pixels: NDArray[np.uint8], track: Track, color: Color) -> None:
    """Tint the pixels of the mask, if there is one."""
    if track.mask is None:
        return
    x, y, w, h = track.mask.box
    place = pixels[y : y + h, x : x + w]
    own = track.mask.bits[: place.shape[0], : place.shape[1]]
    place[own] = (place[own] * (1 - _TINT) + np.array(color) * _TINT).astype(np.uint8)


def _captions(tracks: Mapping[str, Track], colors: Mapping[str, Color]) -> list[tuple[str, Color]]:
    """Return a line for each target, and one for each query with the number of objects in view."""
    lines = {
        name: (f"{name}: {track.status}", colors[name]) for name, track in tracks.items() if not track.query
    }
    for query in dict.fromkeys(track.query for track in tracks.values() if track.query):
        count = sum(track.query == query and track.box is not None for track in tracks.values())
        lines[query] = (f"{query}: {count}", PAPER)
    return list(lines.values())


def _draw_box(cv2: Any, pixels: NDArray[np.uint8], box: Box, color: Color, scale: float) -> None:
    """Draw a thin box with bold corners, so that the target stays visible."""
    left, top, right, bottom = _corners(box)
    thin, thick = max(2, round(1.5 * scale)), max(3, round(4 * scale))
    arm = max(4, round(0.22 * min(right - left, bottom - top)))
    cv2.rectangle(pixels, (left, top), (right, bottom), INK, thin + 2, cv2.LINE_AA)
    cv2.rectangle(pixels, (left, top), (right, bottom), color, thin, cv2.LINE_AA)
    for x, dx in ((left, arm), (right, -arm)):
        for y, dy in ((top, arm), (bottom, -arm)):
            corner = np.array([(x + dx, y), (x, y), (x, y + dy)], np.int32)
            cv2.polylines(pixels, [corner], False, color, thick, cv2.LINE_AA)


def _tag(
    cv2: Any,
    pixels: NDArray[np.uint8],
    box: Box,
    words: str,
    color: Color,
    scale: float,
    plates: Sequence[Plate],
) -> None:
    """Draw the score on a label above the box; where there is no room, or a caption, inside it or below it."""
    left, top, _, bottom = _corners(box)
    (w, h), below = text_size(cv2, words, 0.6 * scale)
    pad = round(5 * scale)
    tall, wide = h + below + pad, w + 2 * pad
    x = int(np.clip(left, 0, max(0, pixels.shape[1] - wide)))
    below_captions = max(end for _, _, _, end in plates)
    places = [top - tall - pad // 2, max(0, top + pad), bottom + pad // 2, below_captions]
    free = (
        y
        for y in places
        if 0 <= y <= pixels.shape[0] - tall
        and not any(_overlap((x, y, x + wide, y + tall), plate) for plate in plates)
    )
    y = next(free, places[1])
    cv2.rectangle(pixels, (x, y), (x + wide, y + tall), color, cv2.FILLED)
    write(cv2, pixels, words, (x + pad, y + tall - below), 0.6 * scale, INK)


def _overlap(one: Plate, other: Plate) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _plate(cv2: Any, words: str, scale: float, *, row: int = 0) -> Plate:
    """Return the place of a caption at the top left, below ``row`` others."""
    (w, h), below = text_size(cv2, words, 0.7 * scale)
    pad = round(10 * scale)
    tall = h + below + pad
    top = pad + row * (tall + pad // 3)
    return pad, top, w + 4 * pad + h, top + tall


def _caption(
    cv2: Any, pixels: NDArray[np.uint8], words: str, color: Color, scale: float, plate: Plate
) -> None:
    """Draw a dark translucent label on ``plate``, with a dot in the color."""
    (_, h), _ = text_size(cv2, words, 0.7 * scale)
    left, top, right, bottom = plate
    dark = pixels[top:bottom, left:right]
    dark[:] = (dark * 0.35).astype(np.uint8)
    middle = (top + bottom) // 2
    cv2.circle(pixels, (2 * left + h // 3, middle), max(2, round(0.4 * h)), color, cv2.FILLED, cv2.LINE_AA)
    write(cv2, pixels, words, (3 * left + h // 2, middle + h // 2), 0.7 * scale, PAPER)


def text_size(cv2: Any, words: str, size: float) -> tuple[tuple[int, int], int]:
    """Return width and height of a text that `write` draws, and what reaches below the line, in pixels."""
    (w, h), below = cv2.getTextSize(words, cv2.FONT_HERSHEY_SIMPLEX, size, _thickness(size))
    return (w, h), below


def write(
    cv2: Any, pixels: NDArray[np.uint8], words: str, at: tuple[int, int], size: float, ink: Color
) -> None:
    """Draw a text whose line begins ``at`` this pixel."""
    cv2.putText(pixels, words, at, cv2.FONT_HERSHEY_SIMPLEX, size, ink, _thickness(size), cv2.LINE_AA)


def _thickness(size: float) -> int:
    """Return the thickness of strokes; since OpenCV 5, a text in bold is also wider."""
    return max(1, round(1.6 * size))


def _corners(box: Box) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom in whole pixels, within the range that OpenCV can draw."""
    edges = (box.x, box.y, box.x + box.w, box.y + box.h)
    left, top, right, bottom = (round(float(np.clip(edge, -30_000, 30_000))) for edge in edges)
    return left, top, right, bottom
