"""What a tracker said of one sequence, on disk: one JSON file, written whole or not at all."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from edgetrack.errors import ConfigError, SinkError
from edgetrack.evaluation.metrics import Bools, Floats
from edgetrack.types import STATUSES, Status, Track


@dataclass(frozen=True, slots=True)
class Burst:
    """Frames during which something covers the target: it comes, hides all of it, and goes."""

    begin: int  # first frame with any of it
    hidden: int  # first frame with the target covered altogether
    clearing: int  # first frame with some of the target in view again
    end: int  # first frame without it


@dataclass(slots=True)
class Record:
    """One entry a frame, in the order of the frames."""

    boxes: list[tuple[float, float, float, float] | None] = field(default_factory=list)  # xywh, pixels
    scores: list[float] = field(default_factory=list)
    statuses: list[Status] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)  # 0 where the tracker was not called
    scored: list[bool] = field(default_factory=list)  # whether the frame may count at all
    bursts: list[Burst] = field(default_factory=list)

    def add(self, track: Track, *, milliseconds: float, scored: bool = True) -> None:
        """Takes note of the next frame, rounded here so that figures do not depend on a way over the disk.

        Raises:
            ConfigError: a score that is none, which would spoil the figures of all frames.
        """
        if not 0 <= round(track.score, 5) <= 1:
            raise ConfigError(f"frame {len(self.boxes) + 1} has the score {track.score:g}; expected 0 to 1")
        self.boxes.append(None if track.box is None else _box([round(v, 3) for v in track.box.xywh]))
        self.scores.append(round(track.score, 5))
        self.statuses.append(track.status)
        self.milliseconds.append(round(milliseconds, 3))
        self.scored.append(scored)

    def box_array(self) -> Floats:
        """(N, 4), nan without a box."""
        return np.array([(np.nan,) * 4 if box is None else box for box in self.boxes], np.float64)

    def is_tracking(self) -> Bools:
        """(N,), the frames reported as tracked."""
        return np.array([status == "tracking" for status in self.statuses])


def save(record: Record, file: Path) -> None:
    """Writes the record; a reader never sees half of it.

    Raises:
        SinkError: the file cannot be written.
    """
    content: dict[str, Any] = {
        "boxes": record.boxes,
        "scores": record.scores,
        "statuses": record.statuses,
        "milliseconds": record.milliseconds,
        "scored": record.scored,
        "bursts": [[b.begin, b.hidden, b.clearing, b.end] for b in record.bursts],
    }
    write_text(file, json.dumps(content))


def load(file: Path, *, frames: int) -> Record:
    """The record of a sequence of so many frames.

    Raises:
        ConfigError: the file is damaged or belongs to another sequence.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        record = Record(
            boxes=[None if box is None else _box(box) for box in content["boxes"]],
            scores=[_number(v, 0, 1) for v in content["scores"]],
            statuses=[STATUSES[STATUSES.index(status)] for status in content["statuses"]],
            milliseconds=[_number(v, 0) for v in content["milliseconds"]],
            scored=[_flag(v) for v in content["scored"]],
            bursts=[_burst(values, frames) for values in content["bursts"]],
        )
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ConfigError(
            f"result {file} cannot be read ({error!r}); delete it and run again with --resume"
        ) from error
    columns = (record.boxes, record.scores, record.statuses, record.milliseconds, record.scored)
    lengths = {len(column) for column in columns}
    if lengths != {frames}:
        raise ConfigError(
            f"result {file} has {sorted(lengths)} entries; expected {frames}: delete it and run again with --resume"
        )
    return record


def is_kept(file: Path) -> bool:
    """Whether there is such a file.

    Raises:
        SinkError: that cannot be said, as of a name that is too long.
    """
    try:
        return file.exists()
    except OSError as error:
        raise SinkError(f"{file} cannot be written ({error}); choose another --output") from error


def write_text(file: Path, text: str) -> None:
    """Writes ``text`` beside ``file`` and then moves it there.

    Raises:
        SinkError: the file cannot be written.
    """
    part = file.with_name(f".{uuid4().hex}")  # not its name and more: that may be as long as a name can be
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8")
        part.replace(file)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise SinkError(f"{file} cannot be written ({error}); choose another --output") from error


def _box(values: Sequence[Any]) -> tuple[float, float, float, float]:
    x, y, w, h = (_number(v) for v in values)
    return x, y, w, h


def _number(value: Any, low: float = -math.inf, high: float = math.inf) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{value!r:.80} is no number")
    if not (math.isfinite(value) and low <= value <= high):
        raise ValueError(f"{value!r:.80} is no number from {low:g} to {high:g}")
    return float(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r:.80} is neither true nor false")
    return value


def _burst(values: Sequence[Any], frames: int) -> Burst:
    begin, hidden, clearing, end = (int(_number(v, 0, frames)) for v in values)
    if not begin < hidden < clearing < end:
        raise ValueError(f"{values!r:.80} are no frames in their order")
    return Burst(begin, hidden, clearing, end)
