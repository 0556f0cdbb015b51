"""Queries: all objects that a phrase names, detected at intervals and tracked in between, each with its own id."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator
from typing import Any, Protocol, cast

import numpy as np

from edgetrack._imports import require
from edgetrack._native import runtime
from edgetrack.errors import ConfigError, FrameError
from edgetrack.events import Event, EventType
from edgetrack.finite import is_finite
from edgetrack.instances import LEAST, SURE, Detection, Instance, Instances, Rules
from edgetrack.timing import Timing
from edgetrack.turned import turned, turned_back
from edgetrack.types import Box, Track

FPS = 30.0  # assumed frame rate for frames without a time
# Delay of a detector pass, even if it finishes earlier, so that a video gives the same tracks on every machine.
LATENCY_S = 0.1
TOLERANCE_S = 0.005  # tolerance for the times of frames
MOST = 16  # maximum number of objects that one query tracks
DETECTIONS = (
    2  # detections per pass, relative to tracked objects: each confident one costs an appearance vector
)
LATEST = 3  # additional frames that a pass may take if a deadline is short

Four = tuple[float, float, float, float]
_log = logging.getLogger("edgetrack.tracker")


class Detector(Protocol):
    """The interface of the C++ detector of a query's phrase."""

    def look(self, pixels: object) -> None: ...
    def wait(self, seconds: float) -> bool: ...
    def detections(self) -> list[tuple[Four, float, list[float]]]: ...
    def describe(self, text: runtime.Text) -> None: ...
    def close(self) -> None: ...


class PhraseDetector:
    """The C++ detector of a phrase, which belongs to a C++ tracker and has a number there."""

    def __init__(self, core: runtime.MultiTracker, text: runtime.Text, most: int) -> None:
        self._core = core
        self._number = core.add_detector(text, LEAST, SURE, DETECTIONS * most)

    def look(self, pixels: Any) -> None:
        """Start a pass on a frame."""
        self._core.look(self._number, pixels)

    def wait(self, seconds: float) -> bool:
        """Wait for its result, at most this long; return whether it is ready."""
        return self._core.wait_for_look(self._number, seconds)

    def detections(self) -> list[tuple[Four, float, list[float]]]:
        """Return the result after it is ready: boxes, scores and, from `SURE` on, appearances."""
        return self._core.detections(self._number)

    def describe(self, text: runtime.Text) -> None:
        """Change the phrase; a pass in progress is discarded."""
        self._core.describe_detector(self._number, text)

    def close(self) -> None:
        """Release the detector."""
        self._core.remove_detector(self._number)


def checked_rules(most: object, confirm: object, **seconds: object) -> Rules:
    """Return the checked parameters of a query.

    Raises:
        ConfigError: a parameter is out of range.
        MissingExtra: SciPy is not installed.
    """
    if not _is_whole(most) or not 1 <= cast(int, most) <= MOST:
        raise ConfigError(f"max is {most!r}; expected a whole number from 1 to {MOST}")
    pair = tuple(confirm) if isinstance(confirm, (tuple, list)) else ()
    if len(pair) != 2 or not all(map(_is_whole, pair)) or not 1 <= pair[0] <= pair[1]:
        raise ConfigError(f"confirm is {confirm!r}; expected (k, n), whole numbers with 1 <= k <= n")
    for name, value in seconds.items():
        if not is_finite(value) or value < 0:
            raise ConfigError(f"{name} is {value!r}; expected a number of seconds, at least 0")
    require("scipy.optimize", "every")
    return Rules(cast(int, most), pair, float(cast(float, seconds["keep_s"])))


def size_of(frame: Any) -> tuple[int, int]:
    """Return width and height of a frame in the form for the C++ tracker."""
    return (frame[1], frame[2]) if isinstance(frame, tuple) else (frame.shape[1], frame.shape[0])


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


