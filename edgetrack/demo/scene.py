"""The scene of the demo: its cars, their motion, and the rendered frames."""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray

from edgetrack.demo.cars import Camera, Color, Face, car_faces, draw_car, draw_shadow
from edgetrack.demo.shapes import HATCHBACK, SALOON, VAN, Shape
from edgetrack.demo.street import paint_foreground, paint_street
from edgetrack.io.opencv import load_cv2
from edgetrack.io.source import Source
from edgetrack.types import Box, Frame

WIDTH, HEIGHT = 640, 480
FPS = 30.0
FRAMES = 180
SEED = 7
FINE = 2  # supersampling factor, for smooth edges
MARGIN = 24  # supersampled pixels around the street, for camera shake
SHADOW = 0.55


@dataclass(frozen=True)
class Car:
    """One car of the scene: its appearance and motion."""

    name: str
    shape: Shape
    paint: Color  # BGR
    lane_y: float  # meters
    start_x: float  # meters, at time 0
    speed: float  # meters per second; negative values drive to the left

    def x(self, time_s: float) -> float:
        """Return its position along the street in meters; its speed varies slightly."""
        return self.start_x + self.speed * time_s + 0.25 * math.sin(1.1 * time_s + self.lane_y)


CARS = (
    Car("white van", VAN, (226, 228, 228), 5.6, 9.5, -3.4),
    Car("silver car", SALOON, (160, 158, 154), 5.5, 18.0, -3.2),
    Car("blue car", SALOON, (168, 84, 30), 1.6, -1.5, 3.1),
    Car("red car", HATCHBACK, (34, 26, 196), 1.6, -10.2, 3.0),
)


class Scene:
    """Renders the frames in order, deterministically.

    Attributes:
        boxes: for each frame rendered so far, the boxes of all cars of which at least a quarter is inside the image;
            parts that are hidden by the tree or the lamp post count as inside.
    """

    def __init__(self) -> None:
        self._cv2 = load_cv2()
        self._rng = np.random.default_rng(SEED)
        size = (FINE * WIDTH + 2 * MARGIN, FINE * HEIGHT + 2 * MARGIN)
        self._camera = Camera((0.0, -9.0, 5.0), 0.36, FINE * 530.0, (size[0] / 2, 0.55 * size[1]))
        self._street = paint_street(self._cv2, self._camera, size, self._rng)
        front, mask = paint_foreground(self._cv2, self._camera, size, self._rng)
        mask = self._cv2.merge([mask] * 3)
        self._behind = 255 - mask  # inverse mask of the foreground
        self._front = self._cv2.multiply(front, mask, scale=1 / 255)
        self._grain = self._rng.normal(0, 2.2, (2 * HEIGHT, 2 * WIDTH, 3)).round().astype(np.int16)
        self._faces: dict[str, list[Face]] = {car.name: car_faces(car.shape, car.paint) for car in CARS}
        self.boxes: list[dict[str, Box]] = []

    def frames(self) -> Generator[Frame, None, None]:
        """Yield every frame of the scene."""
        for index in range(FRAMES):
            yield Frame(self._draw(index / FPS), index, index / FPS)

    def _draw(self, time_s: float) -> NDArray[np.uint8]:
        cv2 = self._cv2
        shade = np.zeros(self._street.shape[:2], np.uint8)
        for car in CARS:
            at = (car.x(time_s), car.lane_y)
            draw_shadow(cv2, shade, self._camera, car.shape, at=at, mirrored=car.speed < 0)
        soft = cv2.GaussianBlur(shade, (0, 0), 5)
        light = cv2.merge([cv2.convertScaleAbs(soft, alpha=-SHADOW, beta=255)] * 3)
        canvas = cv2.multiply(self._street, light, scale=1 / 255)
        corners = {}
        for car in sorted(CARS, key=lambda c: -c.lane_y):
            at = (car.x(time_s), car.lane_y)
            corners[car.name] = draw_car(
                cv2, canvas, self._camera, self._faces[car.name], at=at, mirrored=car.speed < 0
            )
        canvas = cv2.add(cv2.multiply(canvas, self._behind, scale=1 / 255), self._front)
        left, top = self._shake(time_s)
        view = canvas[top : top + FINE * HEIGHT, left : left + FINE * WIDTH]
        self.boxes.append(_visible({name: (c - (left, top)) / FINE for name, c in corners.items()}))
        picture = cv2.resize(view, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        picture = cv2.GaussianBlur(picture, (0, 0), 0.55)
        y, x = int(self._rng.integers(HEIGHT)), int(self._rng.integers(WIDTH))
        grain = self._grain[y : y + HEIGHT, x : x + WIDTH]
        noisy: NDArray[np.uint8] = cv2.add(picture, grain, dtype=cv2.CV_8U)
        return noisy

    def _shake(self, time_s: float) -> tuple[int, int]:
        x = MARGIN + 5 * np.sin(2.3 * time_s) + 3 * np.sin(7.1 * time_s + 1)
        y = MARGIN + 4 * np.sin(3.1 * time_s + 2) + 2 * np.sin(9.7 * time_s)
        return round(float(x)), round(float(y))


def _visible(corners: dict[str, NDArray[np.float64]]) -> dict[str, Box]:
    boxes = {}
    for name, points in corners.items():
        low, high = points.min(axis=0), points.max(axis=0)
        left, top = np.clip(low, 0, (WIDTH, HEIGHT))
        right, bottom = np.clip(high, 0, (WIDTH, HEIGHT))
        if (right - left) * (bottom - top) >= 0.25 * float(np.prod(high - low)):
            boxes[name] = Box(float(left), float(top), float(right - left), float(bottom - top))
    return boxes


def endless() -> Generator[Frame, None, None]:
    """Yield the scene forwards and backwards forever, without jumps."""
    pictures = []
    for frame in Scene().frames():  # rendering is slow, so that frames are yielded as soon as they are ready
        pictures.append(frame.pixels.copy())
        yield frame
    back_and_there = pictures[-2:0:-1] + pictures
    for index in count():
        place = len(pictures) + index
        yield Frame(back_and_there[index % len(back_and_there)].copy(), place, place / FPS)


def open_demo() -> Source:
    """Open the scene as a source."""
    return Source(Scene().frames(), name="demo scene", fps=FPS, count=FRAMES, live=False)
