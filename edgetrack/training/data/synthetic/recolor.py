"""Color words: name the color of an object, and recolor it plausibly.

Colors are judged in CIE LCh (OpenCV's float Lab: L 0..100, a and b about -127..127).
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from edgetrack.training.data.pictures import Pixels

COLORS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "grey", "white")
CHROMATIC = COLORS[:8]
# Targets of recoloring: hue range (degrees), chroma of the paint at full light, lightness range of the body.
_AIMS: dict[str, tuple[tuple[float, float], tuple[float, float], tuple[float, float]]] = {
    "red": ((28, 40), (60, 88), (30, 50)),
    "orange": ((54, 66), (62, 88), (55, 70)),
    "yellow": ((88, 100), (62, 88), (72, 86)),
    "green": ((128, 160), (38, 68), (32, 62)),
    "blue": ((258, 292), (38, 66), (26, 55)),
    "purple": ((308, 324), (36, 66), (25, 45)),
    "pink": ((345, 366), (30, 55), (62, 78)),
    "brown": ((50, 68), (22, 36), (24, 40)),
    "black": ((0, 360), (0, 3), (8, 18)),
    "grey": ((0, 360), (0, 3), (42, 60)),
    "white": ((0, 360), (0, 3), (82, 93)),
}
# Grid of names over (L, C, h), filled once, so that naming is a lookup of quantized Lab.
_BINS = 32


def _name_index(
    light: NDArray[np.float32], chroma: NDArray[np.float32], hue: NDArray[np.float32]
) -> NDArray[np.int8]:
    """Return the index into `COLORS` of each LCh value, -1 between two names."""
    name = np.full(light.shape, -1, np.int8)

    def put(word: str, where: NDArray[np.bool_]) -> None:
        name[where & (name < 0)] = COLORS.index(word)

    vivid = chroma > np.where(light > 60, 20, 16)
    dull = chroma < np.where(light < 28, 8, 10)
    put("black", dull & (light < 26))
    put("white", (chroma < 8) & (light > 80))
    put("grey", dull & (light > 34) & (light < 72))
    put("brown", (hue > 40) & (hue < 82) & (chroma > 14) & (chroma < 46) & (light > 14) & (light < 48))
    put("pink", ((hue > 330) | (hue < 28)) & (light > 58) & vivid)
    put("pink", ((hue > 335) | (hue < 12)) & (light > 42) & (chroma > 34))
    put("red", ((hue < 46) & (hue > 12) | (hue > 356)) & (chroma > 32) & (light > 14) & (light < 60))
    put("orange", (hue > 48) & (hue < 76) & (chroma > 46) & (light > 48))
    put("yellow", (hue > 82) & (hue < 108) & (chroma > 38) & (light > 58))
    put("green", (hue > 116) & (hue < 185) & vivid & (light > 14))
    put("blue", (hue > 225) & (hue < 300) & vivid & (light > 10))
    put("purple", (hue > 304) & (hue < 336) & vivid & (light > 10) & (light < 70))
    return name


def _table() -> NDArray[np.int8]:
    steps = (np.arange(_BINS, dtype=np.float32) + 0.5) * (256 / _BINS)
    light, a, b = np.meshgrid(steps * 100 / 255, steps - 128, steps - 128, indexing="ij")
    hue = (np.degrees(np.arctan2(b, a)) % 360).astype(np.float32)
    return _name_index(light.astype(np.float32), np.hypot(a, b).astype(np.float32), hue)


_NAMES = _table()


def color_shares(patch: Pixels, mask: Pixels | None = None) -> NDArray[np.float64]:
    """Return the fraction (11,) of the masked pixels of a BGR patch (h, w, 3) for each word of `COLORS`."""
    height, width = patch.shape[:2]
    if height * width > 2304:  # 48 x 48 pixels are enough
        scale = (2304 / (height * width)) ** 0.5
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        patch = np.asarray(cv2.resize(patch, size, interpolation=cv2.INTER_AREA), np.uint8)
        mask = (
            None
            if mask is None
            else np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA), np.uint8)
        )
    lab = cv2.cvtColor(patch, cv2.COLOR_BGR2LAB).reshape(-1, 3)
    if mask is not None:
        lab = lab[mask.ravel() > 127]
    if len(lab) < 12:
        return np.zeros(len(COLORS))
    cell = lab // (256 // _BINS)
    names = _NAMES[cell[:, 0], cell[:, 1], cell[:, 2]]
    return np.bincount(names[names >= 0], minlength=len(COLORS)) / len(lab)


def color_of(patch: Pixels, mask: Pixels | None = None) -> str | None:
    """Return the word for the color of a BGR patch (h, w, 3) inside ``mask`` (h, w), or None if it is not clear.

    Chromatic colors win over black, gray and white (tires, windows, shadow) if they cover a third.
    """
    share = color_shares(patch, mask)
    chromatic = share[: len(CHROMATIC)]
    best = int(chromatic.argmax())
    rival = float(np.delete(chromatic, best).max())
    if chromatic[best] > 0.34 and rival < 0.3 * chromatic[best]:
        return COLORS[best]
    best = int(share.argmax())
    if best >= len(CHROMATIC) and share[best] > 0.5 and chromatic.sum() < 0.12:
        return COLORS[best]
    return None


def colors_in(patch: Pixels, mask: Pixels | None = None, least: float = 0.1) -> set[str]:
    """Return all words whose color covers at least ``least`` of the patch; a false caption must avoid them."""
    share = color_shares(patch, mask)
    return {word for word, part in zip(COLORS, share, strict=True) if part >= least}


def _paint_weight(lab: NDArray[np.float32], inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return how much of each pixel is paint (0 to 1): near the dominant chromaticity and not near black."""
    body = lab[inside]
    bright = body[body[:, 0] > np.percentile(body[:, 0], 35)]
    center = np.median(bright if len(bright) else body, axis=0)
    chroma_gap = np.hypot(lab[..., 1] - center[1], lab[..., 2] - center[2])
    spread = 14 + 0.5 * float(np.hypot(center[1], center[2]))
    alike = np.clip(1.6 - chroma_gap / spread, 0, 1)
    dark = np.clip((lab[..., 0] - 0.32 * center[0]) / (0.2 * center[0] + 1), 0, 1)
    return np.asarray(alike * dark, np.float32)


