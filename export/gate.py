"""What every precision that is added to a bundle has to pass: it follows as well as float32, on the user's videos."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgetrack import targets
from edgetrack.bundle import Bundle
from edgetrack.engines.ort import OrtEngine
from edgetrack.errors import ConfigError
from edgetrack.evaluation.machine import processor
from edgetrack.export.accuracy import Accuracy, Agreement, Judge, Labels
from edgetrack.export.calibration import clips_of, record
from edgetrack.export.report import Report
from edgetrack.export.staging import versions
from edgetrack.export.watch import Watch
from edgetrack.policy import Policy
from edgetrack.types import Box


@dataclass(frozen=True, slots=True)
class GateConfig:
    """What to calibrate on, what to accept.

    Raises:
        ConfigError: a value outside its range, or an unknown target.
    """

    calibration: tuple[str, ...] = ()  # videos; empty: the drawn demo scene
    text: str | None = None
    box: Box | None = None
    accept: Path | None = None  # labelled clips; None: agreement with float32 on the calibration videos
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
        """The target."""
        return targets.load(self.target)


class Gate:
    """Has followed the targets of the videos in float32, once for all precisions that are compared with it.

    Args:
        bundle: its float32 part.

    Raises:
        ExportError, SourceError, BoxError, PromptError: clips, box or text cannot be used.
    """

    def __init__(self, bundle: Bundle, config: GateConfig, *, watch: Watch) -> None:
        self.bundle, self.config = bundle, config
        engine, clips = OrtEngine(bundle, threads=config.threads), clips_of(config.calibration)
        self.judge: Judge
        if config.accept is not None:
            self.judge = Labels(engine, config.accept, watch=watch)
        else:
            self.judge = Agreement(engine, clips, text=config.text, box=config.box, watch=watch)
        self.calibration = record(engine, clips, text=config.text, box=config.box, watch=watch)

    def facts(self) -> dict[str, Any]:
        """What the reports of all precisions have in common."""
        return {
            "model": f"{self.bundle.manifest.name} {self.bundle.manifest.version}",
            "target": self.config.target,
            "machine": processor(),
            "threads": self.config.threads,
            "versions": versions(),
            "calibration": self.calibration.record,
            "min_auc_ratio": self.config.min_auc_ratio,
        }

    def passes(self, accuracy: Accuracy) -> bool:
        """Whether it is as accurate as the user asks."""
        return accuracy.ratio >= self.config.min_auc_ratio


def fill(report: Report, bundle: Bundle, accuracy: Accuracy) -> None:
    """Fills in what is said of every precision that stays in ``bundle``."""
    report.accepted = True
    report.accuracy_kind, report.clips = accuracy.kind, accuracy.clips
    fp32, other = (Policy.of(bundle.manifest.thresholds_of(name)) for name in ("fp32", report.precision))
    names = bundle.manifest.precisions[report.precision].thresholds
    report.thresholds = {name: (getattr(fp32, name), getattr(other, name)) for name in names}
