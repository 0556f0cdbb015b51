"""Synthetic days: hours of normal activity in a street, with unusual events at known times.

The street is that of the demo; its actors are flat and simple, so that an hour is rendered in seconds. The same seed
gives the same day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetrack.demo.actors import Actor, draw_actor
from edgetrack.demo.cars import Camera
from edgetrack.demo.life import normal_life
from edgetrack.demo.street import paint_street
from edgetrack.demo.trouble import EVENTS, make_event
from edgetrack.errors import ConfigError
from edgetrack.io.opencv import load_cv2
from edgetrack.types import Box, Frame

WIDTH, HEIGHT = 320, 240
FPS = 5.0
NOISE = 2.5  # gray levels, standard deviation
LIGHT = 0.12  # relative change of the light over an hour
APART_S = 420.0  # mean time between two events
_STREET_SEED = 7  # the street is the same on all days, as for one camera


@dataclass(frozen=True, slots=True)
class Event:
    """An unusual event in a synthetic day.

    Attributes:
        kind: one of `EVENTS`.
        start_s: start time in seconds.
        end_s: end time in seconds.
    """

    kind: str
    start_s: float
    end_s: float


class Day:
    """A period of activity in the synthetic street, with ``len(day)`` frames that ``day.draw(index)`` renders.

    Args:
        seed: random seed.
        seconds: duration.
        events: whether there are unusual events, on average one every seven minutes.

    Attributes:
        events: the events in order.

    Raises:
        ConfigError: ``seconds`` is not within 1 second and 30 days.
    """

    def __init__(self, seed: int, seconds: float, *, events: bool = True) -> None:
        if not 1 <= seconds <= 30 * 86_400:
            raise ConfigError(f"a synthetic day of {seconds!r} seconds; expected 1 to {30 * 86_400}")
        self._cv2 = load_cv2()
        rng = np.random.default_rng(seed)
        self.seconds = float(seconds)
        self._camera = Camera((0.0, -9.0, 5.0), 0.36, 265.0, (WIDTH / 2, 0.55 * HEIGHT))
        street = paint_street(self._cv2, self._camera, (WIDTH, HEIGHT), np.random.default_rng(_STREET_SEED))
        self._street = self._cv2.GaussianBlur(street, (0, 0), 0.8)
        self._noise = rng.normal(0, NOISE, (2 * HEIGHT, 2 * WIDTH, 3)).round().astype(np.int16)
        self._seed = seed
        actors = normal_life(rng, self.seconds)
        self.events: list[Event] = []
        if events:
            kinds: list[str] = []
            start = APART_S * 0.3
            while True:
                kinds = kinds or [str(kind) for kind in rng.permutation(EVENTS)]
                start += APART_S * rng.uniform(0.4, 0.8)
                made, end = make_event(rng, kinds.pop(), start, number=len(self.events))
                if end > self.seconds:
                    break
                self.events.append(Event(made[0].event_kind, start, end))
                actors += made
                start = end + APART_S * rng.uniform(0.1, 0.5)
        self._actors = sorted(actors, key=lambda one: one.start_s)
        self._starts = np.array([one.start_s for one in self._actors])
        self._longest = max((one.end_s - one.start_s for one in self._actors), default=0.0)

    def __len__(self) -> int:
        return round(self.seconds * FPS)

    def draw(self, index: int) -> tuple[NDArray[np.uint8], dict[int, Box], dict[int, Box]]:
        """Render a frame.

        Returns:
            The pixels, uint8 (240, 320, 3) BGR; the boxes of all objects in view, by number; and the boxes of what
            is unusual, by the number of the event in `events`. Both are in pixels.

        Raises:
            IndexError: the frame does not exist.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"frame {index} of a synthetic day with {len(self)}")
        time_s = index / FPS
        light = 1 + LIGHT * np.sin(2 * np.pi * time_s / 3600)
        canvas = self._cv2.convertScaleAbs(self._street, alpha=light)
        boxes: dict[int, Box] = {}
        unusual: dict[int, Box] = {}
        for number, actor in self._present(time_s):
            box = draw_actor(self._cv2, canvas, self._camera, actor, time_s, light)
            if box is not None:
                boxes[number] = box
                if actor.event is not None and actor.unusual(time_s):
                    known = unusual.get(actor.event)
                    unusual[actor.event] = box if known is None else _around(known, box)
        rng = np.random.default_rng((self._seed, index))
        y, x = int(rng.integers(HEIGHT)), int(rng.integers(WIDTH))
        noise = self._noise[y : y + HEIGHT, x : x + WIDTH]
        pixels: NDArray[np.uint8] = self._cv2.add(canvas, noise, dtype=self._cv2.CV_8U)
        return pixels, boxes, unusual

    def frames(self) -> Iterator[Frame]:
        """Yield every frame of the day."""
        for index in range(len(self)):
            yield Frame(self.draw(index)[0], index, index / FPS)

    def _present(self, time_s: float) -> list[tuple[int, Actor]]:
        """Return the actors at a time with their numbers, farthest first."""
        first = int(np.searchsorted(self._starts, time_s - self._longest))
        last = int(np.searchsorted(self._starts, time_s, side="right"))
        there = [(n, self._actors[n]) for n in range(first, last) if self._actors[n].end_s >= time_s]
        return sorted(there, key=lambda one: (-one[1].place(time_s)[1], one[0]))


def _around(a: Box, b: Box) -> Box:
    left, top, right, bottom = a.xyxy
    other_left, other_top, other_right, other_bottom = b.xyxy
    return Box.from_xyxy(
        min(left, other_left), min(top, other_top), max(right, other_right), max(bottom, other_bottom)
    )