class Paint(NamedTuple):
    """A paint, which gives the same color at every size of a cut-out."""

    name: str
    hue: float  # radians
    chroma: float
    light: float
    whole: bool = False  # applies to everything, not only to the dominant color


def draw_paint(name: str, random: np.random.Generator, *, whole: bool = False) -> Paint:
    """Return a random paint that the word ``name`` describes."""
    hues, chromas, lights = _AIMS[name]
    return Paint(
        name,
        float(np.radians(random.uniform(*hues))),
        random.uniform(*chromas),
        random.uniform(*lights),
        whole,
    )


def recolor(patch: Pixels, mask: Pixels, paint: Paint) -> Pixels:
    """Recolor a BGR patch (h, w, 3) inside ``mask`` (h, w), and keep its shading.

    Windows, tires and other pixels that differ from the dominant color stay, unless the paint is for the ``whole``.
    """
    lab = np.asarray(cv2.cvtColor(patch.astype(np.float32) / 255, cv2.COLOR_BGR2LAB), np.float32)
    inside = mask > 127
    if int(inside.sum()) < 12:
        return patch
    weight = np.ones(mask.shape, np.float32) if paint.whole else _paint_weight(lab, inside)
    if float(weight[inside].mean()) < 0.5:
        weight = 0.5 + 0.5 * weight
    weight = np.asarray(cv2.GaussianBlur(weight, (3, 3), 0) * (mask / np.float32(255)), np.float32)
    painted_part = inside & (weight > 0.5)
    level = float(np.median(lab[..., 0][painted_part if painted_part.any() else inside]))
    contrast = 0.55
    if paint.name not in ("black", "white"):
        contrast = float(np.clip(paint.light / max(level, 12.0), 0.45, 1.6))
    # The lightest parts stay below white, or dark objects would turn pale.
    light = np.clip(paint.light + (lab[..., 0] - level) * contrast, 1, 0.5 * paint.light + 49)
    # Deep shadows and highlights have less color.
    fade = np.clip(light / max(0.6 * paint.light, 8.0), 0.15, 1) * np.clip((104 - light) / 18, 0.1, 1)
    chroma = paint.chroma * fade
    painted = np.stack([light, np.cos(paint.hue) * chroma, np.sin(paint.hue) * chroma], axis=-1)
    mixed = (lab + (painted - lab) * weight[..., None]).astype(np.float32)
    return np.asarray(np.clip(cv2.cvtColor(mixed, cv2.COLOR_LAB2BGR) * 255 + 0.5, 0, 255), np.uint8)
