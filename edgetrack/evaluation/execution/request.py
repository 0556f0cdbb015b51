"""The request for an evaluation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgetrack import cores
from edgetrack.errors import ConfigError
from edgetrack.evaluation.execution.records import tracker_folder
from edgetrack.evaluation.types import REAL_TIME, Condition, FirstMask, ResultFormat, Sensors, TextControl
from edgetrack.peers import Mode


@dataclass(frozen=True, slots=True)
class Request:
    """The trackers, dataset and settings of an evaluation.

    Raises:
        ConfigError: options exclude each other.
    """

    dataset: str
    path: Path
    output: Path
    split: str | None = None  # optional if there is only one
    modes: tuple[Mode, ...] = ()  # default: bbox, or nl for grounding sets
    controls: tuple[TextControl, ...] = ("none",)
    trackers: tuple[str, ...] = ("edgetrack",)
    names: tuple[str, ...] = ()  # names of sequences; default: all
    conditions: tuple[Condition, ...] = (Condition(),)
    results: tuple[ResultFormat, ...] = ()
    sensors: tuple[Sensors, ...] = ("color",)  # images of a pair that the trackers get
    x_model: str = ""  # model that simulates missing images of the second sensor from color
    peer_weights: Path | None = None
    threads: int = 2
    workers: int = 1
    ray: str | None = None  # address of a Ray cluster
    seed: int = 0
    corrupt_init: bool = False  # perturb images from the first frame on
    first_mask: FirstMask = ""  # whether masks are evaluated, and where the first mask comes from
    resume: bool = False
    command: str = ""

    def __post_init__(self) -> None:
        cores.checked(self.workers, "workers")
        if len({tracker_folder(name) for name in self.trackers}) < len(self.trackers):
            raise ConfigError(
                f"trackers {', '.join(self.trackers)} would write to the same folder; rename their files"
            )
        if self.ray is not None and self.workers > 1:
            raise ConfigError("--workers and --ray are two ways to share the work; give only one of them")
        if self.shared and any(condition.name == REAL_TIME for condition in self.conditions):
            raise ConfigError(
                "--real-time measures time, which parallel workers distort; leave out --workers and --ray"
            )

    @property
    def shared(self) -> bool:
        """Return whether several processes share the work."""
        return self.ray is not None or self.workers > 1

    def settings(self) -> dict[str, Any]:
        """Return the settings that must be equal for records to be comparable."""
        return {
            "dataset": self.dataset,
            "split": self.split,
            "path": str(self.path.resolve()),
            "seed": self.seed,
            "corrupt init": self.corrupt_init,
            **({"x model": self.x_model} if self.x_model else {}),
            **({"first mask": self.first_mask} if self.first_mask else {}),
        }


OpenTracker = Callable[..., Any]  # returns an edgetrack.Tracker; takes model= and precision=
