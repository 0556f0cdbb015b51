"""What `evaluate` yields: its progress, and at the end its report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgetrack.datasets import Sequence as Clip
from edgetrack.evaluation.metrics.grounding import GroundingMetrics
from edgetrack.evaluation.metrics.runs import RunMetrics
from edgetrack.evaluation.types import CLEAN, ExpressionBatch, Record, Run

SHARED_TIMING_NOTE = (
    "Milliseconds were measured while workers shared the machine; they do not say how fast a tracker is."
)


@dataclass(frozen=True, slots=True)
class Planned:
    """How much there is to do."""

    frames: int  # not on disk yet
    scored: bool = True  # whether there will be metrics: not if the boxes are not public


@dataclass(frozen=True, slots=True)
class FramesDone:
    """Some frames are done."""

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
    metrics: RunMetrics | None  # None: the boxes of this data set are not public


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where the metrics come from."""

    command: str  # that made them
    made: str  # date and time, UTC
    dataset: str  # kind, folder and number of sequences
    settings: Mapping[str, Any]
    trackers: Mapping[str, Mapping[str, str]]  # facts by name
    machine: Mapping[str, str]
    notes: tuple[str, ...] = ()  # what a reader must know about these metrics


@dataclass(frozen=True, slots=True)
class Report:
    """Everything an evaluation of sequences found.

    Attributes:
        provenance: where the metrics come from.
        clips: the sequences, in the order of all lists.
        runs: the metrics of each run; empty if the boxes of the data set are not public.
        records: what the trackers reported, by run.
    """

    provenance: Provenance
    clips: Sequence[Clip]
    runs: Sequence[RunMetrics]
    records: Mapping[Run, list[Record]]

    @property
    def plain_runs(self) -> list[Run]:
        """The runs on clean frames with the true texts, whose boxes others may score."""
        return [run for run in self.records if is_plain(run)]


@dataclass(frozen=True, slots=True)
class GroundingReport:
    """Everything an evaluation on a grounding set found.

    Attributes:
        provenance: where the metrics come from.
        batches: all sentences.
        rows: the metrics of each tracker.
        records: what each of them answered, by batch.
    """

    provenance: Provenance
    batches: Sequence[ExpressionBatch]
    rows: Sequence[GroundingMetrics]
    records: Sequence[Sequence[Record]]


Progress = Planned | FramesDone | SequenceDone | RunDone


def is_plain(run: Run) -> bool:
    """Return whether a run has clean frames and the true texts."""
    return run.condition == CLEAN and run.control == "none"
