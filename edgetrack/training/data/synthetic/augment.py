"""Augmentation that simulates cameras: light, blur, noise, compression. All functions take and return uint8 BGR."""

from __future__ import annotations

import cv2
import numpy as np

from edgetrack.training.data.pictures import Pixels


def light(pixels: Pixels, random: np.random.Generator, *, keep_color: bool = False) -> Pixels:
    """Change brightness, contrast, gamma and tint; with ``keep_color``, so little that color words stay true."""
    strength = 0.45 if keep_color else 1.0
    ramp = np.arange(256, dtype=np.float32) / 255
    gamma = np.exp(random.normal(0, 0.25) * strength)
    gain = np.exp(random.normal(0, 0.2) * strength)
    shift = random.normal(0, 0.05) * strength
    tint = np.exp(random.normal(0, 0.03 if keep_color else 0.07, 3))
    curve = ((ramp**gamma - 0.45) * gain + 0.45 + shift)[:, None] * tint
    table = np.clip(curve * 255 + 0.5, 0, 255).astype(np.uint8).reshape(256, 1, 3)
    return np.asarray(cv2.LUT(pixels, table), np.uint8)


def hue(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Rotate hues by up to 7 degrees and change the saturation; sometimes remove all color."""
    hsv = cv2.cvtColor(pixels, cv2.COLOR_BGR2HSV)
    turn, gain = int(random.integers(-3, 4)), float(np.exp(random.normal(0, 0.25)))
    gain = 0.0 if random.random() < 0.08 else gain
    values = np.arange(256)
    table = np.stack([(values + turn) % 180, np.clip(values * gain, 0, 255), values], axis=-1)
    return np.asarray(
        cv2.cvtColor(cv2.LUT(hsv, table.astype(np.uint8).reshape(256, 1, 3)), cv2.COLOR_HSV2BGR), np.uint8
    )


def blur(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Add linear motion blur, or defocus."""
    if random.random() < 0.5:
        return np.asarray(cv2.GaussianBlur(pixels, (0, 0), random.uniform(0.5, 1.8)), np.uint8)
    length = int(random.integers(3, 12))
    kernel = np.zeros((length, length), np.float32)
    angle = random.uniform(0, np.pi)
    reach = np.array([np.cos(angle), np.sin(angle)]) * (length - 1) / 2
    middle = (length - 1) / 2
    first, last = np.round(middle - reach).astype(int), np.round(middle + reach).astype(int)
    cv2.line(kernel, (int(first[0]), int(first[1])), (int(last[0]), int(last[1])), 1.0)
    return np.asarray(cv2.filter2D(pixels, -1, kernel / kernel.sum()), np.uint8)


def noise(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Add normally distributed sensor noise of up to 14 gray levels."""
    level = random.uniform(2, 14)
    # A random part of a fixed noise tile is as good as new noise and five times cheaper.
    height, width = pixels.shape[:2]
    y, x = random.integers(0, _GRAIN.shape[0] - height + 1), random.integers(0, _GRAIN.shape[1] - width + 1)
    grain = _GRAIN[y : y + height, x : x + width]
    return np.asarray(cv2.addWeighted(pixels, 1.0, grain, level / 32, -128 * level / 32), np.uint8)


_GRAIN = np.clip(np.random.default_rng(7).normal(128, 32, (512, 512, 3)), 0, 255).astype(np.uint8)


def darken(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Expose with half to a twenty-fifth of the light, with photon and read noise, as a camera does at night.

    The light is linear (gamma 2.2), and the noise of a pixel has the variance of its photons plus that of reading it.
    """
    exposure = float(np.exp(random.uniform(np.log(1 / 25), np.log(1 / 2))))
    photons = random.uniform(500, 4000)  # of a white pixel at full exposure
    received = (np.arange(256, dtype=np.float32) / 255) ** 2.2 * exposure * photons
    level = received[pixels]
    level += random.standard_normal(pixels.shape, np.float32) * np.sqrt(level + random.uniform(1, 9))
    shown = (np.maximum(level, 0) / photons) ** (1 / 2.2) * 255
    return np.asarray(np.clip(shown + 0.5, 0, 255), np.uint8)


def compress(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Compress as JPEG with quality 20 to 80."""
    code = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(20, 81))])[1]
    return np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), np.uint8)


def coarsen(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Downscale by up to 4 and upscale again, which simulates a small target in a large crop."""
    return _coarse(pixels, random.uniform(1.3, 4.0))


def _coarse(pixels: Pixels, times: float) -> Pixels:
    height, width = pixels.shape[:2]
    small = cv2.resize(pixels, (round(width / times), round(height / times)), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def camera(pixels: Pixels, random: np.random.Generator, *, keep_color: bool = False) -> Pixels:
    """Apply a random subset of the above, in the order in which they occur in a camera."""
    chance = random.random(6)
    gray = cv2.inRange(pixels, (128,) * 3, (128,) * 3)  # the border that the tracker fills stays unchanged
    if chance[0] < 0.15:
        pixels = coarsen(pixels, random)
    if chance[1] < 0.18:
        pixels = blur(pixels, random)
    if chance[2] < 0.75:
        pixels = light(pixels, random, keep_color=keep_color)
    if chance[3] < 0.35 and not keep_color:
        pixels = hue(pixels, random)
    if chance[4] < 0.2:
        pixels = noise(pixels, random)
    if chance[5] < 0.2:
        pixels = compress(pixels, random)
    if cv2.countNonZero(gray) > 0.01 * gray.size:
        pixels[gray > 0] = 128
    return pixels


def one_channel(*crops: Pixels, random: np.random.Generator) -> tuple[Pixels, ...]:
    """Return the crops as one thermal camera or depth sensor could show all of them.

    They are gray, half of the time inverted, and with pixels up to three times as large, as such sensors have fewer.
    """
    inverted, times = random.random() < 0.5, random.uniform(1.0, 3.0)
    gray = (cv2.cvtColor(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR) for crop in crops)
    coarse = (_coarse(np.asarray(crop, np.uint8), times) for crop in gray)
    return tuple(np.asarray(255 - crop if inverted else crop, np.uint8) for crop in coarse)


def rgb(pixels: Pixels) -> Pixels:
    """Convert BGR to RGB, C-contiguous."""
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)
