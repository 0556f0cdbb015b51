"""The unusual events of a synthetic day, one function for each kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from edgetrack.demo.actors import Actor
from edgetrack.demo.life import EDGE, LANES, WALKS, car, person, walk

Made = tuple[list[Actor], float]  # actors of an event, and its end in seconds


def make_event(rng: np.random.Generator, kind: str, start_s: float, *, number: int) -> Made:
    """Return the actors of an event, marked with its number and kind, and the time at which it ends."""
    actors, end_s = _MAKERS[kind](rng, start_s)
    return [replace(one, event=number, event_kind=kind) for one in actors], end_s


def _wrong_way(rng: np.random.Generator, start_s: float) -> Made:
    y, way = LANES[int(rng.integers(len(LANES)))]
    one = car(rng, start_s, y=y, way=-way, speed=float(rng.uniform(5.5, 7.5)))
    return [one], one.end_s


def _running(rng: np.random.Generator, start_s: float) -> Made:
    y = WALKS[int(rng.integers(len(WALKS)))]
    one = person(rng, walk(rng, start_s, y=y, speed=float(rng.uniform(4.5, 6.0))))
    return [one], one.end_s


def _left_behind(rng: np.random.Generator, start_s: float) -> Made:
    """A person leaves a bag, which another person takes away after a minute and a half."""
    x, y = float(rng.uniform(-3, 3)), WALKS[0]
    speed = 1.3
    drops = start_s + (EDGE + x) / speed
    takes = drops + 90.0
    carrier = person(rng, ((start_s, -EDGE, y), (start_s + 2 * EDGE / speed, EDGE, y)))
    taker = person(rng, ((takes - (EDGE + x) / speed, -EDGE, y), (takes + (EDGE - x) / speed, EDGE, y)))
    bag = Actor("block", (36, 40, 90), (0.9, 0.8), ((drops, x, y - 0.4), (takes, x, y - 0.4)))
    never = (np.inf, np.inf)
    return [bag, replace(carrier, unusual_s=never), replace(taker, unusual_s=never)], takes


def _trespass(rng: np.random.Generator, start_s: float) -> Made:
    """A person walks down the middle of the road."""
    one = person(rng, walk(rng, start_s, y=3.6, speed=1.3))
    return [one], one.end_s


def _crowd(rng: np.random.Generator, start_s: float) -> Made:
    """Twelve people arrive, stand together, and leave."""
    middle = float(rng.uniform(-3, 3))
    actors = []
    for _ in range(12):
        x, y = middle + float(rng.normal(0, 1.6)), 9.8 + float(rng.normal(0, 0.5))
        side = 1.0 if rng.random() < 0.5 else -1.0
        here = start_s + (EDGE + abs(x)) / 1.5 + float(rng.uniform(0, 4))
        gone = here + 30 + float(rng.uniform(0, 4))
        way = (
            (start_s, side * EDGE, y),
            (here, x, y),
            (gone, x, y),
            (gone + 2 * EDGE / 1.5, -side * EDGE, y),
        )
        actors.append(person(rng, way))
    # Until most of them have dispersed.
    together = max(one.way[1][0] for one in actors), min(one.way[2][0] for one in actors) + 12
    return [replace(one, unusual_s=together) for one in actors], together[1]


def _sudden_stop(rng: np.random.Generator, start_s: float) -> Made:
    """A car stops in the middle of the road for twenty seconds."""
    y, way = LANES[int(rng.integers(len(LANES)))]
    one = car(rng, start_s, y=y, way=way, speed=6.5)
    x = float(rng.uniform(-4, 4))
    stops = start_s + (EDGE + way * x) / 6.5
    leaves = stops + 20
    path = (
        (start_s, -way * EDGE, y),
        (stops, x, y),
        (leaves, x, y),
        (leaves + 2 * EDGE / 6.5, way * EDGE, y),
    )
    return [replace(one, way=path, unusual_s=(stops, leaves))], leaves


def _new_kind(rng: np.random.Generator, start_s: float) -> Made:
    """An object that is neither a car nor a person: tall and yellow, or low and long."""
    y, way = LANES[int(rng.integers(len(LANES)))]
    size, color = (((7.5, 3.4), (30, 190, 235)), ((2.2, 0.7), (190, 60, 190)))[int(rng.integers(2))]
    path = ((start_s, -way * EDGE, y), (start_s + 2 * EDGE / 4.0, way * EDGE, y))
    one = Actor("block", color, size, path)
    return [one], one.end_s


_MAKERS: dict[str, Callable[[np.random.Generator, float], Made]] = {
    "wrong way": _wrong_way,
    "running": _running,
    "left behind": _left_behind,
    "trespass": _trespass,
    "crowd": _crowd,
    "sudden stop": _sudden_stop,
    "new kind": _new_kind,
}
EVENTS = tuple(_MAKERS)
