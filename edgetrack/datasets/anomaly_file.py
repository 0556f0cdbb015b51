"""Your own clips with unusual events, listed in ``anomaly.json``, and synthetic days.

    {"clips": [{"video": "gate.mp4", "scene": "gate", "split": "test",
                "events": [{"start_s": 12.0, "end_s": 15.5, "box": [10, 20, 30, 40]}]}],
     "days": [{"seed": 1, "minutes": 120, "split": "train"}, {"seed": 2, "minutes": 120, "split": "test"}]}

Boxes are optional; without them only the frames of a clip are labeled. Synthetic days of the split "train" have no
unusual events.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack.datasets.anomaly import SPLITS, AnomalyClip, Truth, flags_of
from edgetrack.datasets.sequence import Frames, VideoFrames
from edgetrack.datasets.tables import read_json
from edgetrack.demo.days import FPS, Day
from edgetrack.errors import MALFORMED, ConfigError, DatasetError
from edgetrack.io.opencv import load_cv2
from edgetrack.types import Box

FILE = "anomaly.json"
_CLIP = {"video": str, "scene": str, "split": str, "events": list}
_DAY = {"seed": int, "minutes": (int, float), "split": str}


class DayFrames:
    """The frames of a synthetic day, each rendered on access."""

    def __init__(self, day: Day) -> None:
        self.day = day
        self._draw = lru_cache(maxsize=1)(day.draw)

    def __len__(self) -> int:
        return len(self.day)

    def __getitem__(self, index: int, /) -> NDArray[np.uint8]:
        return self._draw(index)[0]

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        return (self[i] for i in range(len(self)))


def read_own(root: Path, split: str) -> Iterator[AnomalyClip]:
    """Yield the clips and synthetic days of a split."""
    path = root / FILE
    content = read_json(path)
    if not isinstance(content, dict) or not content.keys() <= {"clips", "days"}:
        raise DatasetError(f'{path}: expected {{"clips": [...], "days": [...]}}; correct the file')
    for number, entry in enumerate(_entries(path, content, "clips", _CLIP), 1):
        if entry["split"] == split:
            yield _clip(root, entry, f"{path}: clip {number}")
    for number, entry in enumerate(_entries(path, content, "days", _DAY), 1):
        if entry["split"] == split:
            yield _day(entry, f"{path}: day {number}")


def _entries(path: Path, content: dict[str, Any], name: str, kinds: dict[str, Any]) -> list[dict[str, Any]]:
    entries = content.get(name, [])
    for number, entry in enumerate(entries if isinstance(entries, list) else [entries], 1):
        good = isinstance(entry, dict) and entry.keys() == kinds.keys()
        if not good or not all(isinstance(entry[key], kind) for key, kind in kinds.items()):
            raise DatasetError(f"{path}: entry {number} of {name} is {entry!r}; expected {', '.join(kinds)}")
        if entry["split"] not in SPLITS:
            raise DatasetError(f"{path}: split {entry['split']!r}; expected one of {', '.join(SPLITS)}")
    return list(entries)


def _clip(root: Path, entry: dict[str, Any], where: str) -> AnomalyClip:
    video = root / entry["video"]
    if not video.resolve().is_relative_to(root.resolve()):
        raise DatasetError(
            f"{where}: {entry['video']} is outside of {root}; expected a video inside the folder"
        )
    frames: Frames = VideoFrames(video)
    fps = float(load_cv2().VideoCapture(str(video)).get(load_cv2().CAP_PROP_FPS)) or 25.0
    flags = np.zeros(len(frames), bool)
    truth: list[dict[int, Box]] = [{} for _ in range(len(frames))]
    marked = True
    for number, event in enumerate(entry["events"]):
        first, last, box = _event(event, where)
        span = range(max(round(first * fps), 0), min(round(last * fps) + 1, len(frames)))
        flags[span.start : span.stop] = True
        marked &= box is not None
        for index in span:
            if box is not None:
                truth[index][number] = box
    return AnomalyClip(video.stem, entry["scene"], frames, fps, flags, tuple(truth) if marked else None)


def _event(event: Any, where: str) -> tuple[float, float, Box | None]:
    try:
        first, last = float(event["start_s"]), float(event["end_s"])
        if not 0 <= first < last < math.inf:
            raise ValueError(f"from {first} to {last} s")
        return first, last, Box.of(event["box"]) if "box" in event else None
    except MALFORMED as error:
        raise DatasetError(
            f"{where}: event {event!r} ({error}); expected start_s, end_s and optionally box, x, y, w, h"
        ) from error


def _day(entry: dict[str, Any], where: str) -> AnomalyClip:
    seed, minutes, split = entry["seed"], entry["minutes"], entry["split"]
    try:
        day = Day(seed, 60 * minutes, events=split == "test")
    except (ConfigError, ValueError) as error:
        raise DatasetError(f"{where}: {error}") from error
    truth = _drawn_truth(day)
    return AnomalyClip(f"day {seed}", "drawn street", DayFrames(day), FPS, flags_of(truth), truth)


def _drawn_truth(day: Day) -> Truth:
    """Return the boxes of the events; only frames with an event are rendered."""
    truth: list[dict[int, Box]] = [{} for _ in range(len(day))]
    for event in day.events:
        for index in range(math.floor(event.start_s * FPS), min(math.ceil(event.end_s * FPS) + 1, len(day))):
            truth[index] = day.draw(index)[2]
    return tuple(truth)
