"""The frame loop: source, tracker, sinks. The only one in the package."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgetrack import signals
from edgetrack.errors import ConfigError, SourceError
from edgetrack.events import Event
from edgetrack.io.outputs import Outputs
from edgetrack.io.sinks import Sink
from edgetrack.query import Query
from edgetrack.types import BASES, STATUSES, Basis, Box, Frame, Status, Timing, Track
from edgetrack.zones import Zones

REMEMBERED = 65_536  # latencies kept for the percentiles; a camera may run for weeks
RECENT_S = 2.0  # span of the live frame rate


class FrameTracker(Protocol):
    """What the loop needs of `edgetrack.Tracker`."""

    def start(self, frame: NDArray[np.uint8], *, text: str | None, box: Box | None) -> Track: ...
    def update(self, frame: NDArray[np.uint8], *, deadline_ms: float | None = None) -> Track: ...


class FrameMultiTracker(Protocol):
    """What the loop needs of `edgetrack.MultiTracker`."""

    @property
    def failed(self) -> Mapping[str, Exception]: ...
    @property
    def timing(self) -> Mapping[str, Timing]: ...
    @property
    def batch_failure(self) -> Exception | None: ...
    @property
    def queries(self) -> Mapping[str, Query]: ...
    @property
    def events(self) -> tuple[Event, ...]: ...
    def update(self, frame: Frame, *, deadline_ms: float | None = None) -> dict[str, Track]: ...


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
    targets: dict[str, Summary] = field(default_factory=dict)  # of each, in a run with several
    counts: dict[str, str] = field(default_factory=dict)  # of each query, zone and line, in words
    failed: dict[str, str] = field(default_factory=dict)  # targets that failed in the last frame, and why


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

    def record(self, *tracks: Track, latency_ms: float, dropped: int) -> None:
        """Takes note of one finished frame and of the tracks in it."""
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
    what was tracked until then has reached the sinks. A sink that fails gets no more frames; the others go on, and
    what it raised is raised at the end of the run, which comes at once when no sink is left.

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
        Exception: what the first of the sinks that failed has raised.
    """
    if text is None and box is None:
        raise ConfigError("nothing to track; give a text such as 'red car', a box (x, y, w, h), or both")
    _check(deadline_ms)
    meter, outputs = Meter(), Outputs(sinks)

    def follow(frame: Frame) -> None:
        began_s = time.perf_counter()
        if meter.frames == 0:
            track = tracker.start(frame.pixels, text=text, box=box)
        else:
            track = tracker.update(frame.pixels, deadline_ms=deadline_ms)
        latency_ms = (time.perf_counter() - began_s) * 1000
        with signals.held():  # all outputs end with the same frame
            outputs.write(frame, track, latency_ms=latency_ms)
            meter.record(track, latency_ms=latency_ms, dropped=source.dropped)
        if on_frame is not None:
            on_frame(frame, track, meter)

    return _loop(source, meter, outputs, max_frames, follow)


def run_many(
    source: FrameSource,
    tracker: FrameMultiTracker,
    sinks: Sequence[Sink] = (),
    *,
    max_frames: int | None = None,
    deadline_ms: float | None = None,
    zones: Zones | None = None,
    on_frame: Callable[[Frame, dict[str, Track], Meter], None] | None = None,
    on_failure: Callable[[str | None, Exception], None] | None = None,
) -> Summary:
    """Tracks all targets of ``tracker`` through a source; ends as ``run`` does.

    Args:
        source, sinks, max_frames, deadline_ms: as for ``run``; the deadline is for all targets together.
        tracker: has its targets and queries already.
        zones: what is watched in the picture; its events go to the sinks with those of the queries.
        on_frame: called after each frame.
        on_failure: called when a target fails that did not fail in the frame before, the others go on; and without a
            name when several cannot go through the network together and take turns instead.

    Raises:
        ConfigError: ``max_frames`` or ``deadline_ms`` is out of range.
        SourceError: the source gave no frame at all.
        Exception: every target fails in the first frame; it is what the first one failed with. Or a sink failed.
    """
    _check(deadline_ms)
    meter, meters, failed = Meter(), dict[str, Meter](), dict[str | None, Exception]()
    outputs = Outputs(sinks)

    def follow(frame: Frame) -> None:
        began_s = time.perf_counter()
        tracks = tracker.update(frame, deadline_ms=deadline_ms)
        latency_ms = (time.perf_counter() - began_s) * 1000
        if meter.frames == 0 and not tracks and tracker.failed:
            raise next(iter(tracker.failed.values()))
        events = tracker.events
        if zones is not None:
            events += zones.update(tracks, frame)
        costs_ms = {name: tracker.timing[name].total for name in tracks}
        with signals.held():
            outputs.write_all(frame, tracks, latencies_ms=costs_ms, events=events)
            meter.record(*tracks.values(), latency_ms=latency_ms, dropped=source.dropped)
            for name, track in tracks.items():
                if track.query is None:  # of the others, a camera may see thousands
                    own = meters.setdefault(name, Meter())
                    own.record(track, latency_ms=costs_ms[name], dropped=source.dropped)
        now: dict[str | None, Exception] = {target: error for target, error in tracker.failed.items()}  # noqa: C416
        if tracker.batch_failure is not None:
            now[None] = tracker.batch_failure
        fresh = {name: error for name, error in now.items() if name not in failed}
        failed.clear()
        failed.update(now)
        if on_failure is not None:
            for who, error in fresh.items():
                on_failure(who, error)
        if on_frame is not None:
            on_frame(frame, tracks, meter)

    summary = _loop(source, meter, outputs, max_frames, follow)
    own = {name: m.summary(interrupted=summary.interrupted, problem=None) for name, m in meters.items()}
    counts = {name: f"{query.count} in view, {query.total} in all" for name, query in tracker.queries.items()}
    if zones is not None:
        counts |= zones.summary
    lost = {name: str(error) for name, error in failed.items() if name}
    return replace(summary, targets=own, counts=counts, failed=lost)


def _check(deadline_ms: float | None) -> None:
    if deadline_ms is not None and not 0 < deadline_ms < math.inf:
        raise ConfigError(f"deadline_ms is {deadline_ms}; expected a positive number of milliseconds")


def _loop(
    source: FrameSource,
    meter: Meter,
    outputs: Outputs,
    max_frames: int | None,
    follow: Callable[[Frame], None],
) -> Summary:
    if max_frames is not None and max_frames < 1:
        raise ConfigError(f"max_frames is {max_frames}; expected at least 1")
    interrupted, problem = False, None
    try:
        for frame in source:
            follow(frame)
            if meter.frames == max_frames or outputs.done:
                break
            if signals.stopping():
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        interrupted = True
    except SourceError as error:
        if meter.frames == 0:
            raise
        problem = str(error)
    if outputs.failures:
        raise outputs.failures[0][1]
    return meter.summary(interrupted=interrupted, problem=problem)
