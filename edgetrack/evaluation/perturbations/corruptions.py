"""Corruptions of images by sensors, light, lenses, weather and transmission, by name and severity 1..3.

The types and the idea of severities are those of ImageNet-C (Hendrycks and Dietterich, ICLR 2019) and UAV-C
(arXiv 2403.11424). Random parameters are drawn once per sequence or vary slowly; only noise is new in each frame.
Lengths in pixels apply to images 480 pixels high and scale with the height.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.evaluation.perturbations.base import Perturbation, Step
from edgetrack.evaluation.types import Pixels

Unit = NDArray[np.float32]  # (H, W, 3), 0..1
Effect = Callable[[Pixels], Pixels]
GAMMA = 2.2
NOISE_SAMPLES = 4096  # random samples of noise for each of the 256 gray levels


def _low_light(level: int, rng: np.random.Generator) -> Effect:
    """Less light on a sensor with photon and read noise, before gamma correction."""
    gain, well, read = ((0.25, 800, 2), (0.10, 300, 4), (0.04, 100, 6))[level]

    def expose(levels: Pixels) -> Pixels:
        light = unit(levels) ** GAMMA * gain
        seen = rng.poisson(light * well) / well + rng.normal(0, read / 255, levels.shape)
        return pixels_of(np.clip(seen, 0, 1) ** (1 / GAMMA))

    return sampled(expose, rng)


def _gaussian_noise(level: int, rng: np.random.Generator) -> Effect:
    sigma = (0.08, 0.14, 0.20)[level]
    return lambda pixels: pixels_of(unit(pixels) + sigma * rng.standard_normal(pixels.shape, np.float32))


def _shot_noise(level: int, rng: np.random.Generator) -> Effect:
    photons = (60, 25, 12)[level]
    return sampled(lambda levels: pixels_of(rng.poisson(unit(levels) * photons) / photons), rng)


def _impulse_noise(level: int, rng: np.random.Generator) -> Effect:
    """Random black and white pixels."""
    fraction = (0.03, 0.07, 0.12)[level]

    def apply(pixels: Pixels) -> Pixels:
        drawn = rng.random(pixels.shape[:2], np.float32)
        out: Pixels = pixels.copy()
        out[drawn < fraction] = 0
        out[drawn < fraction / 2] = 255
        return out

    return apply


def _motion_blur(level: int, rng: np.random.Generator) -> Effect:
    """A shaking camera: the direction changes by at most 5 degrees per frame."""
    length, angle = (9, 15, 25)[level], float(rng.uniform(0, 180))

    def apply(pixels: Pixels) -> Pixels:
        nonlocal angle
        angle += float(rng.uniform(-5, 5))
        size = max(3, round(length * pixels.shape[0] / 480)) | 1
        cv2 = _cv2()
        line = np.zeros((size, size), np.float32)
        line[size // 2] = 1
        kernel = cv2.warpAffine(line, cv2.getRotationMatrix2D((size // 2, size // 2), angle, 1), (size, size))
        return np.asarray(cv2.filter2D(pixels, -1, kernel / kernel.sum()), np.uint8)

    return apply


def _defocus(level: int, _: np.random.Generator) -> Effect:
    def apply(pixels: Pixels) -> Pixels:
        radius = (3, 5, 8)[level] * pixels.shape[0] / 480
        reach = int(np.ceil(radius))
        y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
        disk = np.clip(
            radius + 0.5 - np.hypot(x, y), 0, 1
        )  # a soft edge, so that even small discs differ in size
        return np.asarray(_cv2().filter2D(pixels, -1, disk / disk.sum()), np.uint8)

    return apply


def _zoom_blur(level: int, _: np.random.Generator) -> Effect:
    """The mean of the image at ten scales around its center, like a lens that zooms while the shutter is open."""
    scales = np.linspace(1, (1.06, 1.12, 1.20)[level], 10)

    def apply(pixels: Pixels) -> Pixels:
        cv2, (height, width) = _cv2(), pixels.shape[:2]
        total = np.zeros(pixels.shape, np.float32)
        for scale in scales:
            matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), 0, float(scale))
            total += cv2.warpAffine(pixels, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(total / len(scales) + 0.5, np.uint8)

    return apply


def _low_contrast(level: int, _: np.random.Generator) -> Effect:
    fraction = (0.6, 0.4, 0.25)[level]

    def apply(pixels: Pixels) -> Pixels:
        value = unit(pixels)
        mean = value.mean(dtype=np.float64)
        return pixels_of((value - mean) * fraction + mean)

    return apply


def _fog(level: int, rng: np.random.Generator) -> Effect:
    """Haze of uneven thickness that drifts with the wind."""
    through, drift = (0.75, 0.55, 0.40)[level], rng.uniform(-2, 2, 2)
    field: Unit = np.empty((0, 0), np.float32)
    passed = 0

    def apply(pixels: Pixels) -> Pixels:
        nonlocal field, passed
        if field.shape != pixels.shape[:2]:
            field = smooth_noise(pixels.shape[0], pixels.shape[1], rng)
        passed += 1
        y, x = (int(v) for v in drift * passed)
        clear = np.clip(through + 0.15 * np.roll(field, (y, x), (0, 1)), 0, 1)[..., None]
        return pixels_of(unit(pixels) * clear + 0.88 * (1 - clear))

    return apply


def _over_exposure(level: int, _: np.random.Generator) -> Effect:
    return lambda pixels: pixels_of(unit(pixels) + (0.25, 0.40, 0.55)[level])


def _jpeg(level: int, _: np.random.Generator) -> Effect:
    def apply(pixels: Pixels) -> Pixels:
        cv2 = _cv2()
        _, packed = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, (30, 18, 10)[level]])
        return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)

    return apply


def _down_scale(level: int, _: np.random.Generator) -> Effect:
    def apply(pixels: Pixels) -> Pixels:
        cv2, (height, width), by = _cv2(), pixels.shape[:2], level + 2
        small = cv2.resize(pixels, (max(1, width // by), max(1, height // by)), interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)

    return apply


EFFECTS: dict[str, Callable[[int, np.random.Generator], Effect]] = {
    "low-light": _low_light,
    "gaussian-noise": _gaussian_noise,
    "shot-noise": _shot_noise,
    "impulse-noise": _impulse_noise,
    "motion-blur": _motion_blur,
    "defocus": _defocus,
    "zoom-blur": _zoom_blur,
    "low-contrast": _low_contrast,
    "fog": _fog,
    "over-exposure": _over_exposure,
    "jpeg": _jpeg,
    "down-scale": _down_scale,
}


class Corruption(Perturbation):
    """One corruption, applied to every frame.

    Args:
        name: a key of `EFFECTS`.
        severity: 1..3.
        rng: random generator.
        first: whether the first frame, from which the tracker takes its template, is perturbed, too.
    """

    def __init__(self, name: str, severity: int, *, rng: np.random.Generator, first: bool) -> None:
        self._effect = EFFECTS[name](severity - 1, rng)
        self._first = first

    def step(self, pixels: Pixels, index: int) -> Step:
        return Step(self._effect(pixels) if index or self._first else pixels)


def sampled(noise: Effect, rng: np.random.Generator) -> Effect:
    """Return a fast version of a noise effect: each value picks one of the precomputed samples for its level.

    This is several times faster than drawing photons for each value of each frame. Channels are independent.
    """
    table = noise(np.repeat(np.arange(256, dtype=np.uint8), NOISE_SAMPLES))

    def apply(pixels: Pixels) -> Pixels:
        picked = rng.integers(NOISE_SAMPLES, size=pixels.shape, dtype=np.uint16)
        return np.asarray(table.take(pixels * np.uint32(NOISE_SAMPLES) + picked), np.uint8)

    return apply


def unit(pixels: Pixels) -> Unit:
    """Convert gray levels to 0..1."""
    return np.asarray(pixels / np.float32(255), np.float32)


def pixels_of(value: NDArray[Any]) -> Pixels:
    """Convert 0..1 to gray levels, with clipping."""
    return np.asarray(np.clip(value, 0, 1) * 255 + 0.5, np.uint8)


def smooth_noise(height: int, width: int, rng: np.random.Generator) -> Unit:
    """Return smooth noise (H, W) of five octaves, -1..1."""
    total = np.zeros((height, width), np.float32)
    for octave in range(5):
        grid = rng.standard_normal((2 << octave, 2 << octave), np.float32) / (1 << octave)
        total += _cv2().resize(grid, (width, height), interpolation=_cv2().INTER_CUBIC)
    return np.asarray(total / max(float(np.abs(total).max()), 1e-6), np.float32)


def _cv2() -> Any:
    from edgetrack.io.opencv import load_cv2

    return load_cv2()
