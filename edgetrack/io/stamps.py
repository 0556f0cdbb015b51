"""Timestamps of the frames of a live source, and the lag of a stream."""

from __future__ import annotations

import time
from collections import deque

import numpy as np
from numpy.typing import NDArray

from edgetrack.types import Frame

REMEMBERED_S = 120.0  # time window of the smallest delay
APART_S = 2.0  # maximum difference of presentation time and our clock; beyond that, one of them has jumped


class Lag:
    """Measures how much later frames arrive than the one with the smallest delay in the last two minutes.

    The difference between our clock and the stream's is meaningless in itself, but its growth is the lag.
    """

    def __init__(self) -> None:
        self._least: deque[tuple[float, float]] = deque()  # (time, delay), with ascending delays

    def add(self, arrived_s: float, pts_s: float) -> float:
        """Add a frame and return its lag in seconds."""
        delay_s = arrived_s - pts_s
        while self._least and self._least[-1][1] >= delay_s:
            self._least.pop()
        self._least.append((arrived_s, delay_s))
        while self._least[0][0] < arrived_s - REMEMBERED_S:
            self._least.popleft()
        return delay_s - self._least[0][1]


class Stamps:
    """Makes the frames of a live source, across all of its connections.

    ``Frame.time_s`` follows the presentation times if there are any, because they have no jitter, unlike arrival times.
    If they stop, jump or run backwards, it continues by our own clock.
    """

    def __init__(self) -> None:
        self._opened_ns: int | None = None
        self._index = self._sequence = self._epoch = 0
        self._lag = Lag()
        self._time_s = -1.0  # of the last frame
        self._offset_s: float | None = None  # from presentation time to our clock

    @property
    def count(self) -> int:
        """Number of frames so far."""
        return self._index

    def reconnected(self) -> None:
        """Note that the next frame comes from a new connection."""
        self._epoch += 1
        self._sequence = 0
        self._lag = Lag()
        self._offset_s = None

    def stamp(self, pixels: NDArray[np.uint8], captured_ns: int, pts_s: float | None) -> Frame:
        """Make the next frame from pixels, uint8 (H, W, 3) BGR, monotonic capture time, and presentation time."""
        if self._opened_ns is None:
            self._opened_ns = captured_ns
        arrived_s = (captured_ns - self._opened_ns) / 1e9
        self._time_s = self._steady(arrived_s, pts_s)
        lag_ms = None if pts_s is None else self._lag.add(arrived_s, pts_s) * 1e3
        frame = Frame(
            pixels,
            self._index,
            self._time_s,
            captured_ns=captured_ns,
            pts_s=pts_s,
            sequence=self._sequence,
            epoch=self._epoch,
            lag_ms=lag_ms,
        )
        self._index += 1
        self._sequence += 1
        return frame

    def _steady(self, arrived_s: float, pts_s: float | None) -> float:
        if pts_s is None:
            return max(arrived_s, self._time_s)
        if self._offset_s is not None:
            time_s = pts_s + self._offset_s
            if time_s > self._time_s and abs(time_s - arrived_s) < APART_S:
                return time_s
        self._offset_s = max(arrived_s, self._time_s + 1e-3) - pts_s
        return pts_s + self._offset_s


def monotonic_ns(driver_ms: float) -> int:
    """Return when the driver filled its buffer, from its timestamp in ms; now, if that is on another clock."""
    now_ns = time.monotonic_ns()
    captured_ns = round(driver_ms * 1e6)
    return captured_ns if 0 <= now_ns - captured_ns < APART_S * 1e9 else now_ns
