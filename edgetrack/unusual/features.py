"""Interpretable features of an object, in families: one vector each, in which 1 is a clear difference."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

CELLS = 16.0  # units of location in the width of a frame
SLOW = 0.02  # frame widths per second: differences of speed below it hardly count
SIZE = 1.5  # weight of a size's logarithm
SPEED = 1.6  # and of a speed's


@dataclass(frozen=True, slots=True)
class Family:
    """Features that are scored together; if ``located``, the first two are the location."""

    name: str
    length: int
    located: bool


FAMILIES = (
    Family("place", 2, located=False),
    Family("size", 4, located=True),
    Family("motion", 5, located=True),
    Family("stay", 3, located=True),
    Family("look", 4, located=False),
    Family("crowd", 2, located=False),  # of the whole picture, not of an object
)
NAMES = tuple(family.name for family in FAMILIES)
OF_OBJECTS = FAMILIES[:-1]
CROWD = len(FAMILIES) - 1


@dataclass(frozen=True, slots=True)
class Measured:
    """Measurements of an object, relative to the frame's width, so that the resolution does not matter.

    Attributes:
        x: center of the box.
        y: bottom of the box, where it stands.
        w: width.
        h: height.
        right: velocity to the right, in widths per second.
        down: velocity downwards, in widths per second.
        still_s: seconds for which it has stood still.
        color: mean (B, G, R), 0..255.
    """

    x: float
    y: float
    w: float
    h: float
    right: float
    down: float
    still_s: float
    color: tuple[float, float, float]


def vectors(seen: Measured) -> list[Vector]:
    """Return the vector of each family in `OF_OBJECTS`."""
    place = [CELLS * seen.x, CELLS * seen.y]
    size = [SIZE * math.log(seen.w), SIZE * math.log(seen.h)]
    speed = math.hypot(seen.right, seen.down)
    scale = SPEED * math.log1p(speed / SLOW) / speed if speed > 0 else 0.0
    area = sum(size) / 2
    made = (
        place,
        [*place, *size],
        [*place, area / 2, scale * seen.right, scale * seen.down],
        [*place, math.log1p(seen.still_s)],
        [area, *(channel / 64 for channel in seen.color)],
    )
    return [np.array(values, np.float64) for values in made]


def crowd_vector(objects: int, share: float) -> Vector:
    """Return the vector of the whole picture: number of objects, and the fraction of the picture that they cover."""
    return np.array([2 * math.log1p(objects), 6 * math.sqrt(share)], np.float64)


def explain(family: Family, vector: Vector, usual: Vector | None, width: int) -> str:
    """Describe in one clause what is unusual.

    Args:
        family: the family whose features deviate.
        vector: the features of the object.
        usual: normal features at its place; None if there are none.
        width: width of the frame, in pixels.
    """
    if family.name == "place" or usual is None:
        return "is where objects are not usually seen"
    return _CLAUSES[family.name](vector, usual, width)


def _size(vector: Vector, usual: Vector, width: int) -> str:
    w, h, usual_w, usual_h = (width * math.exp(v / SIZE) for v in (*vector[2:4], *usual[2:4]))
    return f"is {w:.0f} x {h:.0f} px; usual here: {usual_w:.0f} x {usual_h:.0f} px"


def _motion(vector: Vector, usual: Vector, width: int) -> str:
    return f"moves {_movement(vector, width)}; usual here: {_movement(usual, width)}"


def _movement(vector: Vector, width: int) -> str:
    right, down = vector[3:5]
    speed = width * SLOW * math.expm1(math.hypot(right, down) / SPEED)
    if speed < 0.01 * width:
        return "hardly"
    names = ("right", "down right", "down", "down left", "left", "up left", "up", "up right")
    way = names[round(math.atan2(down, right) / (math.pi / 4)) % 8]
    return f"{way} at {speed:.0f} px/s"


def _stay(vector: Vector, usual: Vector, _: int) -> str:
    now, before = math.expm1(vector[2]), math.expm1(usual[2])
    return f"has stood still for {now:.0f} s; usual here: {before:.0f} s"


def _look(vector: Vector, usual: Vector, _: int) -> str:
    return f"has the color {_color(vector)}; nearest known: {_color(usual)}"


def _color(vector: Vector) -> str:
    blue, green, red = (round(min(max(64 * v, 0), 255)) for v in vector[1:4])
    return f"rgb({red}, {green}, {blue})"


def _crowd(vector: Vector, usual: Vector, _: int) -> str:
    now, before = (round(math.expm1(v[0] / 2)) for v in (vector, usual))
    shares = [100 * (v[1] / 6) ** 2 for v in (vector, usual)]
    return f"is one of {now} objects on {shares[0]:.0f} % of the image; nearest known: {before} on {shares[1]:.0f} %"


_CLAUSES = {"size": _size, "motion": _motion, "stay": _stay, "look": _look, "crowd": _crowd}
