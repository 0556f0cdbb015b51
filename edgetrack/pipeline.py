"""The frame loop: source, tracker, sinks. The only one in the package."""

from __future__ import annotations

import math
import signal
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgetrack.errors import ConfigError, SourceError
from edgetrack.io.sinks import Sink
from edgetrack.types import BASES, STATUSES, Basis, Box, Frame, Status, Track

REMEMBERED = 65_536  # latencies kept for the percentiles; a camera may run for weeks
SIGNALS = (signal.SIGINT, signal.SIGTERM)
RECENT_S = 2.0  # span of the live frame rate


class FrameTracker(Protocol):
    """What the loop needs of `edgetrack.Tracker`."""

    def start(self, frame: NDArray[np.uint8], *, text: str | None, box: Box | None) -> Track: ...
    def update(self, frame: NDArray[np.uint8], *, deadline_ms: float | None = None) -> Track: ...


class FrameSource(Protocol):
    """What the loop needs of `edgetrack.io.sources.Source`: frames, and how many of them were skipped."""

    @property
    def dropped(self) -> int: ...
    def __iter__(self) -> Iterator[Frame]: ...


@dataclass(frozen=True, slots=True)
class Latency:
    """Percentiles of the time that one ``update`` takes, in milliseconds."""

    p50: float
    p95: float
    p99: float


@dataclass(frozen=True, slots=True)
class Summary:
    """What happened in a run."""

    frames: int
    seconds: float  # from asking for the first frame to the last one written
    fps: float  # frames / seconds: decoding, tracking and writing together
    start_ms: float  # the first frame: text and target are encoded once
    latency_ms: Latency | None  # of the frames after the first; None when there were none
    dropped: int  # frames of a live source that were skipped
    statuses: dict[Status, int]  # frames in each status
    bases: dict[Basis, int]  # frames by what their box rests on
    interrupted: bool  # ended by Ctrl-C
    problem: str | None  # why the source broke off, when it did


class Meter:
    """Counts and times the frames of one run; what the status line reads while it runs."""

    def __init__(self) -> None:
        self.frames = 0
        self.dropped = 0
        self.start_ms = 0.0
        self.statuses: dict[Status, int] = dict.fromkeys(STATUSES, 0)
        self.bases: dict[Basis, int] = dict.fromkeys(BASES, 0)
        self._latencies: deque[float] = deque(maxlen=REMEMBERED)
        self._opened_s = time.perf_counter()
        self._recent: deque[float] = deque()

    def record(self, track: Track, *, latency_ms: float, dropped: int) -> None:
        """Takes note of one finished frame."""
        now_s = time.perf_counter()
        self._recent.append(now_s)
        while self._recent[0] < now_s - RECENT_S:
            self._recent.popleft()
        if self.frames == 0:
            self.start_ms = latency_ms
        else:
            self._latencies.append(latency_ms)
        self.frames += 1
        self.dropped = dropped
        self.statuses[track.status] += 1
        self.bases[track.basis] += 1

    @property
    def recent_fps(self) -> float:
        """Frames per second over the last two seconds."""
        span_s = self._recent[-1] - self._recent[0] if len(self._recent) > 1 else 0.0
        return (len(self._recent) - 1) / span_s if span_s > 0 else 0.0

    def latency_ms(self, *, last: int | None = None) -> Latency | None:
        """Percentiles over all remembered updates, or over the ``last`` ones."""
        values = np.fromiter(self._latencies, np.float64)
        if values.size == 0:
            return None
        p50, p95, p99 = np.percentile(values[-last:] if last else values, [50, 95, 99])
        return Latency(float(p50), float(p95), float(p99))

    def summary(self, *, interrupted: bool, problem: str | None) -> Summary:
        """The figures so far; the clock stops here."""
        seconds = time.perf_counter() - self._opened_s
        return Summary(
            frames=self.frames,
            seconds=seconds,
            fps=self.frames / seconds if seconds > 0 else 0.0,
            start_ms=self.start_ms,
            latency_ms=self.latency_ms(),
            dropped=self.dropped,
            statuses=dict(self.statuses),
            bases=dict(self.bases),
            interrupted=interrupted,
            problem=problem,
        )


def run(
    source: FrameSource,
    tracker: FrameTracker,
    sinks: Sequence[Sink] = (),
    *,
    text: str | None = None,
    box: Box | None = None,
    max_frames: int | None = None,
    deadline_ms: float | None = None,
    on_frame: Callable[[Frame, Track, Meter], None] | None = None,
) -> Summary:
    """Tracks one target through a source; the caller opens and closes source and sinks.

    Ctrl-C ends the run and is reported in the summary, as is a source that breaks off after its first frame:
    what was tracked until then has reached the sinks.

    Args:
        source: frames in the order in which they are tracked.
        tracker: started with the first frame.
        sinks: each gets every frame with its track.
        text: what to look for.
        box: where the target is in the first frame.
        max_frames: stop after so many.
        deadline_ms: what the tracker may take for a frame, from the second one on; see `edgetrack.Tracker.update`.
        on_frame: called after each frame.

    Raises:
        ConfigError: neither text nor box is given, or ``max_frames`` or ``deadline_ms`` is out of range.
        SourceError: the source gave no frame at all.
    """
    if text is None and box is None:
        raise ConfigError("nothing to track; give a text such as 'red car', a box (x, y, w, h), or both")
    if max_frames is not None and max_frames < 1:
        raise ConfigError(f"max_frames is {max_frames}; expected at least 1")
    if deadline_ms is not None and not 0 < deadline_ms < math.inf:
        raise ConfigError(f"deadline_ms is {deadline_ms}; expected a positive number of milliseconds")
    meter = Meter()
    interrupted, problem = False, None
    try:
        for frame in source:
            began_s = time.perf_counter()
            if meter.frames == 0:
                track = tracker.start(frame.pixels, text=text, box=box)
            else:
                track = tracker.update(frame.pixels, deadline_ms=deadline_ms)
            latency_ms = (time.perf_counter() - began_s) * 1000
            with _signals.held():  # all outputs end with the same frame
                for sink in sinks:
                    sink.write(frame, track, latency_ms=latency_ms)
                meter.record(track, latency_ms=latency_ms, dropped=source.dropped)
            if on_frame is not None:
                on_frame(frame, track, meter)
            if meter.frames == max_frames or any(sink.done for sink in sinks):
                break
    except KeyboardInterrupt:
        interrupted = True
    except SourceError as error:
        if meter.frames == 0:
            raise
        problem = str(error)
    return meter.summary(interrupted=interrupted, problem=problem)


class _Signals:
    """Whether a signal ends the run at once or after the frame that is being written. A process has but one set."""

    def __init__(self) -> None:
        self._holding = self._due = False

    def arrive(self) -> None:
        if not self._holding:
            raise KeyboardInterrupt
        self._due = True

    @contextmanager
    def held(self) -> Generator[None, None, None]:
        self._holding = True
        try:
            yield
        finally:
            self._holding, due, self._due = False, self._due, False
        if due:
            raise KeyboardInterrupt


_signals = _Signals()


@contextmanager
def interruptible() -> Generator[None, None, None]:
    """Within it, ``kill`` and ``docker stop`` end a run as Ctrl-C does. For the main thread only."""

    def interrupt(signum: int, frame: object) -> None:
        # The files are being completed from here on: an impatient second signal must not cut them.
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        _signals.arrive()

    before = {number: signal.signal(number, interrupt) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def undisturbed() -> Generator[None, None, None]:
    """Within it, Ctrl-C and ``kill`` do nothing: for the moment in which files are completed."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
