"""The measurements of a run: frames, statuses, latencies and ages, during the run and at its end."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from edgetrack.types import BASES, STATUSES, Basis, Status, Track

REMEMBERED = 65_536  # latencies kept for the percentiles; a camera may run for weeks
RECENT_S = 2.0  # span of the live frame rate


@dataclass(frozen=True, slots=True)
class Latency:
    """Percentiles of the time that one ``update`` takes, or of the age of frames, in milliseconds."""

    p50: float
    p95: float
    p99: float


@dataclass(frozen=True, slots=True)
class Summary:
    """The measurements of a finished run."""

    frames: int
    seconds: float  # from requesting the first frame to writing the last one
    fps: float  # frames / seconds: decoding, tracking and writing together
    start_ms: float  # the first frame: text and target are encoded once
    latency_ms: Latency | None  # of the frames after the first; None when there were none
    dropped: int  # frames of a live source that were skipped because newer ones had arrived
    statuses: dict[Status, int]  # frames in each status
    bases: dict[Basis, int]  # frames by the basis of their box
    interrupted: bool  # ended by Ctrl-C
    problem: str | None  # why the source ended early, if it did
    targets: dict[str, Summary] = field(default_factory=dict)  # of each target, in a run with several
    counts: dict[str, str] = field(default_factory=dict)  # counts of each query, zone and line, in words
    failed: dict[str, str] = field(default_factory=dict)  # targets that failed in the last frame, and why
    age_ms: Latency | None = None  # ages of the frames when their tracks were ready; None for files
    too_old: int = 0  # frames of a live source that were skipped because of max_age_ms


class Meter:
    """Counts and times the frames of one run, also for the status line."""

    def __init__(self) -> None:
        self.frames = 0
        self.dropped = self.too_old = 0
        self.lag_ms: float | None = None  # of the last frame
        self.last_latency_ms = 0.0
        self.last_age_ms: float | None = None
        self.start_ms = 0.0
        self.statuses: dict[Status, int] = dict.fromkeys(STATUSES, 0)
        self.bases: dict[Basis, int] = dict.fromkeys(BASES, 0)
        self._latencies: deque[float] = deque(maxlen=REMEMBERED)
        self._ages: deque[float] = deque(maxlen=REMEMBERED)
        self._opened_s = time.perf_counter()
        self._recent: deque[float] = deque()

    def record(self, *tracks: Track, latency_ms: float, dropped: int, age_ms: float | None = None) -> None:
        """Record one finished frame, its tracks, and its age when they were ready."""
        now_s = time.perf_counter()
        self._recent.append(now_s)
        while self._recent[0] < now_s - RECENT_S:
            self._recent.popleft()
        self.last_latency_ms, self.last_age_ms = latency_ms, age_ms
        if self.frames == 0:
            self.start_ms = latency_ms
        else:
            self._latencies.append(latency_ms)
        if age_ms is not None:
            self._ages.append(age_ms)
        self.frames += 1
        self.dropped = dropped
        for track in tracks:
            if track.status in self.statuses:
                self.statuses[track.status] += 1
            self.bases[track.basis] += 1

    @property
    def recent_fps(self) -> float:
        """Frames per second over the last two seconds."""
        span_s = self._recent[-1] - self._recent[0] if len(self._recent) > 1 else 0.0
        return (len(self._recent) - 1) / span_s if span_s > 0 else 0.0

    def latency_ms(self, *, last: int | None = None) -> Latency | None:
        """Return percentiles over all remembered updates, or over the ``last`` ones."""
        return _percentiles(self._latencies, last)

    def age_ms(self, *, last: int | None = None) -> Latency | None:
        """Return percentiles of the ages of all remembered frames, or of the ``last`` ones; None for files."""
        return _percentiles(self._ages, last)

    def summary(self, *, interrupted: bool, problem: str | None) -> Summary:
        """Return the measurements so far, and stop the clock."""
        seconds = time.perf_counter() - self._opened_s
        return Summary(
            frames=self.frames,
            seconds=seconds,
            fps=self.frames / seconds if seconds > 0 else 0.0,
            start_ms=self.start_ms,
            latency_ms=self.latency_ms(),
            dropped=self.dropped,
            too_old=self.too_old,
            age_ms=self.age_ms(),
            statuses=dict(self.statuses),
            bases=dict(self.bases),
            interrupted=interrupted,
            problem=problem,
        )


def _percentiles(remembered: deque[float], last: int | None) -> Latency | None:
    values = np.fromiter(remembered, np.float64)
    if values.size == 0:
        return None
    p50, p95, p99 = np.percentile(values[-last:] if last else values, [50, 95, 99])
    return Latency(float(p50), float(p95), float(p99))
