"""The street of the demo: the static background and foreground."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.demo.cars import Camera

Picture = NDArray[np.uint8]
HOUSES_Y = 13.0  # meters from the origin; the camera stands at negative y
KERBS_Y = (-0.6, 7.6)
FAR_X = 40.0


def paint_street(cv2: Any, camera: Camera, size: tuple[int, int], rng: np.random.Generator) -> Picture:
    """Return the empty street as seen by the camera, BGR; ``size`` is width and height in pixels."""
    width, height = size
    picture = np.full((height, width, 3), (196, 178, 160), np.uint8)
    _paint_houses(cv2, picture, camera, rng)
    _ground(cv2, picture, camera, KERBS_Y[1], HOUSES_Y, (150, 156, 158))
    _ground(cv2, picture, camera, *KERBS_Y, (96, 94, 92))
    _ground(cv2, picture, camera, -8.0, KERBS_Y[0], (146, 152, 155))
    for y in KERBS_Y:
        _ground(cv2, picture, camera, y - 0.12, y + 0.12, (176, 180, 182))
    for x in np.arange(-30.0, 30.0, 1.2):  # paving joints
        for near, far in ((KERBS_Y[1] + 0.2, HOUSES_Y), (-8.0, KERBS_Y[0] - 0.2)):
            _quad(
                cv2,
                picture,
                camera,
                [(x, near, 0), (x + 0.04, near, 0), (x + 0.04, far, 0), (x, far, 0)],
                (134, 140, 143),
            )
    for x in np.arange(-30.0, 30.0, 5.0):  # lane marking
        _quad(
            cv2,
            picture,
            camera,
            [(x, 3.42, 0), (x + 2.2, 3.42, 0), (x + 2.2, 3.56, 0), (x, 3.56, 0)],
            (205, 210, 212),
        )
    _paint_texture(cv2, picture, camera, rng)
    return picture


def paint_foreground(
    cv2: Any, camera: Camera, size: tuple[int, int], rng: np.random.Generator
) -> tuple[Picture, Picture]:
    """Return a tree and a lamp post between camera and road, BGR, and their mask, 255 where they hide the street."""
    width, height = size
    picture = np.zeros((height, width, 3), np.uint8)
    mask = np.zeros((height, width), np.uint8)
    _post(cv2, picture, mask, camera, at=(3.1, -1.3), radius=(0.17, 0.13), top=6.0, color=(52, 66, 84))
    _post(cv2, picture, mask, camera, at=(-4.4, -1.0), radius=(0.07, 0.05), top=6.5, color=(78, 82, 74))
    crown = camera.project(np.array([(3.1, -1.3, 4.7)]))[0]
    for _ in range(900):
        spread = rng.normal(0, 1, 2) * (0.13 * width, 0.045 * height)
        place = tuple(np.round(crown + spread - (0, 0.06 * height)).astype(int).tolist())
        axes = tuple(rng.integers(4, 12, 2).tolist())
        light = float(np.clip(0.75 - spread[1] / (0.12 * height), 0.35, 1.25)) * rng.uniform(0.75, 1.2)
        leaf = tuple(float(c) for c in np.clip(np.array([46, 98, 74]) * light, 0, 255))
        turn = float(rng.uniform(0, 180))
        cv2.ellipse(picture, place, axes, turn, 0, 360, leaf, cv2.FILLED, cv2.LINE_AA)
        cv2.ellipse(mask, place, axes, turn, 0, 360, 255, cv2.FILLED, cv2.LINE_AA)
    return picture, mask


def _paint_houses(cv2: Any, picture: Picture, camera: Camera, rng: np.random.Generator) -> None:
    left = -24.0
    while left < 24.0:
        right = left + rng.uniform(5.5, 7.5)
        _paint_house(cv2, picture, camera, rng, left=left, right=right)
        left = right
    _paint_hedge(cv2, picture, camera, rng)


def _paint_house(
    cv2: Any, picture: Picture, camera: Camera, rng: np.random.Generator, *, left: float, right: float
) -> None:
    walls = [(128, 150, 172), (150, 160, 166), (104, 118, 150), (140, 158, 160), (120, 140, 150)]
    wall = walls[int(rng.integers(len(walls)))]
    plinth = tuple(int(c * 0.72) for c in wall)
    _quad(cv2, picture, camera, _upright(left, right, 0, 9), wall)
    _quad(cv2, picture, camera, _upright(left, right, 0, 0.6), plinth)
    columns = np.arange(left + 0.8, right - 1.2, 1.9)
    doorway = rng.integers(len(columns))
    for column, x in enumerate(columns):
        for floor in (0.0, 3.2, 6.4):
            if floor == 0 and column == doorway:
                _paint_opening(cv2, picture, camera, x, 0.0, 2.3, (58, 70, 84))
            else:
                _paint_window(cv2, picture, camera, x, floor + 1.0, floor + 2.6)


def _paint_opening(
    cv2: Any, picture: Picture, camera: Camera, x: float, low: float, high: float, color: tuple[int, int, int]
) -> None:
    _quad(cv2, picture, camera, _upright(x - 0.08, x + 1.08, low, high + 0.08), (206, 210, 212))
    _quad(cv2, picture, camera, _upright(x, x + 1.0, low, high), color)


def _paint_window(cv2: Any, picture: Picture, camera: Camera, x: float, low: float, high: float) -> None:
    y = HOUSES_Y
    _paint_opening(cv2, picture, camera, x, low, high, (92, 80, 66))
    glint = [
        (x + 0.1, y, high - 0.5),
        (x + 0.45, y, high - 0.1),
        (x + 0.7, y, high - 0.1),
        (x + 0.1, y, high - 0.9),
    ]
    _quad(cv2, picture, camera, glint, (136, 124, 108))
    _quad(cv2, picture, camera, _upright(x + 0.47, x + 0.53, low, high), (200, 204, 206))


def _paint_hedge(cv2: Any, picture: Picture, camera: Camera, rng: np.random.Generator) -> None:
    """Paint a low hedge in front of the houses."""
    y = HOUSES_Y
    for x in np.arange(-24.0, 24.0, 0.35):
        if np.sin(x * 0.45) > -0.2:
            size = rng.uniform(0.35, 0.6)
            center = camera.project(np.array([(x, y - 0.7, 0.4)]))[0]
            radius = size * camera.focal / (y - camera.eye[1])
            green = tuple(float(c) for c in np.array([52, 92, 70]) * rng.uniform(0.7, 1.15))
            place = tuple(np.round(center).astype(int).tolist())
            cv2.circle(picture, place, round(radius), green, cv2.FILLED, cv2.LINE_AA)


def _upright(left: float, right: float, low: float, high: float) -> list[tuple[float, float, float]]:
    """Return the corners of a rectangle in the plane of the houses, in meters."""
    y = HOUSES_Y
    return [(left, y, low), (right, y, low), (right, y, high), (left, y, high)]


def _paint_texture(cv2: Any, picture: Picture, camera: Camera, rng: np.random.Generator) -> None:
    """Paint grain and stains of asphalt, which are larger close to the camera, and soft light over the image."""
    height, width = picture.shape[:2]
    grain = rng.normal(0, 1, (height, width)).astype(np.float32)
    soft = cv2.GaussianBlur(rng.normal(0, 1, (height, width)).astype(np.float32), (0, 0), 24)
    streaks = cv2.GaussianBlur(rng.normal(0, 1, (height, width)).astype(np.float32), (0, 0), 60, sigmaY=4)
    horizon = camera.project(np.array([(0.0, HOUSES_Y, 0.0)]))[0][1]
    near = np.clip((np.arange(height) - horizon) / (height - horizon), 0.15, 1)[:, None].astype(np.float32)
    light = (
        1 + 0.035 * grain * (0.5 + near) + 0.05 * soft / soft.std() + 0.03 * near * streaks / streaks.std()
    )
    light *= np.linspace(1.06, 0.95, width, dtype=np.float32)[None, :]
    np.copyto(picture, np.clip(picture * light[..., None], 0, 255).astype(np.uint8))


def _post(
    cv2: Any,
    picture: Picture,
    mask: Picture,
    camera: Camera,
    *,
    at: tuple[float, float],
    radius: tuple[float, float],
    top: float,
    color: tuple[int, int, int],
) -> None:
    """Paint a vertical round post, lit from the left."""
    edges = np.linspace(-1, 1, 9)
    for a, b in itertools.pairwise(edges):
        corners = [(a, radius[0], 0), (b, radius[0], 0), (b, radius[1], top), (a, radius[1], top)]
        strip = [(at[0] + side * r, at[1], z) for side, r, z in corners]
        light = 1.25 - 0.75 * (a + 1) / 2
        _quad(cv2, picture, camera, strip, tuple(round(c * light) for c in color))
        _quad(cv2, mask, camera, strip, 255)


def _ground(
    cv2: Any, picture: Picture, camera: Camera, near: float, far: float, color: tuple[int, int, int]
) -> None:
    near = max(near, camera.eye[1] + 1.5)
    _quad(
        cv2, picture, camera, [(-FAR_X, near, 0), (FAR_X, near, 0), (FAR_X, far, 0), (-FAR_X, far, 0)], color
    )


def _quad(
    cv2: Any, picture: Picture, camera: Camera, corners: list[tuple[float, float, float]], color: Any
) -> None:
    pixels = camera.project(np.array(corners, np.float64))
    cv2.fillPoly(picture, [np.round(pixels * 16).astype(np.int32)], color, cv2.LINE_AA, 4)
