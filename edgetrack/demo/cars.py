"""The cars of the demo: a few hundred shaded polygons, projected by a pinhole camera, without any file to load.

World coordinates are in meters: x to the right along the street, y away from the camera, z up. A car is lofted from
its side view: each corner of the outline has a half width, so that sill, waist and roof differ in width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.demo.shapes import VAN, Shape

Points = NDArray[np.float64]  # (N, 3) in meters
Color = tuple[int, int, int]  # BGR

SUN = np.array([-0.45, -0.6, 0.66]) / np.linalg.norm([-0.45, -0.6, 0.66])
GLASS: Color = (64, 54, 46)
TYRE: Color = (30, 29, 28)
RIM: Color = (168, 166, 162)


@dataclass(frozen=True)
class Camera:
    """A pinhole camera above the sidewalk, looking across the street and down.

    Attributes:
        eye: position in meters.
        pitch: downward tilt in radians.
        focal: focal length in pixels.
        center: principal point in pixels.
    """

    eye: tuple[float, float, float]
    pitch: float
    focal: float
    center: tuple[float, float]

    def project(self, points: Points) -> NDArray[np.float64]:
        """Return the pixels (N, 2) of world points (N, 3) in front of the camera."""
        rel = np.asarray(points, np.float64) - self.eye
        sin, cos = np.sin(self.pitch), np.cos(self.pitch)
        depth = rel[:, 1] * cos - rel[:, 2] * sin
        up = rel[:, 1] * sin + rel[:, 2] * cos
        scale = self.focal / np.maximum(depth, 0.1)
        return np.stack([self.center[0] + rel[:, 0] * scale, self.center[1] - up * scale], axis=1)


@dataclass(frozen=True)
class Face:
    """A flat polygon with its color after lighting."""

    points: Points
    color: Color
    normal: NDArray[np.float64] | None = None  # set if the camera may see it from behind


def draw_car(
    cv2: Any,
    canvas: NDArray[np.uint8],
    camera: Camera,
    faces: list[Face],
    *,
    at: tuple[float, float],
    mirrored: bool,
) -> NDArray[np.float64]:
    """Draw a car into ``canvas`` and return all its corners in pixels, (N, 2).

    Args:
        cv2: OpenCV.
        canvas: BGR image to draw into.
        camera: camera that looks towards +y.
        faces: faces from `car_faces`.
        at: position x, y of the car on the ground in meters.
        mirrored: whether it drives towards -x.
    """
    flip = np.array([-1.0 if mirrored else 1.0, 1.0, 1.0])
    place = np.array([*at, 0.0])
    corners = []
    for face in faces:
        points = face.points * flip + place
        if face.normal is not None and (camera.eye - points[0]) @ (face.normal * flip) <= 0:
            continue
        pixels = camera.project(points)
        corners.append(pixels)
        cv2.fillPoly(canvas, [np.round(pixels * 16).astype(np.int32)], face.color, cv2.LINE_AA, 4)
    return np.concatenate(corners)


def draw_shadow(
    cv2: Any,
    mask: NDArray[np.uint8],
    camera: Camera,
    shape: Shape,
    *,
    at: tuple[float, float],
    mirrored: bool,
) -> None:
    """Draw the shadow of a car on the road into ``mask`` (255 is full shadow)."""
    side = -1.0 if mirrored else 1.0
    half = shape.width / 2
    outline = [(x * side, z) for x, z in (*shape.body, *shape.cabin)]
    # Each point of both flanks, projected along the direction of the sun onto the ground.
    thrown = [
        (x - z * SUN[0] / SUN[2], y - z * SUN[1] / SUN[2])
        for x, z in outline
        for y in (-half + 0.05, half - 0.05)
    ]
    ends = [(x, y) for x in (-2.0, 2.0) for y in (-half, half)]
    ground = np.array([(x + at[0], y + at[1], 0.0) for x, y in thrown + ends])
    hull = cv2.convexHull(camera.project(ground).astype(np.float32)).reshape(-1, 2)
    cv2.fillPoly(mask, [np.round(hull * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)


def car_faces(shape: Shape, paint: Color) -> list[Face]:
    """Return the polygons of a car that drives towards +x, in drawing order for a camera at -y."""
    half, top = shape.width / 2, shape.roof / 2
    waist = min(z for _, z in shape.cabin)
    crest = max(z for _, z in shape.cabin)

    def cabin_half(z: float) -> float:
        return half - 0.04 + (top - half + 0.04) * max(0.0, (z - waist) / (crest - waist))

    def body_half(z: float) -> float:
        # Narrower at the sill and slightly narrower towards the hood, which gives the flanks their shading.
        return half - 0.10 * max(0.0, 0.62 - z) / 0.35 - 0.05 * max(0.0, z - 0.72) / 0.25

    faces = _strip([(x, body_half(z), z) for x, z in shape.body], paint)
    faces += _flank(shape.body, body_half, paint)
    faces += _strip([(x, cabin_half(z), z) for x, z in shape.cabin], paint, glass_ends=True)
    faces += _flank(shape.cabin, cabin_half, paint)
    for window in shape.windows:
        outline = np.array([(x, -cabin_half(z) - 0.01, z) for x, z in window])
        faces.append(Face(outline, GLASS))
        low, high = outline[:, 2].min(), outline[:, 2].max()
        sheen = outline.copy()  # reflection of the sky in the upper part of the glass
        sheen[:, 2] = np.maximum(sheen[:, 2], low + 0.62 * (high - low))
        faces.append(Face(sheen, (128, 112, 98)))
    return faces + _details(shape, body_half, paint)


def _details(shape: Shape, body_half: Any, paint: Color) -> list[Face]:
    faces = []
    nose, tail = max(x for x, _ in shape.body), min(x for x, _ in shape.body)
    seam = _shade(paint, 0.45)

    def plate(corners: list[tuple[float, float]], color: Color, out: float = 0.012) -> None:
        faces.append(Face(np.array([(x, -body_half(z) - out, z) for x, z in corners]), color))

    sill = shape.body[0][1]
    plate(
        [(tail + 0.2, sill), (nose - 0.2, sill), (nose - 0.2, sill + 0.07), (tail + 0.2, sill + 0.07)],
        (40, 38, 36),
    )
    for x in (shape.windows[0][0][0] + 0.05, -0.40, 0.75) if len(shape.windows) > 1 else (0.15, 1.35):
        plate([(x, 0.42), (x + 0.025, 0.42), (x + 0.025, 0.94), (x, 0.94)], seam)
    for x in (-0.62, 0.50):
        plate([(x, 0.84), (x + 0.17, 0.84), (x + 0.17, 0.875), (x, 0.875)], _shade(paint, 0.6), 0.02)
    lamp = 0.58 if shape is not VAN else 0.72
    head = [(-0.42, 0.04), (-0.03, 0.0), (-0.06, 0.12), (-0.36, 0.15)]
    rear = [(0.03, 0.12), (0.22, 0.12), (0.20, 0.30), (0.04, 0.28)]
    plate([(nose + x, lamp + z) for x, z in head], (236, 240, 242), 0.02)
    plate([(tail + x, lamp + z) for x, z in rear], (38, 30, 176), 0.02)
    for x in shape.axles:
        faces += _wheel(x, shape)
    return faces


def _wheel(x: float, shape: Shape) -> list[Face]:
    angle = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    side = -shape.width / 2 + 0.02

    def disc(radius: float, y: float, color: Color) -> Face:
        ring = [x + radius * np.cos(angle), np.full_like(angle, y), shape.wheel + radius * np.sin(angle)]
        return Face(np.stack(ring, axis=1), color)

    arch = disc(shape.wheel + 0.07, side - 0.01, (26, 25, 24))
    arch.points[:, 2] = np.maximum(arch.points[:, 2], shape.body[0][1] - 0.02)
    faces = [arch, disc(shape.wheel, side - 0.02, TYRE), disc(0.66 * shape.wheel, side - 0.03, RIM)]
    faces.append(disc(0.52 * shape.wheel, side - 0.032, (112, 110, 108)))
    for turn in np.arange(5) * 2 * np.pi / 5 + 0.3:
        along = np.array([np.cos(turn), 0, np.sin(turn)]) * 0.62 * shape.wheel
        across = np.array([-np.sin(turn), 0, np.cos(turn)]) * 0.10 * shape.wheel
        hub = np.array([x, side - 0.034, shape.wheel])
        faces.append(
            Face(np.stack([hub - across, hub + along - across, hub + along + across, hub + across]), RIM)
        )
    return faces


def _strip(
    profile: list[tuple[float, float, float]], paint: Color, *, glass_ends: bool = False
) -> list[Face]:
    """Return the surface between the two flanks: bumpers, hood, windshields, roof."""
    faces = []
    count = len(profile) if not glass_ends else len(profile) - 1
    for i in range(count):
        (x0, h0, z0), (x1, h1, z1) = profile[i], profile[(i + 1) % len(profile)]
        normal = np.array([z0 - z1, 0.0, x1 - x0]) if glass_ends else np.array([z1 - z0, 0.0, x0 - x1])
        length = float(np.linalg.norm(normal))
        if length < 1e-6 or normal[2] / length < -0.5:
            continue  # the floor
        quad = np.array([(x0, -h0, z0), (x1, -h1, z1), (x1, h1, z1), (x0, h0, z0)])
        faces.append(Face(quad, _lit(paint, normal / length), normal))
        if glass_ends and i in (0, count - 1):
            inner = quad + (quad.mean(axis=0) - quad) * [0.10, 0.12, 0.10] + normal / length * 0.01
            faces.append(Face(inner, _shade(GLASS, 1.5 if i else 1.2), normal))
    return faces


def _flank(outline: tuple[tuple[float, float], ...], half: Any, paint: Color) -> list[Face]:
    """Return the near side, cut into horizontal bands for shading from sky at the top to road at the bottom."""
    polygon = np.array(outline)
    low, high = polygon[:, 1].min(), polygon[:, 1].max()
    faces = []
    for z0, z1 in zip(np.linspace(low, high, 13)[:-1], np.linspace(low, high, 13)[1:], strict=True):
        band = _clip(_clip(polygon, z0, 1.0), z1, -1.0)
        if len(band) < 3:
            continue
        slope = (half(z0) - half(z1)) / (z1 - z0)
        normal = np.array([0.0, -1.0, slope]) / np.hypot(1.0, slope)
        grade = 0.84 + 0.24 * (z0 - low) / (high - low)
        points = np.array([(x, -half(z), z) for x, z in band])
        faces.append(Face(points, _shade(_lit(paint, normal), grade)))
    return faces


def _clip(polygon: NDArray[np.float64], level: float, sign: float) -> NDArray[np.float64]:
    """Return the part of an (x, z) polygon above (sign 1) or below (-1) a level (Sutherland-Hodgman)."""
    kept: list[NDArray[np.float64]] = []
    for a, b in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        da, db = sign * (a[1] - level), sign * (b[1] - level)
        if da >= 0:
            kept.append(a)
        if da * db < 0:
            kept.append(a + (b - a) * (da / (da - db)))
    return np.array(kept).reshape(-1, 2)


def _lit(color: Color, normal: NDArray[np.float64]) -> Color:
    sky = 0.5 + 0.5 * normal[2]
    light = 0.42 + 0.22 * sky + 0.55 * max(0.0, float(normal @ SUN))
    return _shade(color, light)


def _shade(color: Color, light: float) -> Color:
    blue, green, red = (min(255, round(c * light)) for c in color)
    return blue, green, red
