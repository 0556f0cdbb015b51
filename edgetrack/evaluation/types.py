"""The types that all parts of an evaluation share: runs, conditions and the records of trackers."""

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
]  # without masks; masks, started with only the box; masks, started with the true first mask
Sensors = Literal[
    "color", "x", "both", "mean"
]  # images of a pair that the tracker gets; "mean" is the mean of both
ResultFormat = Literal[
    "otb", "lasot", "tnl2k", "got10k", "trackingnet", "vot"
]  # formats of toolkits, servers
TEXT_CONTROLS: tuple[TextControl, ...] = get_args(TextControl)
MODES: tuple[Mode, ...] = get_args(Mode)
SENSORS: tuple[Sensors, ...] = get_args(Sensors)
OWN = "edgetrack"  # edgetrack's own name in the list of trackers
SEGMENTER = "segmenter"  # name of peers that segment the objects in edgetrack's boxes
DETECTOR = "detector"  # name of peers that combine a detector with rules, for images with phrases
OCCLUSION, REAL_TIME, SWITCH = "occlusion", "real-time", "switch"  # conditions with separate tables
_PARTS, _RATES, _LENGTHS = (0.3, 0.5, 0.7), (0.1, 0.3, 0.5), (5, 20, 60)
# Simulated failures in pairs of sensors, with their levels; see `perturbations.sensors`.
FAILURES: dict[str, tuple[float, ...]] = {
    "x-missing": (1,),
    "x-drops": _RATES,
    "x-bursts": _LENGTHS,
    "x-frozen": _LENGTHS,
    "x-blank": (1,),
    "x-patches": _PARTS,
    "x-noise": (0.2,),
    "x-lag": (1, 3, 5),
    "x-shift": (8, 16, 32),
    "color-missing": (1,),
    "color-drops": _RATES,
    "color-bursts": _LENGTHS,
    "color-frozen": _LENGTHS,
    "color-blank": (1,),
    "color-patches": _PARTS,
    "color-noise": (0.2,),
    "color-night": (0.05, 0.02, 0.01),
    "color-smoke": (0.3, 0.15, 0.07),
    "alternating": (0.5,),
    "drops": _RATES,
    "bursts": _LENGTHS,
    "patches": _PARTS,
}
# The nine conditions of the sensor-failure protocol, in its order.
PROTOCOL = (
    "x-missing", "color-missing", "alternating", "drops", "bursts", "patches", "x-noise", "color-noise",
    "x-lag", "x-shift",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Condition:
    """A perturbation by name and severity; ``clean`` has none."""

    name: str = "clean"
    severity: int = 0  # 1..3; index of the level of a failure; frames per second for `real-time`
    draw: int = 0  # index of the random draw, if there are several

    @property
    def label(self) -> str:
        """Return name, severity and draw, such as ``fog-2``."""
        parts = [
            self.name,
            str(self.severity) if self.severity else "",
            f"draw-{self.draw}" if self.draw else "",
        ]
        return "-".join(part for part in parts if part)


CLEAN = Condition()


_SHOWN: dict[Sensors, str] = {
    "color": "",
    "x": "x alone",
    "both": "color and x",
    "mean": "mean of color and x",
}


@dataclass(frozen=True, slots=True)
class Run:
    """One pass of one tracker over all sequences."""

    tracker: str
    mode: Mode
    control: TextControl = "none"
    condition: Condition = CLEAN
    sensors: Sensors = "color"

    @property
    def label(self) -> str:
        """Return mode, text, sensors and condition, such as ``nl, shuffled text, fog-2`` or ``bbox, x alone``."""
        parts = [self.mode, "" if self.control == "none" else f"{self.control} text", _SHOWN[self.sensors]]
        parts.append("" if self.condition.name == "clean" else self.condition.label)
        return ", ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Burst:
    """A period of occlusion: an object slides in, covers the whole target, and slides out again."""

    begin: int  # first frame that shows the occluder
    hidden: int  # first frame with the target completely covered
    clearing: int  # first frame in which part of the target is visible again
    end: int  # first frame without the occluder


@dataclass(slots=True)
class Record:
    """The output of a tracker on one sequence: one entry per frame, in order."""

    boxes: list[tuple[float, float, float, float] | None] = field(default_factory=list)  # xywh, pixels
    scores: list[float] = field(default_factory=list)
    statuses: list[Status] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)  # 0 where the tracker was not called
    scored: list[bool] = field(default_factory=list)  # whether the frame can be scored
    bursts: list[Burst] = field(default_factory=list)
    # COCO's compressed run lengths of the whole frame, None if there is no mask; empty if the tracker gives no masks
    masks: list[dict[str, Any] | None] = field(default_factory=list)

    def add(self, track: Track, *, milliseconds: float, scored: bool = True) -> None:
        """Append the next frame, rounded as on disk, so that metrics are the same before and after saving.

        Raises:
            ConfigError: the score is not within 0..1, which would corrupt the metrics of all frames.
        """
        if not 0 <= round(track.score, 5) <= 1:
            raise ConfigError(
                f"frame {len(self.boxes) + 1} has the score {track.score:g}; expected a score from 0 to 1"
            )
        box = None if track.box is None else tuple(round(float(v), 3) for v in track.box.xywh)
        self.boxes.append(box)  # type: ignore[arg-type]
        self.scores.append(round(track.score, 5))
        self.statuses.append(track.status)
        self.milliseconds.append(round(milliseconds, 3))
        self.scored.append(scored)

    def box_array(self) -> Floats:
        """Return the boxes (N, 4), xywh in pixels, NaN for frames without a box."""
        return np.array([(np.nan,) * 4 if box is None else box for box in self.boxes], np.float64)

    def is_tracking(self) -> Bools:
        """Return which frames (N,) are reported as tracked."""
        return np.array([status == "tracking" for status in self.statuses])


@dataclass(frozen=True, eq=False)
class ExpressionBatch:
    """A batch of referring expressions of a grounding set in its order, each with its region."""

    name: str
    pairs: tuple[tuple[Region, str], ...]

    def __len__(self) -> int:
        return len(self.pairs)

    @property
    def boxes(self) -> Floats:
        """Return the boxes (N, 4) of the regions, xywh in pixels of each image."""
        return np.array([region.box for region, _ in self.pairs], np.float64)


def fails(condition: Condition) -> tuple[Sensors, ...]:
    """Return the sensors of a pair that fail in a condition."""
    if condition.name not in FAILURES:
        return ()
    side = condition.name.partition("-")[0]
    return (side,) if side in ("color", "x") else ("color", "x")  # type: ignore[return-value]


def is_own(tracker: str) -> bool:
    """Return whether a tracker of this name is edgetrack itself, with any model."""
    return tracker.partition(":")[0] == OWN
