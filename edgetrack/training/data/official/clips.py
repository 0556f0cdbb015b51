"""Pairs of views of one target, from labeled sequences and from images with sentences."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from edgetrack.datasets import Region, RegionSet, Sequence, SequenceSet
from edgetrack.errors import DatasetError
from edgetrack.training.data.pictures import XYWH, Instance, Picture, clip_box
from edgetrack.training.data.synthetic.pool import Actor

GAP = 100  # maximum number of frames between the two views
_LEAST = 16.0  # minimum area of a target in pixels
_TRIES = 200
# Words that do not identify an object.
_STOP_WORDS = frozenset((
    "a", "an", "and", "are", "at", "be", "by", "from", "has", "his", "her",
    "in", "is", "it", "its", "of", "on", "one", "or", "over", "that", "the",
    "their", "this", "to", "which", "while", "who", "with", "front", "back", "behind", "left",
    "right", "middle", "side", "moving", "standing", "walking", "running",
))  # fmt: skip


class Clip(NamedTuple):
    """A target in one frame, and the same target in another frame or in the same one.

    With ``absent``, the second frame does not show it; the box only gives the search position.
    """

    first: Actor
    second: Actor
    text: str  # "" without a sentence
    absent: bool
    still: bool  # both views are of one image


class Source(Protocol):
    """A source of clips."""

    @property
    def text(self) -> bool:
        """Whether there are clips with a sentence."""
        ...

    def clip(self, random: np.random.Generator, *, absent: bool, named: bool) -> Clip:
        """Return a clip; with ``absent``, its second frame lacks the target; with ``named``, it has a sentence."""
        ...

    def parted(self, held_out: Callable[[str], bool]) -> tuple[Source | None, Source | None]:
        """Return two sources, the second with the held-out images or videos; None for an empty one."""
        ...

    def __len__(self) -> int:
        """Return the number of sequences or images."""
        ...


def unrelated(one: str, two: str) -> bool:
    """Return whether two sentences have no identifying word in common."""
    words = [set(re.findall(r"[a-z]+", text.lower())) - _STOP_WORDS for text in (one, two)]
    return not words[0] & words[1]


def _actor(pixels: NDArray[np.uint8], box: NDArray[np.float64], source: str, name: str) -> Actor | None:
    x, y, w, h = (float(v) for v in box)
    inside: XYWH | None = clip_box((x, y, w, h), pixels.shape[1], pixels.shape[0])
    if inside is None:
        return None
    # Without a category nothing is pasted or recolored, so that the sentence stays true.
    instance = Instance("", inside)
    return Actor(Picture(pixels, (instance,), source, name), instance)


class SequenceClips:
    """Draws clips from a set of sequences, with equal probability for each sequence."""

    def __init__(self, sequences: SequenceSet) -> None:
        self._sequences = sequences
        self.text = sequences.text

    def clip(self, random: np.random.Generator, *, absent: bool, named: bool) -> Clip:
        """Return two frames of one sequence, at most `GAP` apart; either all sequences have a sentence, or none.

        A target is absent in frames that are labeled so. Without such frames, the target is that of another sequence,
        whose sentence and category have nothing in common with this one's.

        Raises:
            DatasetError: A sequence is damaged, or none has a usable target.
        """
        for _ in range(_TRIES):
            here = self._draw(random)
            usable = _usable(here)
            if not len(usable):
                continue
            target, (one, two, where) = here, _frames(here, usable, random, absent=absent)
            if absent and here.visible[two]:
                target = self._draw(random)
                usable = _usable(target)
                if not len(usable) or not self._unlike(here, target):
                    continue
                one = int(random.choice(usable))
            first, second = self._look(target, one, one), self._look(here, two, where)
            if first is not None and second is not None:
                return Clip(first, second, target.text, absent, False)
        raise DatasetError(
            f"{self._sequences.name} under {self._sequences.root}: no usable pair in {_TRIES} draws; expected "
            "sequences with visible targets" + (", and different sentences or categories" if absent else "")
        )

    def parted(self, held_out: Callable[[str], bool]) -> tuple[SequenceClips | None, SequenceClips | None]:
        """Split by whole videos, with all their targets and cuts."""
        sequences = self._sequences
        held = {name for name in sequences.names if held_out(sequences.video(name).lower())}
        rest = set(sequences.names) - held
        return (
            SequenceClips(sequences.without(held)) if rest else None,
            SequenceClips(sequences.without(rest)) if held else None,
        )

    def __len__(self) -> int:
        return len(self._sequences)

    def _draw(self, random: np.random.Generator) -> Sequence:
        return self._sequences[int(random.integers(len(self._sequences)))]

    def _look(self, sequence: Sequence, index: int, where: int) -> Actor | None:
        """Return frame ``index`` with the box of frame ``where``."""
        name = f"{sequence.name}/{index}"
        return _actor(sequence.frames[index], sequence.boxes[where], self._sequences.name, name)

    def _unlike(self, here: Sequence, other: Sequence) -> bool:
        """Return whether the target of ``other`` certainly does not appear in ``here``."""
        category = here.attributes.get("category")
        if other.name == here.name or (category and category == other.attributes.get("category")):
            return False
        return not self.text or unrelated(here.text, other.text)


def _usable(sequence: Sequence) -> NDArray[np.intp]:
    """Return the indices of the frames whose target is visible and not tiny."""
    area = np.nan_to_num(sequence.boxes[:, 2] * sequence.boxes[:, 3])
    return np.flatnonzero(sequence.visible & (area >= _LEAST))


def _frames(
    sequence: Sequence, usable: NDArray[np.intp], random: np.random.Generator, *, absent: bool
) -> tuple[int, int, int]:
    """Return two frames near each other, and a third one whose box is used for the second.

    With ``absent``, the second frame is one without the target, if there is one near the first.
    """
    one = int(random.choice(usable))
    near = usable[abs(usable - one) <= GAP]
    empty = np.flatnonzero(~sequence.visible)
    empty = empty[abs(empty - one) <= GAP]
    if absent and len(empty):
        two = int(random.choice(empty))
        return one, two, int(near[abs(near - two).argmin()])
    two = int(random.choice(near))
    return one, two, two


class RegionClips:
    """Draws clips from annotated images: both views are of the same image."""

    text = True

    def __init__(self, regions: RegionSet) -> None:
        self._all = [r for r in regions if r.box[2] * r.box[3] >= _LEAST]
        self._named = [r for r in self._all if r.texts]
        if not self._named:
            raise DatasetError(
                f"{regions.name} under {regions.root}: no region has a sentence and at least {_LEAST:g} "
                "pixels; expected at least one"
            )
        self._name = regions.name

    def parted(self, held_out: Callable[[str], bool]) -> tuple[RegionClips | None, RegionClips | None]:
        """Split by whole images, identified by their number, because several data sets share the images of COCO."""
        sides: tuple[list[Region], list[Region]] = ([], [])
        for region in self._all:
            sides[held_out(_number(region.image))].append(region)
        return self._only(sides[0]), self._only(sides[1])

    def __len__(self) -> int:
        return len({region.image for region in self._all})

    def _only(self, regions: list[Region]) -> RegionClips | None:
        made = copy.copy(self)
        made._all, made._named = regions, [r for r in regions if r.texts]
        return made if made._named else None

    def clip(self, random: np.random.Generator, *, absent: bool, named: bool) -> Clip:
        """Return one region; with ``absent``, the target's class does not occur in the second image.

        Raises:
            DatasetError: An image is damaged, or no image lacks the class of another one.
        """
        regions = self._named if named else self._all
        for _ in range(_TRIES):
            here, other = (regions[int(i)] for i in random.integers(len(regions), size=2))
            target = other if absent else here
            if absent and target.category in here.seen:
                continue
            second = self._look(here)
            first = self._look(target) if absent else second
            if first is None or second is None:
                continue
            text = target.texts[int(random.integers(len(target.texts)))] if target.texts else ""
            return Clip(first, second, text, absent, not absent)
        raise DatasetError(
            f"{self._name}: no usable region in {_TRIES} draws; expected "
            + ("images of several classes" if absent else "boxes inside the images")
        )

    def _look(self, region: Region) -> Actor | None:
        return _actor(region.read(), np.array(region.box), self._name, f"{region.id}")


def _number(image: Path) -> str:
    """Return ``000000000009`` for ``COCO_train2014_000000000009.jpg`` and for ``train2017/000000000009.jpg``."""
    return image.stem.rpartition("_")[2]
