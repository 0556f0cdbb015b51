"""What is asked of an evaluation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgetrack import cores
from edgetrack.errors import ConfigError
from edgetrack.evaluation.controls import Control
from edgetrack.evaluation.results import Format
from edgetrack.evaluation.runner import folder_of
from edgetrack.evaluation.streams import REAL_TIME, Condition
from edgetrack.peers import Mode


@dataclass(frozen=True, slots=True)
class Request:
    """What to evaluate on what.

    Raises:
        ConfigError: options that exclude each other.
    """

    dataset: str
    path: Path
    output: Path
    split: str | None = None  # may be left out where there is but one
    modes: tuple[Mode, ...] = ()  # bbox, or nl for grounding sets, without one
    controls: tuple[Control, ...] = ("none",)
    trackers: tuple[str, ...] = ("edgetrack",)
    names: tuple[str, ...] = ()  # of sequences; all of them without one
    conditions: tuple[Condition, ...] = (Condition(),)
    results: tuple[Format, ...] = ()
    peer_weights: Path | None = None
    threads: int = 2
    workers: int = 1
    ray: str | None = None  # address of a cluster
    seed: int = 0
    corrupt_init: bool = False  # disturbed pictures from the first frame on
    resume: bool = False
    command: str = ""

    def __post_init__(self) -> None:
        cores.checked(self.workers, "workers")
        if len({folder_of(name) for name in self.trackers}) < len(self.trackers):
            raise ConfigError(
                f"trackers {', '.join(self.trackers)} would write to the same folder; give their files other names"
            )
        if self.ray is not None and self.workers > 1:
            raise ConfigError("--workers and --ray both say who works; give one of the two")
        if self.shared and any(condition.name == REAL_TIME for condition in self.conditions):
            raise ConfigError(
                "--real-time measures time, which workers side by side share; leave out --workers and --ray"
            )

    @property
    def shared(self) -> bool:
        """Whether several processes share the work."""
        return self.ray is not None or self.workers > 1

    def settings(self) -> dict[str, Any]:
        """What must be the same for records to stand beside each other."""
        return {
            "dataset": self.dataset,
            "split": self.split,
            "path": str(self.path.resolve()),
            "seed": self.seed,
            "corrupt init": self.corrupt_init,
        }


OpenTracker = Callable[..., Any]  # gives an edgetrack.Tracker; another than usual by model= or precision=
