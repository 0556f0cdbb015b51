"""Real clips, their ground truth events, and the alerts of rules: for ``benchmarks/watch.py`` and the tests.

``tests/recorded/watch`` has the ground truth, annotated by eye, and the tracks of edgetrack-256 in INT8 for each clip:
a line of JSON per frame, ``[time in seconds, [[id, status, x, y, w, h], ...]]``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from edgetrack.types import Box, Frame, Status, Track
from edgetrack.watching.rule import Rule
from edgetrack.watching.watcher import Watcher
from edgetrack.zone_shapes import Line
from edgetrack.zones import Zones

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

RECORDED = Path(__file__).resolve().parents[1] / "tests" / "recorded" / "watch"
LATE_S = 2.0  # largest delay of an alert after the time at which its rule becomes true
EARLY_S = 0.5  # tolerance, because events were annotated in images a quarter of a second apart


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip and its ground truth: when the conditions of its rules become true, in seconds."""

    name: str
    phrase: str
    size: tuple[int, int]
    zones: Zones
    events: Mapping[str, Sequence[float]]

    def frames(self) -> Iterator[tuple[Frame, dict[str, Track]]]:
        """Yield the recorded tracks, without images."""
        pixels = np.zeros((self.size[1], self.size[0], 3), np.uint8)
        with (RECORDED / f"{self.name}.jsonl").open() as lines:
            for index, line in enumerate(lines):
                time_s, tracks = json.loads(line)
                yield Frame(pixels, index, time_s), {str(row[0]): self._track(row, index) for row in tracks}

    def _track(self, row: list[Any], index: int) -> Track:
        box = Box(*row[2:]) if len(row) > 2 else None
        name = f"{self.phrase} #{row[0]}"
        return Track(box, 0.9, cast(Status, row[1]), index, id=row[0], name=name, query=self.phrase)


def read_clips() -> list[Clip]:
    """Return all clips with ground truth."""
    found = []
    for clip in tomllib.loads((RECORDED / "truth.toml").read_text())["clip"]:
        lines = tuple(
            Line(name, ((a[0], a[1]), (b[0], b[1])), directions=("down", "up"))
            for name, (a, b) in clip.get("lines", {}).items()
        )
        found.append(
            Clip(clip["name"], clip["phrase"], tuple(clip["size"]), Zones((), lines), clip["events"])
        )
    return found


def line_of(frame: Frame, tracks: Mapping[str, Track]) -> str:
    """Return one line of the recording."""
    rows = [
        [t.id, t.status, *([] if t.box is None else [round(value) for value in t.box.xywh])]
        for t in tracks.values()
    ]
    return json.dumps([round(frame.time_s, 3), rows], separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Result:
    """Results of one rule on one clip."""

    clip: str
    rule: str
    events: int
    found: int
    false: int
    delays_s: tuple[float, ...]  # delays of correct alerts after the rule's condition became true


def results_of(clip: Clip, stream: Iterator[tuple[Frame, dict[str, Track]]]) -> list[Result]:
    """Evaluate all rules of a clip over its frames and tracks."""
    rules = [Rule.parse(sentence) for sentence in clip.events]
    watcher = Watcher(rules, clip.zones)
    told: dict[str, list[float]] = {rule.label: [] for rule in rules}
    for frame, tracks in stream:
        for event in watcher.update(tracks, frame):
            told[str(event.rule)].append(frame.time_s)
    return [
        result_of(clip.name, rule, truth, told[rule.label])
        for rule, truth in zip(rules, clip.events.values(), strict=True)
    ]


def result_of(clip: str, rule: Rule, truth: Sequence[float], told: Sequence[float]) -> Result:
    """Compare the times of a rule's alerts with those of the events, in seconds."""
    wait_s = float(getattr(rule.when, "for_s", 0.0))
    left, delays = list(told), []
    for begin in sorted(truth):
        mine = [t for t in left if begin - EARLY_S <= t - wait_s <= begin + LATE_S]
        if mine:
            left.remove(mine[0])
            delays.append(mine[0] - begin)
    return Result(clip, rule.label, len(truth), len(delays), len(left), tuple(delays))
