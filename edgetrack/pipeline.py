"""The frame loop of the package: source, tracker, sinks."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgetrack import signals
from edgetrack.errors import ConfigError, SourceError
from edgetrack.events import Event
from edgetrack.io.outputs import Outputs
from edgetrack.io.sinks import Sink
from edgetrack.meter import Meter, Summary
from edgetrack.query import Query
from edgetrack.timing import Timing
from edgetrack.types import Box, Frame, Track
from edgetrack.unusual.watcher import UnusualWatcher
from edgetrack.watching.watcher import Watcher
from edgetrack.zones import Zones

HOPELESS_S = 10.0  # time after which a source is given up if all of its frames are too old


class FrameTracker(Protocol):
    """The interface of `edgetrack.Tracker` that the loop uses."""

    def start(self, frame: NDArray[np.uint8] | Frame, *, text: str | None, box: Box | None) -> Track: ...
    def update(self, frame: NDArray[np.uint8] | Frame, *, deadline_ms: float | None = None) -> Track: ...


class FrameMultiTracker(Protocol):
    """The interface of `edgetrack.MultiTracker` that the loop uses."""

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
    """The interface of `edgetrack.io.sources.Source` that the loop uses: frames, and the number of skipped ones."""

    @property
    def dropped(self) -> int: ...
    def __iter__(self) -> Iterator[Frame]: ...


def run(
    source: FrameSource,
    tracker: FrameTracker,
    sinks: Sequence[Sink] = (),
    *,
    text: str | None = None,
    box: Box | None = None,
    max_frames: int | None = None,
    deadline_ms: float | None = None,
    max_age_ms: float | None = None,
    on_frame: Callable[[Frame, Track, Meter], None] | None = None,
) -> Summary:
    """Track one target through a source; the caller opens and closes source and sinks.

    Ctrl-C ends the run and is reported in the summary, as is a source that breaks off after its first frame: what was
    tracked until then has reached the sinks. A sink that fails gets no more frames; the others continue, and its
    error is raised at the end of the run, or immediately if no sink is left.

    Args:
        source: frames in the order in which they are tracked.
        tracker: started with the first frame.
        sinks: each gets every frame with its track.
        text: description of the target.
        box: box of the target in the first frame.
        max_frames: stop after this many frames.
        deadline_ms: latency budget per frame, from the second one on; see `edgetrack.Tracker.update`.
        max_age_ms: frames of a live source that were captured longer ago are skipped and counted in ``too_old``.
        on_frame: called after each frame.

    Raises:
        ConfigError: neither text nor box is given, or a number is out of range. SourceError: the source has no
            frames. Exception: the error of the first sink that failed.
    """
    if text is None and box is None:
        raise ConfigError("nothing to track; give a text such as 'red car', a box (x, y, w, h), or both")
    _check("deadline_ms", deadline_ms)
    _check("max_age_ms", max_age_ms)
    meter, outputs = Meter(), Outputs(sinks)

    def follow(frame: Frame) -> None:
        began_s = time.perf_counter()
        if meter.frames == 0:
            track = tracker.start(frame, text=text, box=box)
        else:
            track = tracker.update(frame, deadline_ms=deadline_ms)
        latency_ms, age_ms = (time.perf_counter() - began_s) * 1000, frame.age_ms
        with signals.held():  # all outputs end with the same frame
            outputs.write(frame, track, latency_ms=latency_ms)
            meter.record(track, latency_ms=latency_ms, dropped=source.dropped, age_ms=age_ms)
            meter.lag_ms = frame.lag_ms
        if on_frame is not None:
            on_frame(frame, track, meter)

    return _loop(_young(source, max_age_ms, meter), meter, outputs, max_frames, follow)


def run_many(
    source: FrameSource,
    tracker: FrameMultiTracker,
    sinks: Sequence[Sink] = (),
    *,
    max_frames: int | None = None,
    deadline_ms: float | None = None,
    zones: Zones | None = None,
    watcher: Watcher | None = None,
    unusual: UnusualWatcher | None = None,
    max_age_ms: float | None = None,
    on_frame: Callable[[Frame, dict[str, Track], Meter], None] | None = None,
    on_failure: Callable[[str | None, Exception], None] | None = None,
) -> Summary:
    """Track all targets of ``tracker`` through a source; ends as ``run`` does.

    Args:
        source, sinks, max_frames, deadline_ms, max_age_ms: as for ``run``; the deadline is for all targets together.
        tracker: has its targets and queries already.
        zones: zones and lines in the image; their events go to the sinks together with those of the queries.
        watcher: evaluates rules; its alerts go to the sinks together with the other events.
        unusual: reports unusual activity in the same way.
        on_frame: called after each frame.
        on_failure: called when a target fails that did not fail in the previous frame, while the others continue; and
            without a name when targets cannot run as a batch and run one by one instead.

    Raises:
        ConfigError: a number is out of range.
        SourceError: the source has no frames.
        Exception: all targets fail in the first frame, with the error of the first one; or a sink failed.
    """
    _check("deadline_ms", deadline_ms)
    _check("max_age_ms", max_age_ms)
    meter, meters, failures = Meter(), dict[str, Meter](), _Failures(on_failure)
    outputs, observers = Outputs(sinks), [one for one in (zones, watcher, unusual) if one is not None]

    def follow(frame: Frame) -> None:
        began_s = time.perf_counter()
        tracks = tracker.update(frame, deadline_ms=deadline_ms)
        latency_ms, age_ms = (time.perf_counter() - began_s) * 1000, frame.age_ms
        if meter.frames == 0 and not tracks and tracker.failed:
            raise next(iter(tracker.failed.values()))
        events = tracker.events
        for observer in observers:
            events += observer.update(tracks, frame)
        costs_ms = {name: tracker.timing[name].total for name in tracks}
        with signals.held():
            outputs.write_all(frame, tracks, latencies_ms=costs_ms, events=events)
            meter.record(*tracks.values(), latency_ms=latency_ms, dropped=source.dropped, age_ms=age_ms)
            meter.lag_ms = frame.lag_ms
            for name, track in tracks.items():
                if track.query is None:  # a camera may see thousands of objects of queries
                    own = meters.setdefault(name, Meter())
                    own.record(track, latency_ms=costs_ms[name], dropped=source.dropped)
        failures.note(tracker)
        if on_frame is not None:
            on_frame(frame, tracks, meter)

    summary = _loop(_young(source, max_age_ms, meter), meter, outputs, max_frames, follow)
    own = {name: m.summary(interrupted=summary.interrupted, problem=None) for name, m in meters.items()}
    counts = {name: f"{query.count} in view, {query.total} in all" for name, query in tracker.queries.items()}
    for observer in observers:
        counts |= observer.summary
    failed = {name: str(error) for name, error in failures.now.items() if name}
    return replace(summary, targets=own, counts=counts, failed=failed)


class _Failures:
    """Reports each failing target once, until it has worked again.

    Attributes:
        now: Failures in the last frame, by the name of the target, or None for a failure of a batch.
    """

    def __init__(self, tell: Callable[[str | None, Exception], None] | None) -> None:
        self.now: dict[str | None, Exception] = {}
        self._tell = tell

    def note(self, tracker: FrameMultiTracker) -> None:
        """Record the failures in the last frame."""
        errors: list[tuple[str | None, Exception]] = [*tracker.failed.items()]
        if tracker.batch_failure is not None:
            errors.append((None, tracker.batch_failure))
        before, self.now = self.now, dict(errors)
        for name, error in self.now.items():
            if name not in before and self._tell is not None:
                self._tell(name, error)


def _check(name: str, milliseconds: float | None) -> None:
    if milliseconds is not None and not 0 < milliseconds < math.inf:
        raise ConfigError(f"{name} is {milliseconds}; expected a positive number of milliseconds")


def _young(source: FrameSource, max_age_ms: float | None, meter: Meter) -> Iterator[Frame]:
    """Yield the frames that are recent enough, and count the others.

    Raises:
        SourceError: no frame was recent enough from the beginning.
    """
    began_s, gap_s = time.monotonic(), 0.0
    for frame in source:
        age_ms = frame.age_ms
        if max_age_ms is None or age_ms is None or age_ms <= max_age_ms:
            yield replace(frame, gap_s=frame.gap_s + gap_s) if gap_s else frame
            gap_s = 0.0
            continue
        meter.too_old += 1
        gap_s += frame.gap_s
        if signals.stopping():
            raise KeyboardInterrupt
        if meter.frames == 0 and time.monotonic() - began_s > HOPELESS_S:
            raise SourceError(
                f"no frame was younger than {max_age_ms:g} ms for {HOPELESS_S:.0f} s; the last one was "
                f"{age_ms:.0f} ms old; raise --max-age-ms (in Python max_age_ms)"
            )


def _loop(
    frames: Iterator[Frame],
    meter: Meter,
    outputs: Outputs,
    max_frames: int | None,
    follow: Callable[[Frame], None],
) -> Summary:
    if max_frames is not None and max_frames < 1:
        raise ConfigError(f"max_frames is {max_frames}; expected at least 1")
    interrupted, problem = False, None
    try:
        for frame in frames:
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
