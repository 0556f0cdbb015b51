"""The evaluation of ``MultiTracker.every``, from request to report."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import numpy as np

from edgetrack.datasets import LAYOUTS
from edgetrack.datasets.crowds import Crowd, CrowdLayout, CrowdSet
from edgetrack.datasets.sequence import Frames, Pixels
from edgetrack.errors import ConfigError
from edgetrack.evaluation.execution.dataset import open_split
from edgetrack.evaluation.execution.events import FramesDone, Planned, Provenance
from edgetrack.evaluation.execution.request import OpenTracker, Request
from edgetrack.evaluation.metrics.identity import Frame, IdentityCounts, count_wrong, identity_counts
from edgetrack.evaluation.trackers.registry import model_and_precision
from edgetrack.evaluation.types import OWN
from edgetrack.reporting import machine
from edgetrack.types import Box
from edgetrack.types import Frame as Picture

MOST = 16  # maximum number of objects followed at the same time


@dataclass(frozen=True, slots=True)
class WorstFrame:
    """The frame of a sequence with the most missed and false boxes."""

    index: int
    wrong: int  # number of missed and false boxes
    truth: tuple[Box, ...]
    found: tuple[Box, ...]
    frames: Frames  # frames of the sequence, from which the image can be read again

    def read(self) -> Pixels:
        """Return the image, uint8 (H, W, 3), BGR.

        Raises:
            DatasetError: it cannot be read.
        """
        return self.frames[self.index]


@dataclass(frozen=True, slots=True)
class CrowdResult:
    """The result of one tracker on one sequence."""

    tracker: str
    sequence: str
    text: str
    counts: IdentityCounts
    milliseconds: float  # mean time per frame
    worst: WorstFrame | None = None  # None if no box is wrong, and in the total over all sequences


@dataclass(frozen=True, slots=True)
class CrowdReport:
    """All results of an evaluation of ``every``.

    Attributes:
        provenance: how the metrics were measured.
        results: results of each sequence, by tracker.
    """

    provenance: Provenance
    results: Sequence[Sequence[CrowdResult]]


def has_crowds(dataset: str) -> bool:
    """Return whether a dataset of this name has sequences with many objects."""
    return isinstance(LAYOUTS.get(dataset), CrowdLayout)


def evaluate_crowds(
    request: Request, *, open_multi: OpenTracker
) -> Iterator[Planned | FramesDone | CrowdReport]:
    """Follow all objects of each sequence, and yield the progress; the last item is the report. Nothing is written.

    Args:
        request: request, of which dataset, path, split, names, trackers and command are used.
        open_multi: function that opens a ``MultiTracker``, with the arguments ``model`` and ``precision``.

    Yields:
        `Planned` and `FramesDone` for each sequence, finally a `CrowdReport`.

    Raises:
        EdgetrackError: an input is missing, invalid or unreadable.
    """
    if request.output.exists() and (not request.output.is_dir() or any(request.output.iterdir())):
        raise ConfigError(
            f"{request.output} contains other files; expected an empty folder: choose another --output"
        )
    if strange := [name for name in request.trackers if name.partition(":")[0] != OWN]:
        raise ConfigError(
            f"tracker {strange[0]} tracks one target only, but {request.dataset} has many objects: leave "
            "this tracker out"
        )
    opened = open_split(request.dataset, request.path, request.split)
    assert isinstance(opened, CrowdSet)
    results: list[list[CrowdResult]] = [[] for _ in request.trackers]
    facts: dict[str, dict[str, str]] = {}
    frames = 0
    for crowd in opened:
        if request.names and crowd.name not in request.names:
            continue
        frames += len(crowd.frames) * len(request.trackers)
        yield Planned(frames)
        for name, found in zip(request.trackers, results, strict=True):
            model, precision = model_and_precision(name)
            with closing(open_multi(model=model or None, precision=precision or None)) as many:
                facts[name] = {"model": many.engine.bundle.manifest.name, "precision": many.engine.precision}
                found.append(_follow(name, crowd, many))
            yield FramesDone(len(crowd.frames))
    if not frames:
        raise ConfigError(
            f"{request.dataset} has no sequence {', '.join(request.names)}; correct --sequences"
        )
    provenance = Provenance(
        request.command,
        datetime.now(timezone.utc).isoformat(timespec="seconds"),
        f"{request.dataset} ({opened.split}) in {request.path.resolve()}, {len(results[0])} sequences",
        request.settings(),
        facts,
        machine.facts(),
    )
    yield CrowdReport(provenance, results)


def total(results: Sequence[CrowdResult]) -> CrowdResult:
    """Return the total over all sequences of one tracker, by adding up their counts."""
    counts = functools.reduce(operator.add, (result.counts for result in results))
    spent = sum(result.milliseconds * result.counts.frames for result in results)
    return CrowdResult(results[0].tracker, "all", "", counts, spent / max(counts.frames, 1))


def _follow(name: str, crowd: Crowd, many: Any) -> CrowdResult:
    """Follow all objects of a sequence; tracks that are tracking or uncertain count, frames without labels do not."""
    many.every(crowd.text, max=MOST)
    truth: dict[int, Frame] = {}
    found: dict[int, Frame] = {}
    spent = []
    for index, (pixels, objects) in enumerate(zip(crowd.frames, crowd.objects, strict=True)):
        tracks = many.update(Picture(pixels, index, index / crowd.fps))
        if many.failed:
            raise next(iter(many.failed.values()))
        spent.append(sum(many.timing[track].total for track in tracks))
        if objects is not None:
            truth[index] = {number: Box(*box) for number, box in objects.items()}
            found[index] = {track.id: track.box for track in tracks.values() if track.box is not None}
    counts = identity_counts(list(truth.values()), list(found.values()))
    mean_ms = float(np.mean(spent)) if spent else 0.0
    return CrowdResult(name, crowd.name, crowd.text, counts, mean_ms, _worst(truth, found, crowd.frames))


def _worst(truth: Mapping[int, Frame], found: Mapping[int, Frame], frames: Frames) -> WorstFrame | None:
    """Return the labeled frame with the most wrong boxes, the first one if there are several."""
    wrong = {index: count_wrong(truth[index], found[index]) for index in truth}
    index = max(wrong, key=wrong.__getitem__, default=None)
    if index is None or not wrong[index]:
        return None
    return WorstFrame(index, wrong[index], tuple(truth[index].values()), tuple(found[index].values()), frames)
