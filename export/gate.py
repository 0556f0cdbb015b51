"""The gate for every precision added to a bundle: it must track as accurately as float32 on the user's videos."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgetrack import targets
from edgetrack.bundle import Bundle
from edgetrack.errors import ConfigError
from edgetrack.export.accuracy import Accuracy, Agreement, Judge
from edgetrack.export.calibration import clips_of, record
from edgetrack.export.on_labels import Labels
from edgetrack.export.report import Report
from edgetrack.export.staging import versions
from edgetrack.export.subject import Subject
from edgetrack.export.watch import Watch
from edgetrack.policy import Policy
from edgetrack.reporting.machine import processor
from edgetrack.types import Box


@dataclass(frozen=True, slots=True)
class GateConfig:
    """Calibration data and acceptance criteria.

    Raises:
        ConfigError: A value is out of range, or the target is unknown.
    """

    calibration: tuple[str, ...] = ()  # videos; empty: the drawn demo scene
    text: str | None = None
    box: Box | None = None
    accept: Path | None = None  # labeled clips; None: agreement with float32 on the calibration videos
    target: str = "auto"
    min_auc_ratio: float = 0.99
    threads: int = 2

    def __post_init__(self) -> None:
        if not 0 < self.min_auc_ratio <= 1:
            raise ConfigError(
                f"--min-auc-ratio is {self.min_auc_ratio}; expected a number above 0, at most 1"
            )
        board = targets.detect() if self.target == "auto" else targets.load(self.target)
        object.__setattr__(self, "target", board.name)

    @property
    def board(self) -> targets.Target:
        """Return the target device."""
        return targets.load(self.target)


class Gate:
    """Compares precisions with float32, which tracks the targets in the videos once for all comparisons.

    Args:
        subject: The bundle with the float32 graphs.
        config: Calibration data and acceptance criteria.
        watch: Shows the progress.

    Raises:
        ExportError, SourceError, BoxError, PromptError: The clips, the box or the text cannot be used.
    """

    def __init__(self, subject: Subject, config: GateConfig, *, watch: Watch) -> None:
        self.subject, self.config = subject, config
        clips = clips_of(config.calibration, pairs=subject.pairs)
        self.calibration = record(subject, clips, text=config.text, box=config.box, watch=watch)
        self.judge: Judge
        if config.accept is not None:
            self.judge = Labels(subject.tracker(), config.accept, pairs=subject.pairs, watch=watch)
        else:
            self.judge = Agreement(
                subject.tracker(), clips, modes=subject.modes, text=config.text, box=config.box, watch=watch
            )

    def facts(self) -> dict[str, Any]:
        """Return the facts that the reports of all precisions share."""
        return {
            "model": self.subject.name,
            "target": self.config.target,
            "measured_on": targets.detect().name,
            "machine": processor(),
            "threads": self.config.threads,
            "versions": versions(),
            "calibration": self.calibration.record,
            "min_auc_ratio": self.config.min_auc_ratio,
        }

    @property
    def is_here(self) -> bool:
        """Return whether this machine is the target; otherwise speed measured here does not apply to the target."""
        return self.config.target == targets.detect().name

    def passes(self, accuracy: Accuracy) -> bool:
        """Return whether the accuracy is as high as the user requires."""
        return accuracy.ratio >= self.config.min_auc_ratio


def fill(report: Report, accuracy: Accuracy) -> None:
    """Fill in the results that every tested precision has."""
    report.accuracy_kind, report.clips, report.evidence = accuracy.kind, accuracy.clips, accuracy.frames
    report.ratio, report.interval = accuracy.ratio, accuracy.interval


def fill_thresholds(report: Report, bundle: Bundle) -> None:
    """Fill in the thresholds of a precision that stays in ``bundle``."""
    fp32, other = (Policy.of(bundle.manifest.thresholds_of(name)) for name in ("fp32", report.precision))
    names = bundle.manifest.precisions[report.precision].thresholds
    report.thresholds = {name: (getattr(fp32, name), getattr(other, name)) for name in names}
