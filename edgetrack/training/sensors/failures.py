"""Simulated failures of an image of either sensor. All functions take and return uint8 (H, W, 3) BGR."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgetrack.training.data.pictures import Pixels
from edgetrack.training.data.synthetic import augment
from edgetrack.training.sensors.models import Random, smooth_field

_CELL = 16  # side of a masked patch, in pixels


def night(pixels: Pixels, random: Random) -> Pixels:
    """Reduce the light: a gain of 0.01 to 0.3, hardly any color, and more noise with less light."""
    gain = float(np.exp(random.uniform(np.log(0.01), np.log(0.3))))
    gray = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)[..., None].astype(np.float32)
    faded = gray + (pixels - gray) * random.uniform(0, 0.6)
    dark = faded * gain + random.normal(0, random.uniform(1, 5), pixels.shape)
    if random.random() < 0.5:  # a camera that increases its gain, and thereby the noise
        dark *= random.uniform(1.0, min(6.0, 0.4 / gain))
    return np.asarray(np.clip(dark + random.uniform(0, 8), 0, 255), np.uint8)


def smoke(pixels: Pixels, random: Random) -> Pixels:
    """Add haze, I t + A (1 - t) (Koschmieder), with a transmission t of 0.02 to 0.5 that varies over the image."""
    field = smooth_field(random, pixels.shape[:2])[..., None]
    through = np.clip(random.uniform(0.02, 0.35) + 0.25 * (field - 0.5), 0.01, 0.5)
    air = random.uniform(90, 230)
    seen = pixels * through + air * (1 - through) + random.normal(0, 2, pixels.shape)
    return np.asarray(np.clip(seen, 0, 255), np.uint8)


def glare(pixels: Pixels, random: Random) -> Pixels:
    """Overexpose strongly."""
    gain, offset = random.uniform(1.5, 4), random.uniform(40, 160)
    return np.asarray(np.clip(pixels * gain + offset, 0, 255), np.uint8)


def noise(pixels: Pixels, random: Random) -> Pixels:
    """Add Gaussian noise with a standard deviation of 20 to 80 levels."""
    return np.clip(pixels + random.normal(0, random.uniform(20, 80), pixels.shape), 0, 255).astype(np.uint8)


def blank(pixels: Pixels, random: Random) -> Pixels:
    """Return a constant image, black in half of the cases, with the noise of a sensor in the dark."""
    value = 0 if random.random() < 0.5 else int(random.integers(256))
    return np.clip(random.normal(value, random.uniform(0, 3), pixels.shape), 0, 255).astype(np.uint8)


def blurred(pixels: Pixels, random: Random) -> Pixels:
    """Defocus."""
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), random.uniform(2, 8)), np.uint8)


def moved(pixels: Pixels, random: Random) -> Pixels:
    """Shift by 2 to 24 pixels, as with cameras that are not aligned or not synchronized."""
    angle, reach = random.uniform(0, 2 * np.pi), random.uniform(2, 24)
    matrix = np.array([[1, 0, reach * np.cos(angle)], [0, 1, reach * np.sin(angle)]])
    size = (pixels.shape[1], pixels.shape[0])
    return np.asarray(cv2.warpAffine(pixels, matrix, size, borderMode=cv2.BORDER_REFLECT), np.uint8)


def poor(pixels: Pixels, random: Random) -> Pixels:
    """Reduce the resolution and compress."""
    return augment.compress(augment.coarsen(pixels, random), random)


OF_COLOR = ((night, 0.45), (smoke, 0.2), (glare, 0.07), (noise, 0.08), (blank, 0.14), (blurred, 0.06))
OF_OTHER = ((noise, 0.22), (blank, 0.22), (blurred, 0.12), (moved, 0.32), (poor, 0.12))


def failed(pixels: Pixels, random: Random, kinds: tuple[tuple[Any, float], ...]) -> Pixels:
    """Apply a random failure."""
    chosen = int(random.choice(len(kinds), p=[share for _, share in kinds]))
    made: Pixels = kinds[chosen][0](pixels, random)
    return made


def complementary(one: Pixels, two: Pixels, random: Random, share: float = 0.3) -> tuple[Pixels, Pixels]:
    """Gray out patches in either image, but no patch in both (Hou et al., SDSTrack, CVPR 2024, section 3.3)."""
    side = one.shape[0] // _CELL
    first = random.random((side, side)) < share
    second = (random.random((side, side)) < share) & ~first
    return _masked(one, first), _masked(two, second)


def _masked(pixels: Pixels, cells: NDArray[np.bool_]) -> Pixels:
    out: Pixels = pixels.copy()
    out[np.kron(cells, np.ones((_CELL, _CELL), bool))] = 128
    return out
