"""The items that `evaluate` yields: progress, and finally the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgetrack.datasets import Sequence as Clip
from edgetrack.evaluation.metrics.grounding import GroundingMetrics
from edgetrack.evaluation.metrics.runs import RunMetrics
from edgetrack.evaluation.types import CLEAN, ExpressionBatch, Record, Run

SHARED_TIMING_NOTE = (
    "Milliseconds were measured while workers shared the machine; they do not show how fast a tracker is."
)


@dataclass(frozen=True, slots=True)
class Planned:
    """The amount of work."""

    frames: int  # number of frames without a record on disk
    scored: bool = True  # whether there will be metrics; False if the boxes are not public


@dataclass(frozen=True, slots=True)
class FramesDone:
    """Some frames have been processed."""

    count: int


@dataclass(frozen=True, slots=True)
class SequenceDone:
    """The record of one sequence, or of one batch of a grounding set, is on disk."""

    run: Run
    sequence: str


@dataclass(frozen=True, slots=True)
class RunDone:
    """All sequences of a run are done."""

    run: Run
    sequences: int
    metrics: RunMetrics | None  # None if the boxes of the dataset are not public


@dataclass(frozen=True, slots=True)
class Provenance:
    """How the metrics were measured."""

    command: str  # the command line that produced them
    made: str  # date and time, UTC
    dataset: str  # kind, folder and number of sequences
    settings: Mapping[str, Any]
    trackers: Mapping[str, Mapping[str, str]]  # facts by name
    machine: Mapping[str, str]
    notes: tuple[str, ...] = ()  # remarks that a reader needs to interpret the metrics


@dataclass(frozen=True, slots=True)
class Report:
    """All results of an evaluation of sequences.

    Attributes:
        provenance: how the metrics were measured.
        clips: the sequences, in the order of all lists.
        runs: the metrics of each run; empty if the boxes of the dataset are not public.
        records: the outputs of the trackers, by run.
    """

    provenance: Provenance
    clips: Sequence[Clip]
    runs: Sequence[RunMetrics]
    records: Mapping[Run, list[Record]]

    @property
    def plain_runs(self) -> list[Run]:
        """Return the runs on clean frames with the true texts, whose boxes can be submitted to a server."""
        return [run for run in self.records if is_plain(run)]


@dataclass(frozen=True, slots=True)
class GroundingReport:
    """All results of an evaluation on a grounding set.

    Attributes:
        provenance: how the metrics were measured.
        batches: all sentences.
        rows: the metrics of each tracker.
        records: the answers of each tracker, by batch.
    """

    provenance: Provenance
    batches: Sequence[ExpressionBatch]
    rows: Sequence[GroundingMetrics]
    records: Sequence[Sequence[Record]]


Progress = Planned | FramesDone | SequenceDone | RunDone


def is_plain(run: Run) -> bool:
    """Return whether a run has clean frames and the true texts."""
    return run.condition == CLEAN and run.control == "none"
