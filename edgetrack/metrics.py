"""Metrics of a run in progress: a page for Prometheus, and a health check for orchestrators."""

from __future__ import annotations

import json
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from edgetrack.exposition import Family, exposition
from edgetrack.io.states import SourceState, StateName
from edgetrack.types import STATUSES

if TYPE_CHECKING:
    from edgetrack.io.source import Source
    from edgetrack.meter import Meter
    from edgetrack.types import Frame, Track

WINDOW = 1800  # frames from which percentiles are computed: a minute at 30 FPS
QUANTILES = (0.5, 0.95, 0.99)
HUNG_S = 10.0  # time without a tracked frame from a live source, after which the run counts as hung
Counted = Callable[[], Mapping[str, int]]


class Durations:
    """Time spent in each state, by the monotonic clock."""

    def __init__(self, state: str) -> None:
        self.state = state
        self._since_s = time.monotonic()
        self._seconds: dict[str, float] = {}

    def become(self, state: str) -> None:
        """Change to another state."""
        now_s = time.monotonic()
        self._seconds[self.state] = self._seconds.get(self.state, 0.0) + now_s - self._since_s
        self.state, self._since_s = state, now_s

    def seconds(self) -> dict[str, float]:
        """Return the seconds in each state so far, including the current one."""
        return {
            **self._seconds,
            self.state: self._seconds.get(self.state, 0.0) + time.monotonic() - self._since_s,
        }


class Recent:
    """The values of the last frames, and the count and sum of all values."""

    def __init__(self) -> None:
        self.count, self.sum = 0, 0.0
        self._values: deque[float] = deque(maxlen=WINDOW)

    def add(self, value: float) -> None:
        """Add the value of a frame."""
        self.count += 1
        self.sum += value
        self._values.append(value)

    def copy(self) -> tuple[int, float, tuple[float, ...]]:
        """Return count, sum and the last values."""
        return self.count, self.sum, tuple(self._values)


