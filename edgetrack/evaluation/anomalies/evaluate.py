"""The evaluation of unusual events, from request to report."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone

import numpy as np

from edgetrack.datasets import LAYOUTS, open_dataset
from edgetrack.datasets.anomaly import SPLITS, AnomalyClip, AnomalyLayout, AnomalySet
from edgetrack.errors import ConfigError
from edgetrack.evaluation.anomalies.detectors import DETECTORS, Detector
from edgetrack.evaluation.execution.events import FramesDone, Planned, Provenance
from edgetrack.evaluation.execution.request import Request
from edgetrack.evaluation.metrics.anomaly import AnomalyMetrics, ClipResult, score_anomalies, segments
from edgetrack.reporting import machine
from edgetrack.types import Box, Frame
from edgetrack.unusual import Alarm, Alarms

PER_DAY = 12.0  # false alarms per day for which the thresholds are set
BLOCK_S = 60.0
BLOCKS = 80  # desired number of blocks in all normal clips; short clips make the blocks shorter
TOLD = 200  # frames between two progress reports


@dataclass(frozen=True, slots=True)
class FoundEvent:
    """A period of abnormal frames, and when each detector raised an alarm.

    Attributes:
        clip: name of the clip.
        start_s: start of the period in seconds.
        end_s: end of the period in seconds.
        delays: seconds until the first alarm, by detector; None if the event was missed.
        explanation: explanation of edgetrack's alarm.
    """

    clip: str
    start_s: float
    end_s: float
    delays: dict[str, float | None]
    explanation: str


@dataclass(frozen=True, slots=True)
class AnomalyReport:
    """All results of an evaluation of unusual events.

    Attributes:
        provenance: how the metrics were measured.
        results: results of each clip, by detector.
        metrics: by detector.
        milliseconds: mean time per frame, by detector.
        events: the labeled events.
    """

    provenance: Provenance
    results: dict[str, list[ClipResult]]
    metrics: dict[str, AnomalyMetrics]
    milliseconds: dict[str, float]
    events: Sequence[FoundEvent]


@dataclass(slots=True)
class _Run:
    """One detector with its results so far."""

    name: str
    detector: Detector
    spent_s: float = 0.0
    frames: int = 0
    alarms: list[Alarm] = field(default_factory=list)


def has_anomalies(dataset: str) -> bool:
    """Return whether a dataset of this name has clips with unusual events."""
    return isinstance(LAYOUTS.get(dataset), AnomalyLayout)


def evaluate_anomalies(request: Request) -> Iterator[Planned | FramesDone | AnomalyReport]:
    """Let each detector learn from the normal clips of a scene and score the other clips; nothing is written.

    Args:
        request: request, of which dataset, path, names and command are used.

    Yields:
        `Planned` and `FramesDone`, finally an `AnomalyReport`.

    Raises:
        EdgetrackError: an input is missing, invalid or unreadable.
    """
    if request.output.exists() and (not request.output.is_dir() or any(request.output.iterdir())):
        raise ConfigError(
            f"{request.output} contains other files; expected an empty folder: choose another --output"
        )
    train, tests = (_clips(request, split) for split in SPLITS)
    tests = [clip for clip in tests if not request.names or clip.name in request.names]
    if not tests:
        raise ConfigError(f"{request.path} has no test clips; correct the path or --sequences")
    yield Planned(sum(len(clip.frames) for clip in (*train, *tests)))
    results: dict[str, list[ClipResult]] = {name: [] for name in DETECTORS}
    spent: dict[str, list[float]] = {name: [0.0, 0.0] for name in DETECTORS}
    events: list[FoundEvent] = []
    blocks: list[float] = []
    for scene in dict.fromkeys(clip.scene for clip in tests):
        own = [clip for clip in train if clip.scene == scene]
        seconds = sum(len(clip.frames) / clip.fps for clip in own)
        blocks.append(min(BLOCK_S, max(seconds / BLOCKS, 0.2)))
        runs = [_Run(name, make(blocks[-1])) for name, make in DETECTORS.items()]
        for clip in own:
            yield from _learn(runs, clip)
        for clip in (clip for clip in tests if clip.scene == scene):
            yield from _test(runs, clip, results)
            events += _found(runs, clip)
        for run in runs:
            spent[run.name][0] += run.spent_s
            spent[run.name][1] += run.frames
    yield AnomalyReport(
        _provenance(request, train, tests, blocks),
        results,
        {name: score_anomalies(found) for name, found in results.items()},
        {name: 1000 * seconds / max(frames, 1) for name, (seconds, frames) in spent.items()},
        events,
    )


def _clips(request: Request, split: str) -> list[AnomalyClip]:
    opened = open_dataset(request.dataset, request.path, split)
    assert isinstance(opened, AnomalySet)
    return list(opened)


def _learn(runs: Sequence[_Run], clip: AnomalyClip) -> Iterator[FramesDone]:
    for run in runs:
        run.detector.begin()
    for index, pixels in enumerate(clip.frames):
        frame = Frame(pixels, index, index / clip.fps)
        for run in runs:
            run.detector.learn(frame)
        if index % TOLD == TOLD - 1:
            yield FramesDone(TOLD)
    yield FramesDone(len(clip.frames) % TOLD)


def _test(
    runs: Sequence[_Run], clip: AnomalyClip, results: dict[str, list[ClipResult]]
) -> Iterator[FramesDone]:
    limits = [run.detector.limit(PER_DAY) for run in runs]
    alarms = [Alarms() for _ in runs]
    seen: list[list[tuple[float, list[tuple[Box, float]]]]] = [[] for _ in runs]
    for run in runs:
        run.detector.begin()
        run.alarms = []
    for index, pixels in enumerate(clip.frames):
        frame = Frame(pixels, index, index / clip.fps)
        for run, limit, own, record in zip(runs, limits, alarms, seen, strict=True):
            begun = time.perf_counter()
            said = run.detector.assess(frame)
            run.spent_s += time.perf_counter() - begun
            record.append((said.score, [(region.box, region.score) for region in said.regions]))
            if ended := own.update(said, limit)[1]:
                run.alarms.append(ended)
        if index % TOLD == TOLD - 1:
            yield FramesDone(TOLD)
    for run, own, record in zip(runs, alarms, seen, strict=True):
        run.frames += len(record)
        run.alarms += [last for last in [own.close()] if last is not None]
        results[run.name].append(
            ClipResult(
                clip.name,
                clip.fps,
                np.array([score for score, _ in record]),
                [regions for _, regions in record],
                [(round(a.start_s * clip.fps), round(a.end_s * clip.fps) + 1) for a in run.alarms],
                clip.abnormal,
                clip.truth,
            )
        )
    yield FramesDone(len(clip.frames) % TOLD)


def _found(runs: Sequence[_Run], clip: AnomalyClip) -> Iterator[FoundEvent]:
    for first, end in segments(clip.abnormal):
        start_s, end_s = first / clip.fps, end / clip.fps
        delays: dict[str, float | None] = {}
        said = ""
        for run in runs:
            hits = [alarm for alarm in run.alarms if alarm.start_s < end_s and alarm.end_s >= start_s]
            delays[run.name] = max(hits[0].start_s - start_s, 0.0) if hits else None
            if hits and run.name == "edgetrack":
                said = max(hits, key=lambda alarm: alarm.region.score).region.explanation
        yield FoundEvent(clip.name, start_s, end_s, delays, said)


def _provenance(
    request: Request, train: Sequence[AnomalyClip], tests: Sequence[AnomalyClip], blocks: Sequence[float]
) -> Provenance:
    hours = [sum(len(clip.frames) / clip.fps for clip in clips) / 3600 for clips in (train, tests)]
    notes = [f"Thresholds are set for {PER_DAY:g} false alarms per day, calibrated on normal clips only."]
    if min(blocks) < BLOCK_S:
        notes.append(
            f"There is little data to learn from: blocks of {min(blocks):.1f} s instead of {BLOCK_S:.0f} s, "
            "so thresholds are far beyond what was observed."
        )
    if {clip.scene for clip in tests} - {clip.scene for clip in train}:
        notes.append("Some scenes have no normal clips to calibrate on: no alarms are raised there.")
    return Provenance(
        request.command,
        datetime.now(timezone.utc).isoformat(timespec="seconds"),
        f"{request.dataset} in {request.path.resolve()}: {len(train)} normal clips of {hours[0]:.2f} hours, "
        f"{len(tests)} clips of {hours[1]:.2f} hours with events",
        {**request.settings(), "false alarms a day": PER_DAY},
        {},
        machine.facts(),
        tuple(notes),
    )
