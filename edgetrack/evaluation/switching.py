"""Another sentence in mid-stream: how long until the new target is held?

A sequence whose video another one shares goes on with that one's sentence and target. Any other is cut at its middle
and goes on with another video and its sentence, which is easier to notice and harder to find.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from edgetrack.datasets import Frames
from edgetrack.datasets import Sequence as Clip
from edgetrack.errors import ConfigError
from edgetrack.evaluation.metrics import Floats
from edgetrack.evaluation.records import Record
from edgetrack.evaluation.streams import Pixels, Stream, generator

BEFORE, AFTER = 60, 100  # frames at most
HOLD = 5  # frames in a row with IoU >= 0.5
AT, KIND = "switch at", "switch"  # attributes of a sequence made here
SAME, OTHER = "same video", "other video"


class Joined:
    """``before`` frames of one video and then, from frame ``begin`` on, ``after`` frames of another."""

    def __init__(self, first: Frames, before: int, second: Frames, begin: int, after: int) -> None:
        self._first, self._before = first, before
        self._second, self._begin, self._after = second, begin, after

    def __len__(self) -> int:
        return self._before + self._after

    def __getitem__(self, index: int, /) -> Pixels:
        if index < self._before:
            return self._first[index]
        if index >= len(self):
            raise IndexError(f"frame {index} of {len(self)}")
        return self._second[self._begin + index - self._before]

    def __iter__(self) -> Iterator[Pixels]:
        return (self[i] for i in range(len(self)))


class Switch(Stream):
    """Says ``text`` before frame ``at``."""

    def __init__(self, at: int, text: str) -> None:
        self._at, self._text = at, text

    def new_text(self, index: int) -> str | None:
        return self._text if index == self._at else None


def switched(clip: Clip, *, clips: Sequence[Clip], seed: int) -> tuple[Clip, str]:
    """The sequence that goes on with another target, and that one's sentence; the same at every call.

    Raises:
        ConfigError: all sentences of the data set are the same.
    """
    others = [other for other in clips if other.text not in ("", clip.text)]
    if not others:
        raise ConfigError(
            f"--switch: no other sequence has another sentence than {clip.name}; expected two or more sentences"
        )
    shared = [other for other in others if _same_video(clip, other)]
    rng = generator(seed, clip.name, "switch")
    other = (shared or others)[int(rng.integers(len(shared or others)))]
    at = min(BEFORE, len(clip) // 2)
    begin = at if shared else 0
    after = min(AFTER, len(other) - begin)
    boxes = np.concatenate([clip.boxes[:at], other.boxes[begin : begin + after]])
    frames = Joined(clip.frames, at, other.frames, begin, after)
    attributes = {AT: str(at), KIND: SAME if shared else OTHER}
    return Clip(clip.name, frames, boxes, clip.text, attributes), other.text


@dataclass(frozen=True, slots=True)
class Switches:
    """What became of the switches of one kind; shares 0..1."""

    kind: str
    count: int
    held: float  # share after which the new target is held at all, within the frames that are watched
    held30: float  # within 30 frames
    delay: float  # median frames until then, where it is; nan where it never is


def switches(runs: Sequence[tuple[Clip, Record, Floats]]) -> list[Switches]:
    """By kind, given each sequence made by `switched`, its record and the record's IoU (N,)."""
    found = []
    for kind in (SAME, OTHER):
        delays = [delay(iou[int(c.attributes[AT]) :]) for c, _, iou in runs if c.attributes[KIND] == kind]
        held = [d for d in delays if d is not None]
        if delays:
            quick = sum(d <= 30 for d in held) / len(delays)
            median = float(np.median(held)) if held else float("nan")
            found.append(Switches(kind, len(delays), len(held) / len(delays), quick, median))
    return found


def delay(iou: Floats) -> int | None:
    """Frames until the first of `HOLD` frames in a row with IoU >= 0.5; None without them."""
    good = iou >= 0.5
    runs = [bool(good[i : i + HOLD].all()) for i in range(len(iou) - HOLD + 1)]
    return runs.index(True) if True in runs else None


def _same_video(clip: Clip, other: Clip) -> bool:
    return len(clip) == len(other) and np.array_equal(next(iter(clip.frames)), next(iter(other.frames)))