class Query:
    """All objects in a video that a phrase names, created by ``MultiTracker.every``.

    Attributes:
        name: Its name among the targets and queries of the tracker.
        text: The phrase.
        max: Maximum number of objects that are tracked at a time.
    """

    def __init__(
        self,
        detector: Detector,
        name: str,
        text: str,
        rules: Rules,
        *,
        interval_s: float,
        concurrent: bool,
        ids: Iterator[int],
        lying: bool = False,
    ) -> None:
        self.name, self.text, self.max = name, text, rules.most
        self._detector, self._interval_s = detector, interval_s
        self._latency_s = LATENCY_S if concurrent else 0.0
        self._instances = Instances(rules, ids)
        self._index, self._frames = -1, 0  # frame number of the tracker; number of frames for this phrase
        self._pending = False  # whether a pass is in progress
        self._begun_s = -math.inf  # time of the frame of the last pass
        self._late = 0  # number of frames by which its result is late
        self._lying = lying
        self._turn, self._side = 0, -1  # turn of the last pass, and of the last one on a rotated frame
        self._size = (0, 0)  # size of the frame of the last pass, before rotation
        self._tracks: tuple[Track, ...] = ()
        self._tentative: tuple[Track, ...] = ()
        self._events: tuple[Event, ...] = ()
        self._timing = Timing(0.0, 0.0, 0.0)
        self._total = self._count = 0

    @property
    def tracks(self) -> tuple[Track, ...]:
        """Tracks of the last frame, by id: "tracking", "uncertain", "lost", and once "ended"."""
        return self._tracks

    @property
    def tentative(self) -> tuple[Track, ...]:
        """Objects found but not confirmed yet; their ``id`` is 0."""
        return self._tentative

    @property
    def events(self) -> tuple[Event, ...]:
        """Events of the last frame: "appeared", "lost", "back", "ended", "count"."""
        return self._events

    @property
    def count(self) -> int:
        """Objects in view now: those that are "tracking" or "uncertain"."""
        return self._count

    @property
    def total(self) -> int:
        """Number of different objects so far, according to their ids."""
        return self._total

    @property
    def timing(self) -> Timing:
        """Time spent in the last frame outside of the detector's thread; ``network`` is the wait for its result."""
        return self._timing

    @property
    def _share(self) -> Timing:
        """Return the share of one track in the time."""
        n, t = max(1, len(self._tracks)), self._timing
        return Timing(t.crop / n, t.network / n, t.other / n)

    def _describe(self, text: str, tokens: runtime.Text) -> None:
        """Change the phrase; current tracks end with the next frame."""
        self._detector.describe(tokens)
        self.text, self._frames, self._pending = text, 0, False
        self._begun_s = -math.inf
        self._instances.end_all()

    def _release(self) -> None:
        """Stop permanently."""
        self._detector.close()
        self._tracks = self._tentative = ()
        self._events, self._count = (), 0

    def _update(
        self, pixels: object, size: tuple[int, int], index: int, time_s: float | None, left_s: float | None
    ) -> None:
        """Process the next frame, number ``index`` of the tracker; ``left_s`` is the time left before the deadline."""
        if self._lying and not isinstance(pixels, np.ndarray):
            raise FrameError(
                "the frame is in GPU memory; expected a frame in host memory, because lying=True rotates it"
            )
        began = time.perf_counter()
        waited = cropped = 0.0
        self._index = index
        now_s = index / FPS if time_s is None else time_s
        if now_s < self._begun_s:  # the clock was set
            self._begun_s = -math.inf
        self._instances.step(size, now_s)
        since_s = now_s - self._begun_s + TOLERANCE_S
        if self._pending and since_s >= self._latency_s and self._in_time(left_s):
            waited += self._land()
        if not self._pending and since_s >= self._interval_s:
            self._instances.begin_look()
            started = time.perf_counter()
            self._turn, self._size = self._next_turn(), size
            self._detector.look(turned(cast(Any, pixels), self._turn))
            cropped = time.perf_counter() - started
            self._pending, self._begun_s, self._late = True, now_s, 0
            if self._frames == 0 or self._latency_s == 0:
                waited += self._land()
        self._frames += 1
        self._publish(size, time_s)
        whole = time.perf_counter() - began
        self._timing = Timing(cropped * 1e3, waited * 1e3, (whole - cropped - waited) * 1e3)

    def _next_turn(self) -> int:
        """Return the next turn: while an object may lie, every second pass is on a rotated frame, on either side."""
        if not self._lying or self._turn or not self._instances.may_lie:
            return 0
        self._side = -self._side
        return self._side

    def _in_time(self, left_s: float | None) -> bool:
        """Return whether the result is ready before the deadline, or must be waited for."""
        if left_s is None or self._late >= LATEST or self._detector.wait(max(left_s, 0.0)):
            return True
        self._late += 1
        return False

    def _land(self) -> float:
        """Process the result of the pass in progress; return the seconds spent waiting for it."""
        began = time.perf_counter()
        self._pending = False
        found = self._detector.detections()
        waited = time.perf_counter() - began
        detections = [
            Detection(
                turned_back(Box(*box), self._turn, self._size), score, np.asarray(looks) if looks else None
            )
            for box, score, looks in found
        ]
        self._instances.see(detections, self._turn)
        return waited

    def _publish(self, size: tuple[int, int], time_s: float | None) -> None:
        events = []
        for kind, one in self._instances.take_news():
            if kind == "appeared":
                self._total += 1
                one.begun = self._index
            events.append(self._event(cast(EventType, kind), time_s, one))
            _log.info("%s: %s in frame %d", self._name_of(one), kind, self._index)
        known = sorted((one for one in self._instances.all if one.id), key=lambda one: one.id)
        self._tracks = tuple(self._track(one, size, time_s) for one in known)
        self._tentative = tuple(self._track(one, size, time_s) for one in self._instances.all if not one.id)
        count = sum(one.in_view for one in known)
        if count != self._count:
            self._count = count
            events.append(self._event("count", time_s, None))
        self._events = tuple(events)

    def _name_of(self, one: Instance) -> str:
        return f"{self.name} #{one.id}"

    def _event(self, kind: EventType, time_s: float | None, one: Instance | None) -> Event:
        if one is None:
            return Event(kind, self._index, time_s, self.name, count=self._count)
        return Event(kind, self._index, time_s, self.name, self._name_of(one), one.id)

    def _track(self, one: Instance, size: tuple[int, int], time_s: float | None) -> Track:
        seen = one.in_view or one.status == "tentative"
        right, down = (self._instances.ticks * speed for speed in one.motion.velocity)
        return Track(
            _clipped(one.motion.box, size) if seen else None,
            one.score if seen else 0.0,
            one.status,
            self._index - one.begun if one.id else 0,
            "network" if one.fresh else "coasted",
            one.id,
            self._name_of(one) if one.id else self.name,
            time_s,
            (right, down) if seen else None,
            query=self.name,
        )


def _clipped(box: Box, size: tuple[int, int]) -> Box:
    """Clip a box whose center is inside to a frame of (width, height) pixels."""
    x1, y1, x2, y2 = box.xyxy
    x1, x2 = (min(max(x, 0.0), float(size[0])) for x in (x1, x2))
    y1, y2 = (min(max(y, 0.0), float(size[1])) for y in (y1, y2))
    return Box.from_xyxy(x1, y1, x2, y2) if x2 > x1 and y2 > y1 else box
