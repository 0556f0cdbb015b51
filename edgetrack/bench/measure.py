"""Runs trackers over the same frames in alternating passes, and measures the time per stage and ratios of times."""

from __future__ import annotations

import math
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from edgetrack.errors import ConfigError, SourceError
from edgetrack.io.sinks import Sink, open_sink
from edgetrack.peers import FrameTracker
from edgetrack.tracker import Tracker
from edgetrack.types import STATUSES, Box, Frame

OWN = ("crop", "network", "decode", "python")  # parts of an update that only edgetrack's own tracker reports
WHOLE = ("read", "update", "publish", "whole")
# 97.5 % quantiles of Student's t, by degrees of freedom.
_STUDENT = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23)
Times = dict[str, NDArray[np.float64]]  # milliseconds per frame, by stage


@dataclass(frozen=True, slots=True)
class Contestant:
    """A tracker that is measured."""

    name: str
    tracker: FrameTracker
    facts: dict[str, str]


@dataclass(frozen=True, slots=True)
class Target:
    """The target: a text, a box in the first frame, or both."""

    text: str | None
    box: Box | None


@dataclass(frozen=True, slots=True)
class Spread:
    """Percentiles over all frames of all passes, in milliseconds."""

    median: float
    p95: float
    p99: float


@dataclass(frozen=True, slots=True)
class Figures:
    """The measurements of one contestant, without the first frame of each pass (``start``)."""

    name: str
    facts: dict[str, str]
    frames: int
    stages: dict[str, Spread]
    states: dict[str, Spread]  # time of an update by the resulting status, for statuses that occurred
    fps: float  # frame rate of the whole pipeline, from reading to publishing
    jitter: float  # 99th percentile of the update time over its median
    cores: float  # mean number of cores that this process kept busy


@dataclass(frozen=True, slots=True)
class Ratio:
    """The ratio of the update times of ``name`` and ``base``, from the medians of each pass."""

    name: str
    base: str
    ratio: float  # geometric mean over the rounds
    low: float  # bounds of the 95 % confidence interval (Student's t, on logarithms)
    high: float


def measure(
    contestants: Sequence[Contestant],
    frames: Callable[[], Iterable[Frame]],
    target: Target,
    *,
    rounds: int,
    limit: int,
    fps: float | None = None,
) -> tuple[list[Figures], list[Ratio]]:
    """Run all contestants on the same frames in alternating passes, after one warm-up pass each.

    Args:
        contestants: trackers; the first one is the baseline of the others.
        frames: function that opens the frames; called for each pass.
        target: target with which each tracker is started.
        rounds: measured passes of each contestant, at least 2.
        limit: maximum frames per pass, including the first one.
        fps: frame rate, as of a camera; None to process frames as fast as possible.

    Raises:
        ConfigError: there are fewer than 2 rounds.
        SourceError: there are fewer than two frames.
    """
    if rounds < 2:
        raise ConfigError(f"rounds is {rounds}; expected at least 2, to compute a confidence interval")
    passes: list[list[Times]] = [[] for _ in contestants]
    busy = [0.0] * len(contestants)
    with TemporaryDirectory() as folder:
        for number in range(rounds + 1):
            order = list(enumerate(contestants))
            for i, contestant in order if number % 2 else reversed(order):  # no contestant is always first
                with open_sink(Path(folder) / f"{i}.jsonl") as sink:
                    begun_s, wall_s = time.process_time(), time.perf_counter()
                    times = _pass(contestant.tracker, islice(frames(), limit), target, sink, fps)
                    used = (time.process_time() - begun_s) / (time.perf_counter() - wall_s)
                if number > 0:
                    passes[i].append(times)
                    busy[i] += used / rounds
    figures = [_figures(c, p, b) for c, p, b in zip(contestants, passes, busy, strict=True)]
    ratios = [
        compare(c.name, contestants[0].name, _medians(p), _medians(passes[0]))
        for c, p in list(zip(contestants, passes, strict=True))[1:]
    ]
    return figures, ratios


