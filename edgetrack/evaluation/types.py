"""The values that all rooms of an evaluation share: runs, conditions, and what a tracker reported."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from edgetrack.datasets import Region
from edgetrack.errors import ConfigError
from edgetrack.peers import Mode
from edgetrack.types import Status, Track

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Pixels = NDArray[np.uint8]  # (H, W, 3) BGR

TextControl = Literal["none", "empty", "shuffled", "class", "paraphrase"]
FirstMask = Literal[
    "", "found", "given"
]  # without masks; beginning with the box alone; with the true first mask
ResultFormat = Literal["otb", "lasot", "tnl2k", "got10k", "trackingnet", "vot"]  # of toolkits and servers
TEXT_CONTROLS: tuple[TextControl, ...] = get_args(TextControl)
MODES: tuple[Mode, ...] = get_args(Mode)
OWN = "edgetrack"  # the name of edgetrack itself among the trackers
DETECTOR = "detector"  # of peers that are a detector with rules, for pictures with phrases
OCCLUSION, REAL_TIME, SWITCH = "occlusion", "real-time", "switch"  # conditions with tables of their own


@dataclass(frozen=True, slots=True)
class Condition:
    """A perturbation by name and severity; ``clean`` has none."""

    name: str = "clean"
    severity: int = 0  # 1..3; for `real-time` frames per second
    draw: int = 0  # which random draw, where there are several

    @property
    def label(self) -> str:
        """Name, severity and draw, such as ``fog-2``."""
        parts = [
            self.name,
            str(self.severity) if self.severity else "",
            f"draw-{self.draw}" if self.draw else "",
        ]
        return "-".join(part for part in parts if part)


CLEAN = Condition()


@dataclass(frozen=True, slots=True)
class Run:
    """One pass of one tracker over all sequences."""

    tracker: str
    mode: Mode
    control: TextControl = "none"
    condition: Condition = CLEAN

    @property
    def label(self) -> str:
        """Mode, text and condition for people, such as ``nl, shuffled text, fog-2``."""
        parts = [self.mode, "" if self.control == "none" else f"{self.control} text"]
        parts.append("" if self.condition.name == "clean" else self.condition.label)
        return ", ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Burst:
    """Frames during which something covers the target: it slides in, hides all of the target, and slides out."""

    begin: int  # first frame with any of it
    hidden: int  # first frame with the target completely covered
    clearing: int  # first frame with some of the target in view again
    end: int  # first frame without it


@dataclass(slots=True)
class Record:
    """What a tracker reported on one sequence: one entry per frame, in order."""

    boxes: list[tuple[float, float, float, float] | None] = field(default_factory=list)  # xywh, pixels
    scores: list[float] = field(default_factory=list)
    statuses: list[Status] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)  # 0 where the tracker was not called
    scored: list[bool] = field(default_factory=list)  # whether the frame may count at all
    bursts: list[Burst] = field(default_factory=list)
    # COCO's compressed run lengths of the whole frame, None where there is no mask; empty of a tracker without masks
    masks: list[dict[str, Any] | None] = field(default_factory=list)

    def add(self, track: Track, *, milliseconds: float, scored: bool = True) -> None:
        """Append the next frame, rounded as on disk, so that metrics do not depend on a round trip through a file.

        Raises:
            ConfigError: the score is not within 0..1, which would spoil the metrics of all frames.
        """
        if not 0 <= round(track.score, 5) <= 1:
            raise ConfigError(f"frame {len(self.boxes) + 1} has the score {track.score:g}; expected 0 to 1")
        box = None if track.box is None else tuple(round(float(v), 3) for v in track.box.xywh)
        self.boxes.append(box)  # type: ignore[arg-type]
        self.scores.append(round(track.score, 5))
        self.statuses.append(track.status)
        self.milliseconds.append(round(milliseconds, 3))
        self.scored.append(scored)

    def box_array(self) -> Floats:
        """Return the boxes (N, 4), nan where there is none."""
        return np.array([(np.nan,) * 4 if box is None else box for box in self.boxes], np.float64)

    def is_tracking(self) -> Bools:
        """Return which frames (N,) are reported as tracked."""
        return np.array([status == "tracking" for status in self.statuses])


@dataclass(frozen=True, eq=False)
class ExpressionBatch:
    """Some referring expressions of a grounding set in its order, each with its region."""

    name: str
    pairs: tuple[tuple[Region, str], ...]

    def __len__(self) -> int:
        return len(self.pairs)

    @property
    def boxes(self) -> Floats:
        """The regions' boxes (N, 4) xywh in pixels of each image."""
        return np.array([region.box for region, _ in self.pairs], np.float64)


def is_own(tracker: str) -> bool:
    """Return whether a tracker of this name is edgetrack itself, with whichever model."""
    return tracker.partition(":")[0] == OWN