class RunMetrics:
    """Collects the metrics of a run. The run updates them; the threads of a web server read them.

    The lock is only held to copy numbers. Percentiles and text are computed without it, so tracking never waits for a
    reader.

    Args:
        source: Where the frames come from; its state, drops and reconnections are read for each page.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._states = Durations(source.state.name)
        self._updates, self._ages, self._lags = Recent(), Recent(), Recent()
        self._frames = self._dropped = self._too_old = 0
        self._began_s = time.time()
        self._last_s: float | None = None  # of the last tracked frame, on the monotonic clock
        self._targets: dict[str, tuple[Durations, float]] = {}  # with the last score
        self._queries: Mapping[str, int] = {}
        self._facts: Mapping[str, str] = {}
        self._count_queries: Counted = dict
        self._count_dropped: Counted = dict
        self._count_undelivered: Counted = dict
        self._count_failed: Callable[[], int] = int

    def begin(
        self,
        facts: Mapping[str, str],
        *,
        queries: Counted,
        dropped: Counted,
        undelivered: Counted,
        failed: Callable[[], int],
    ) -> None:
        """Set the parts of the run, before its first frame.

        Args:
            facts: Labels of ``edgetrack_info``, such as the model.
            queries: Returns the number of objects in view by query; called for each frame.
            dropped: Returns the number of dropped frames by output; this and the following are called for each page.
            undelivered: Returns the number of undelivered events by service.
            failed: Returns the number of outputs that have failed.
        """
        self._facts, self._count_queries = dict(facts), queries
        self._count_dropped, self._count_undelivered, self._count_failed = dropped, undelivered, failed

    def become(self, state: SourceState) -> None:
        """Record a new state of the source."""
        with self._lock:
            self._states.become(state.name)

    def update(self, frame: Frame, tracks: Mapping[str, Track], meter: Meter) -> None:
        """Record a tracked frame."""
        queries = self._count_queries()
        with self._lock:
            self._frames, self._dropped, self._too_old = meter.frames, meter.dropped, meter.too_old
            self._queries = queries
            self._last_s = time.monotonic()
            if meter.frames > 1:  # the first one encodes the text
                self._updates.add(meter.last_latency_ms / 1000)
            if meter.last_age_ms is not None:
                self._ages.add(meter.last_age_ms / 1000)
            if meter.lag_ms is not None:
                self._lags.add(meter.lag_ms / 1000)
            self._targets = {
                name: (self._durations(name, track.status), track.score)
                for name, track in tracks.items()
                if track.query is None  # objects of queries are counted, because there may be thousands
            }

    def _durations(self, name: str, status: str) -> Durations:
        durations = self._targets[name][0] if name in self._targets else Durations(status)
        durations.become(status)
        return durations

    def page(self) -> bytes:
        """Return all metrics in the text format of Prometheus, version 0.0.4."""
        return exposition([*self.families(), *of_process(self._began_s)])

    def families(self) -> list[Family]:
        """Return the metrics of the run, without those of the process."""
        with self._lock:
            recent = [recent.copy() for recent in (self._updates, self._ages, self._lags)]
            states = (self._states.state, self._states.seconds())
            targets = {name: (d.state, d.seconds(), score) for name, (d, score) in self._targets.items()}
            frames, queries = self._frames, self._queries
            dropped = {"newer": self._dropped, "too_old": self._too_old, "broken": self._source.broken}
        return [
            Family("edgetrack_info", "gauge", "Version, model and engine of the run.", [(self._facts, 1)]),
            Family("edgetrack_frames_total", "counter", "Frames that were tracked.", [({}, frames)]),
            Family(
                "edgetrack_frames_dropped_total",
                "counter",
                "Frames that were skipped for newer ones, older than --max-age-ms, or not decodable.",
                _by("cause", dropped),
            ),
            _summary("edgetrack_update_seconds", "Time to track a frame.", *recent[0]),
            _summary("edgetrack_frame_age_seconds", "From the capture of a frame to its track.", *recent[1]),
            _summary("edgetrack_frame_lag_seconds", "Delay that the stream has accumulated.", *recent[2]),
            *self._of_source(*states),
            *_of_targets(targets),
            Family("edgetrack_query_objects", "gauge", "Objects of a query in view.", _by("query", queries)),
            *self._of_outputs(),
        ]

    def _of_source(self, state: str, seconds: Mapping[str, float]) -> list[Family]:
        names = get_args(StateName)
        now = self._source.state.name  # more recent than what `become` was called with
        return [
            Family(
                "edgetrack_source_state",
                "gauge",
                "1 for the current state of the source, 0 for the others.",
                _one_of("state", names, now),
            ),
            Family(
                "edgetrack_source_state_seconds_total",
                "counter",
                "Time in each state of the source.",
                _by("state", {name: seconds.get(name, 0.0) for name in names}),
            ),
            Family(
                "edgetrack_source_reconnects_total",
                "counter",
                "Reconnections.",
                [({}, self._source.reconnects)],
            ),
        ]

    def _of_outputs(self) -> list[Family]:
        return [
            Family(
                "edgetrack_output_frames_dropped_total",
                "counter",
                "Frames that an output was too slow to take.",
                _by("output", self._count_dropped()),
            ),
            Family(
                "edgetrack_events_undelivered",
                "gauge",
                "Events not yet delivered to a service.",
                _by("service", self._count_undelivered()),
            ),
            Family(
                "edgetrack_outputs_failed",
                "gauge",
                "Outputs that have failed.",
                [({}, self._count_failed())],
            ),
        ]

    def health(self) -> tuple[bool, bytes]:
        """Return whether frames are being tracked, and `condition` as JSON."""
        said = self.condition()
        return bool(said["live"]), json.dumps(said).encode() + b"\n"

    def condition(self) -> dict[str, Any]:
        """Return whether frames are being tracked as "live", and the reason if they are not as "why"."""
        state, last_s = self._source.state, self._last_s
        idle_s = None if last_s is None else time.monotonic() - last_s
        if idle_s is None:
            why = "no frame has been tracked yet"
        elif state.name != "live":
            why = f"source {state}"
        elif idle_s > HUNG_S:
            why = f"the source is live, and no frame has been tracked for {idle_s:.0f} s"
        else:
            why = ""
        said: dict[str, Any] = {"live": not why, "why": why or None, "source": state.name, "code": state.code}
        said["last_frame_s"] = None if idle_s is None else round(idle_s, 3)
        return said


def of_process(began_s: float) -> list[Family]:
    """Return the process metrics, with the names that all Prometheus exporters use."""
    found = [
        Family("process_start_time_seconds", "gauge", "Unix time of the start.", [({}, began_s)]),
        Family("process_cpu_seconds_total", "counter", "Processor time.", [({}, time.process_time())]),
    ]
    process = Path("/proc/self")
    if not process.exists():  # not Linux
        return found
    resident = int((process / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    opened = len(list((process / "fd").iterdir()))
    return [
        *found,
        Family("process_resident_memory_bytes", "gauge", "Resident memory.", [({}, resident)]),
        Family("process_open_fds", "gauge", "Open files.", [({}, opened)]),
    ]


def _by(label: str, values: Mapping[str, float]) -> list[tuple[Mapping[str, str], float]]:
    return [({label: name}, value) for name, value in values.items()]


def _one_of(label: str, names: Sequence[str], now: str) -> list[tuple[Mapping[str, str], float]]:
    return [({label: name}, int(name == now)) for name in names]


def _of_targets(targets: Mapping[str, tuple[str, Mapping[str, float], float]]) -> list[Family]:
    states, seconds, scores = [], [], []
    for name, (now, times, score) in targets.items():
        states += [({"target": name, **one}, value) for one, value in _one_of("state", STATUSES, now)]
        seconds += [({"target": name, "state": state}, s) for state, s in times.items()]
        scores.append(({"target": name}, score))
    return [
        Family(
            "edgetrack_target_state",
            "gauge",
            "1 for the current state of the target, 0 for the others.",
            states,
        ),
        Family(
            "edgetrack_target_state_seconds_total", "counter", "Time in each state of the target.", seconds
        ),
        Family("edgetrack_target_score", "gauge", "Confidence in the box.", scores),
    ]


def _summary(name: str, help: str, count: int, sum: float, values: Sequence[float]) -> Family:
    """Return recent percentiles, and count and sum of all values; without values, the percentiles are NaN."""
    quantiles = np.quantile(values, QUANTILES) if values else np.full(len(QUANTILES), np.nan)
    samples: list[tuple[Mapping[str, str], float]] = [
        ({"quantile": f"{q:g}"}, float(value)) for q, value in zip(QUANTILES, quantiles, strict=True)
    ]
    return Family(name, "summary", help, samples, count, sum)