def absent(frames: Callable[[], Iterable[Frame]], limit: int) -> Callable[[], Iterable[Frame]]:
    """Return the first ``limit`` frames, blank in the middle third: the target is lost, searched and found again."""

    def without() -> Iterator[Frame]:
        shown = list(islice(frames(), limit))
        for number, frame in enumerate(shown):
            gone = len(shown) <= 3 * number < 2 * len(shown)
            yield replace(frame, pixels=np.full_like(frame.pixels, 127)) if gone else frame

    return without


@contextmanager
def busy_neighbor() -> Iterator[subprocess.Popen[bytes]]:
    """Run a process that keeps one core busy."""
    neighbor = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield neighbor
    finally:
        neighbor.kill()
        neighbor.wait()


def compare(name: str, base: str, times: Sequence[float], base_times: Sequence[float]) -> Ratio:
    """Return the ratio of two series from alternating passes, with its 95 % confidence interval."""
    logs = np.log(times) - np.log(base_times)
    freedom = len(logs) - 1
    student = _STUDENT[freedom - 1] if freedom <= len(_STUDENT) else 1.96 + 2.4 / freedom
    middle, half = float(logs.mean()), student * float(logs.std(ddof=1)) / math.sqrt(len(logs))
    return Ratio(name, base, math.exp(middle), math.exp(middle - half), math.exp(middle + half))


def _pass(
    tracker: FrameTracker, frames: Iterator[Frame], target: Target, sink: Sink, fps: float | None
) -> Times:
    rows: list[dict[str, float]] = []
    begun_s = started_s = time.perf_counter()
    for frame in frames:
        read_s = time.perf_counter()
        first = not rows
        track = (
            tracker.start(frame.pixels, text=target.text, box=target.box)
            if first
            else tracker.update(frame.pixels)
        )
        tracked_s = time.perf_counter()
        sink.write(frame, track, latency_ms=(tracked_s - read_s) * 1e3)
        ended_s = time.perf_counter()
        row = {"read": read_s - begun_s, "update": tracked_s - read_s, "publish": ended_s - tracked_s}
        state = float(STATUSES.index(track.status))
        row = {name: value * 1e3 for name, value in {**row, "whole": ended_s - begun_s}.items()}
        rows.append({**row, **_own(tracker, row["update"]), "state": state})
        if fps is not None:
            time.sleep(max(0.0, started_s + len(rows) / fps - time.perf_counter()))
        begun_s = time.perf_counter()
    if len(rows) < 2:
        raise SourceError(f"the source has {len(rows)} frames; expected at least 2 to measure an update")
    return {name: np.array([row[name] for row in rows[1:]]) for name in rows[0]}


def _own(tracker: FrameTracker, update_ms: float) -> dict[str, float]:
    if not isinstance(tracker, Tracker):
        return {}
    t = tracker.timing
    return {
        "crop": t.crop,
        "network": t.network,
        "decode": t.other,
        "python": update_ms - t.crop - t.network - t.other,
    }


def _figures(contestant: Contestant, passes: Sequence[Times], busy: float) -> Figures:
    together = {name: np.concatenate([p[name] for p in passes]) for name in passes[0]}
    stages = {name: _spread(together[name]) for name in (*WHOLE, *OWN) if name in together}
    return Figures(
        name=contestant.name,
        facts=contestant.facts,
        frames=len(together["whole"]),
        stages=stages,
        states={
            status: _spread(together["update"][together["state"] == i])
            for i, status in enumerate(STATUSES)
            if (together["state"] == i).any()
        },
        fps=1e3 / float(together["whole"].mean()),
        jitter=stages["update"].p99 / stages["update"].median,
        cores=busy,
    )


def _medians(passes: Sequence[Times]) -> list[float]:
    return [float(np.median(p["update"])) for p in passes]


def _spread(values: NDArray[np.float64]) -> Spread:
    median, p95, p99 = (float(v) for v in np.percentile(values, (50, 95, 99)))
    return Spread(median, p95, p99)
