"""The actors of a synthetic day: boxes with legs or wheels that move along paths through the street."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.demo.cars import Camera, Color
from edgetrack.types import Box

Way = tuple[tuple[float, float, float], ...]  # (time in seconds, x, y in meters), in order of time
MIN_SHOWN = 0.3  # fraction of a box that must be inside the image


@dataclass(frozen=True, slots=True)
class Actor:
    """An object that moves through the street.

    Attributes:
        kind: "car", "person" or "block".
        color: BGR.
        size: width and height in meters, as seen from the camera.
        way: its path; it exists from the first time to the last.
        event: number of the event that it belongs to; None for normal activity.
        event_kind: kind of the event.
        unusual_s: start and end of the time in which it is unusual; None for always.
    """

    kind: str
    color: Color
    size: tuple[float, float]
    way: Way
    event: int | None = None
    event_kind: str = ""
    unusual_s: tuple[float, float] | None = None

    @property
    def start_s(self) -> float:
        """Return the time at which it appears."""
        return self.way[0][0]

    @property
    def end_s(self) -> float:
        """Return the time at which it disappears."""
        return self.way[-1][0]

    def place(self, time_s: float) -> tuple[float, float]:
        """Return its position x, y on the ground in meters."""
        times, xs, ys = zip(*self.way, strict=True)
        return float(np.interp(time_s, times, xs)), float(np.interp(time_s, times, ys))

    def unusual(self, time_s: float) -> bool:
        """Return whether it is unusual at a time."""
        return self.unusual_s is None or self.unusual_s[0] <= time_s <= self.unusual_s[1]


def draw_actor(
    cv2: Any, canvas: NDArray[np.uint8], camera: Camera, actor: Actor, time_s: float, light: float
) -> Box | None:
    """Draw an actor into a BGR image, and return its box in pixels; None if too little of it is in view."""
    x, y = actor.place(time_s)
    foot, head = camera.project(np.array([(x, y, 0.0), (x, y, actor.size[1])]))
    height = float(foot[1] - head[1])
    width = height * actor.size[0] / actor.size[1]
    left, top = float(foot[0]) - width / 2, float(head[1])
    color = tuple(min(255.0, c * light) for c in actor.color)
    _DRAW[actor.kind](cv2, canvas, (left, top, width, height), color, x)
    rows, columns = canvas.shape[:2]
    right, bottom = min(left + width, columns), min(top + height, rows)
    shown_left, shown_top = max(left, 0.0), max(top, 0.0)
    if (right - shown_left) <= MIN_SHOWN * width or (bottom - shown_top) <= MIN_SHOWN * height:
        return None
    return Box.from_xyxy(shown_left, shown_top, right, bottom)


def _rectangle(cv2: Any, canvas: NDArray[np.uint8], box: tuple[float, ...], color: Any) -> None:
    left, top, width, height = box
    corners = np.array([[left, top], [left + width, top], [left + width, top + height], [left, top + height]])
    cv2.fillPoly(canvas, [np.round(corners * 16).astype(np.int32)], color, cv2.LINE_AA, 4)


def _draw_car(cv2: Any, canvas: NDArray[np.uint8], box: tuple[float, ...], color: Any, _: float) -> None:
    left, top, w, h = box
    dark = tuple(0.45 * c for c in color)
    _rectangle(cv2, canvas, (left + 0.2 * w, top, 0.55 * w, 0.45 * h), dark)
    _rectangle(cv2, canvas, (left, top + 0.4 * h, w, 0.45 * h), color)
    for share in (0.2, 0.8):
        center = (round(16 * (left + share * w)), round(16 * (top + 0.85 * h)))
        cv2.circle(canvas, center, max(round(16 * 0.15 * h), 1), (30, 29, 28), cv2.FILLED, cv2.LINE_AA, 4)


def _draw_person(cv2: Any, canvas: NDArray[np.uint8], box: tuple[float, ...], color: Any, x: float) -> None:
    left, top, w, h = box
    swing = 0.25 * w * float(np.sin(5 * x))
    _rectangle(cv2, canvas, (left + 0.1 * w, top + 0.18 * h, 0.8 * w, 0.4 * h), color)
    for side, move in ((0.15, swing), (0.55, -swing)):
        _rectangle(cv2, canvas, (left + side * w + move, top + 0.55 * h, 0.3 * w, 0.45 * h), (52, 44, 40))
    center = (round(16 * (left + 0.5 * w)), round(16 * (top + 0.1 * h)))
    cv2.circle(canvas, center, max(round(16 * 0.1 * h), 1), (150, 175, 205), cv2.FILLED, cv2.LINE_AA, 4)


def _draw_block(cv2: Any, canvas: NDArray[np.uint8], box: tuple[float, ...], color: Any, _: float) -> None:
    _rectangle(cv2, canvas, box, color)


_DRAW = {"car": _draw_car, "person": _draw_person, "block": _draw_block}
