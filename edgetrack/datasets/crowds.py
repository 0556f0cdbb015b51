"""Sequences with phrases that each name many objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from edgetrack.datasets.phrases import BoxTuple
from edgetrack.datasets.sequence import Frames
from edgetrack.errors import DatasetError


@dataclass(frozen=True, slots=True)
class Crowd:
    """A sequence, a phrase, and the boxes of all objects that it names.

    Attributes:
        name: Name of sequence and phrase in the data set.
        text: The phrase.
        frames: Frames of the sequence.
        objects: For each frame, boxes x, y, w, h in pixels by object number; None for a frame without labels.
        fps: Frames per second.
    """

    name: str
    text: str
    frames: Frames
    objects: tuple[Mapping[int, BoxTuple] | None, ...]
    fps: float

    def __post_init__(self) -> None:
        if len(self.objects) != len(self.frames):
            raise DatasetError(
                f"{self.name} has {len(self.frames)} frames but labels for {len(self.objects)}; expected "
                "equal numbers"
            )


@dataclass(frozen=True, slots=True)
class CrowdLayout:
    """The layout of the sequences and phrases of a data set on disk."""

    name: str
    splits: tuple[str, ...]
    read: Callable[[Path, str], Iterator[Crowd]]
    text: bool = True


class CrowdSet:
    """The sequences of one split, read one after the other."""

    def __init__(self, layout: CrowdLayout, root: Path, split: str) -> None:
        self.name, self.root, self.split = layout.name, root, split
        self._read = layout.read

    def __iter__(self) -> Iterator[Crowd]:
        count = 0
        for crowd in self._read(self.root, self.split):
            count += 1
            yield crowd
        if not count:
            raise DatasetError(
                f"{self.root}: {self.name} has no sequence in split {self.split!r}; expected at least one"
            )
