"""Normal activity in a synthetic day: cars in two lanes, people on sidewalks, at a crosswalk and at a stop."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from edgetrack.demo.actors import Actor
from edgetrack.demo.cars import Color

EDGE = 18.0  # lateral distance from the camera in meters at which everything is out of view
LANES = ((1.6, 1.0), (5.6, -1.0))  # y in meters, and the driving direction
WALKS = (9.2, 10.6, -2.2)  # y in meters of the paths of people
CROSSING_X, STOP_X = 5.0, -4.0
CARS_PER_MIN, PEOPLE_PER_MIN = 6.0, 3.0
_PAINTS: tuple[Color, ...] = (
    (34, 26, 196), (168, 84, 30), (226, 228, 228), (60, 58, 56), (160, 158, 154), (70, 110, 60), (40, 160, 210),
)  # fmt: skip
_CLOTHES: tuple[Color, ...] = (
    (40, 40, 160), (150, 70, 40), (60, 120, 60), (40, 36, 34), (200, 200, 196), (120, 60, 120), (50, 150, 190),
)  # fmt: skip


def normal_life(rng: np.random.Generator, seconds: float) -> list[Actor]:
    """Return all actors of normal activity for a duration."""
    cars = [
        car
        for lane in range(len(LANES))
        for car in _lane(rng, list(_times(rng, CARS_PER_MIN / 2, seconds)), lane)
    ]
    return cars + [_person(rng, t) for t in _times(rng, PEOPLE_PER_MIN, seconds)]


def car(rng: np.random.Generator, start_s: float, *, y: float, way: float, speed: float) -> Actor:
    """Return a car that drives through; ``way`` is 1 to the right, -1 to the left; speed in meters per second."""
    width = rng.uniform(3.8, 4.8)
    end = start_s + 2 * EDGE / speed
    size = (float(width), float(rng.uniform(1.4, 1.7)))
    return Actor("car", any_of(rng, _PAINTS), size, ((start_s, -way * EDGE, y), (end, way * EDGE, y)))


def person(rng: np.random.Generator, way: tuple[tuple[float, float, float], ...]) -> Actor:
    """Return a person on a path (time in seconds, x, y in meters)."""
    height = float(rng.uniform(1.55, 1.9))
    return Actor("person", any_of(rng, _CLOTHES), (0.34 * height, height), way)


def walk(
    rng: np.random.Generator, start_s: float, *, y: float, speed: float
) -> tuple[tuple[float, float, float], ...]:
    """Return a path along the street, in either direction."""
    side = 1.0 if rng.random() < 0.5 else -1.0
    return ((start_s, -side * EDGE, y), (start_s + 2 * EDGE / speed, side * EDGE, y))


def any_of(rng: np.random.Generator, colors: tuple[Color, ...]) -> Color:
    """Return one of the colors, slightly varied."""
    chosen = np.array(colors[int(rng.integers(len(colors)))]) + rng.integers(-14, 15, 3)
    blue, green, red = (int(c) for c in np.clip(chosen, 0, 255))
    return blue, green, red


def _times(rng: np.random.Generator, per_min: float, seconds: float) -> Iterator[float]:
    """Yield arrival times: a Poisson process that begins before the day, so that the street is not empty at first."""
    time_s = -30.0
    while True:
        time_s += float(rng.exponential(60 / per_min))
        if time_s >= seconds:
            return
        yield time_s


def _lane(rng: np.random.Generator, times: list[float], lane: int) -> Iterator[Actor]:
    """Yield the cars of a lane, without collisions."""
    y, way = LANES[lane]
    free_s = -np.inf
    for time_s in times:
        speed = float(np.clip(rng.normal(6.5, 0.8), 4.5, 8.5))
        start = max(time_s, free_s, free_s + 2 * EDGE / 6.5 - 2 * EDGE / speed)
        free_s = start + 1.6
        yield car(rng, start, y=y + float(rng.normal(0, 0.12)), way=way, speed=speed)


def _person(rng: np.random.Generator, start_s: float) -> Actor:
    speed = float(np.clip(rng.normal(1.35, 0.18), 0.9, 1.9))
    y = WALKS[int(rng.integers(len(WALKS)))] + float(rng.normal(0, 0.2))
    chance = rng.random()
    if chance < 0.15:
        return person(rng, _across(rng, start_s, speed))
    if chance < 0.25 and y > 0:
        return person(rng, _to_the_stop(rng, start_s, y, speed))
    return person(rng, walk(rng, start_s, y=y, speed=speed))


def _across(rng: np.random.Generator, start_s: float, speed: float) -> tuple[tuple[float, float, float], ...]:
    """Return a path along one sidewalk, over the crosswalk, and along the other sidewalk."""
    x = CROSSING_X + float(rng.normal(0, 0.4))
    first, second = (9.2, -2.2) if rng.random() < 0.5 else (-2.2, 9.2)
    at_kerb = start_s + (EDGE + x) / speed
    over = at_kerb + abs(first - second) / speed
    return (
        (start_s, -EDGE, first),
        (at_kerb, x, first),
        (over, x, second),
        (over + (EDGE - x) / speed, EDGE, second),
    )


def _to_the_stop(
    rng: np.random.Generator, start_s: float, y: float, speed: float
) -> tuple[tuple[float, float, float], ...]:
    """Return a path to the stop, with a wait of some seconds, and onward."""
    x = STOP_X + float(rng.normal(0, 0.6))
    arrives = start_s + (EDGE + x) / speed
    leaves = arrives + float(rng.uniform(5, 30))
    return (
        (start_s, -EDGE, y),
        (arrives, x, y),
        (leaves, x, y),
        (leaves + (EDGE - x) / speed, EDGE, y),
    )
