"""Models that simulate a second sensor from color images, because pairs with boxes are rare.

A scene is uint8 (H, W, 4): blue, green, red, and a level that is the warmth or nearness of each pixel.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgetrack.training.data.pictures import Picture, Pixels

Random = np.random.Generator
Plane = NDArray[np.float32]
_WARM = frozenset(
    (
        "person",
        "cat",
        "dog",
        "bird",
        "horse",
        "cow",
        "sheep",
        "elephant",
        "bear",
        "zebra",
        "giraffe",
        "face",
        "cyclist",
    )
)
_ENGINES = frozenset(["car", "bus", "train", "truck", "motorcycle", "boat", "airplane"])


def smooth_field(random: Random, shape: tuple[int, ...], cells: int = 5) -> Plane:
    """Return a smooth random field (H, W) of 0..1."""
    coarse = random.random((cells, cells)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC), np.float32)


def thermal_scene(picture: Picture, random: Random) -> Pixels:
    """Create a scene with warmth: living beings are warm, most vehicles too, and everything else varies little."""
    level = np.full(picture.pixels.shape[:2], random.integers(20, 90), np.uint8)
    for instance in picture.instances:
        if instance.mask is None:
            continue
        if instance.category in _WARM:
            warmth = random.integers(130, 255)
        elif instance.category in _ENGINES:
            warmth = random.integers(60, 220)
        else:
            warmth = random.integers(10, 150)
        _fill(level, instance.rect, instance.mask, int(warmth))
    return np.dstack((picture.pixels, level))


def depth_scene(picture: Picture, random: Random) -> Pixels:
    """Create a scene with nearness: a ground that is nearer toward the bottom, and objects that stand on it."""
    height, width = picture.pixels.shape[:2]
    horizon = random.uniform(-0.2, 0.6)
    ground = np.clip((np.linspace(0, 1, height) - horizon) / (1 - horizon), 0, 1) * random.uniform(120, 240)
    level = np.repeat(ground[:, None], width, 1).astype(np.uint8)
    for instance in sorted(picture.instances, key=lambda i: i.box[1] + i.box[3]):  # farthest first
        if instance.mask is not None:
            foot = min(int(instance.box[1] + instance.box[3]), height - 1)
            near = float(ground[foot]) + random.normal(0, 12) + 12
            _fill(level, instance.rect, instance.mask, int(np.clip(near, 0, 255)))
    return np.dstack((picture.pixels, level))


def plain_scene(picture: Picture, random: Random) -> Pixels:
    """Create a scene from color only."""
    return np.dstack((picture.pixels, np.zeros(picture.pixels.shape[:2], np.uint8)))


def _fill(level: Pixels, rect: tuple[int, int, int, int], mask: Pixels, value: int) -> None:
    x0, y0, x1, y1 = rect
    part = level[y0:y1, x0:x1]
    part[mask[: part.shape[0], : part.shape[1]] > 127] = value


def thermal(scene: Pixels, random: Random) -> Pixels:
    """Simulate a thermal camera: warmth with some texture of the materials, blurred and contrast-stretched."""
    light, level = _light(scene), scene[..., 3].astype(np.float32)
    part = random.uniform(0.15, 0.9)
    seen = (1 - part) * level + part * _toned(light, random)
    seen = cv2.GaussianBlur(seen, (0, 0), random.uniform(0.5, 2.0)) + random.normal(
        0, random.uniform(1, 7), seen.shape
    )
    low, high = np.percentile(seen, (random.uniform(0, 4), random.uniform(96, 100)))
    return gray((seen - low) * (255 / max(float(high - low), 8.0)))


def depth(scene: Pixels, random: Random) -> Pixels:
    """Simulate a depth camera: nearness with noise, and holes at edges."""
    level = scene[..., 3].astype(np.float32) + 10 * smooth_field(random, scene.shape[:2])
    level += 0.03 * _light(scene) + random.normal(0, random.uniform(0.5, 4), level.shape)
    edges = cv2.Canny(np.ascontiguousarray(scene[..., 3]), 15, 40)
    holes = random.random(level.shape) < 0.02
    if random.random() < 0.6:
        holes |= (cv2.dilate(edges, np.ones((3, 3), np.uint8)) > 0) & (random.random(level.shape) < 0.8)
    level[holes] = 0
    return gray(level)


def inverted(scene: Pixels, random: Random) -> Pixels:
    """Map brightness through a random tone curve, decreasing in half of the cases, similar to near infrared."""
    return gray(_toned(_light(scene), random))


def events(scene: Pixels, random: Random) -> Pixels:
    """Simulate events: red where the log brightness rose by a threshold after a small shift, blue where it fell.

    The model of the event camera is from Gallego et al., TPAMI 2022, equation 2.
    """
    light = np.log(cv2.GaussianBlur(_light(scene), (0, 0), 0.8) + 8)
    angle, reach = random.uniform(0, 2 * np.pi), random.uniform(1.0, 4.0)
    beside = np.array([[1, 0, reach * np.cos(angle)], [0, 1, reach * np.sin(angle)]])
    before = cv2.warpAffine(light, beside, light.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
    change = light - before + random.normal(0, 0.04, light.shape)
    threshold = random.uniform(0.12, 0.35)
    shown = np.full((*light.shape, 3), int(random.choice([0, 128, 255])), np.uint8)
    shown[change > threshold] = (0, 0, 255)
    shown[change < -threshold] = (255, 0, 0)
    return shown


def as_color(scene: Pixels, random: Random) -> Pixels:
    """Simulate a second color camera."""
    return np.ascontiguousarray(scene[..., :3])


# the simulated sensor, the function that creates its scene, and its frequency
SENSORS: dict[str, tuple[Callable[[Pixels, Random], Pixels], Callable[[Picture, Random], Pixels], float]] = {
    "thermal": (thermal, thermal_scene, 0.42),
    "depth": (depth, depth_scene, 0.17),
    "inverted": (inverted, plain_scene, 0.16),
    "events": (events, plain_scene, 0.13),
    "color": (as_color, plain_scene, 0.12),
}


def _light(scene: Pixels) -> Plane:
    return cv2.cvtColor(np.ascontiguousarray(scene[..., :3]), cv2.COLOR_BGR2GRAY).astype(np.float32)


def _toned(light: Plane, random: Random) -> Plane:
    """Apply a smooth random tone curve of 0..255, which may decrease, or rise and fall."""
    knots = np.linspace(0, 255, 4)
    values = random.uniform(0, 255, 4) if random.random() < 0.4 else np.sort(random.uniform(0, 255, 4))[::-1]
    if random.random() < 0.35:
        values = values[::-1]
    return np.asarray(np.interp(light, knots, values), np.float32)


def gray(values: NDArray[np.floating[Any]]) -> Pixels:
    """Return values (H, W), clipped to 0..255, as an image uint8 (H, W, 3)."""
    return np.asarray(cv2.merge([np.clip(values, 0, 255).astype(np.uint8)] * 3), np.uint8)
