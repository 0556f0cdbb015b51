"""Images with phrases, and the objects that each phrase names in its image, if any."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgetrack.datasets.sequence import Pixels, read_image
from edgetrack.errors import MALFORMED, DatasetError

BoxTuple = tuple[float, float, float, float]  # x, y, w, h in pixels
ABSENT = "absent"  # prefix of the kinds of phrases that name nothing


@dataclass(frozen=True, slots=True)
class Phrase:
    """One phrase about an image.

    Attributes:
        image: The image file.
        text: The phrase.
        kind: The skill that it tests, by the data set, such as "relation".
        boxes: x, y, w, h in pixels of the image, any of which is a right answer; empty if the phrase names nothing.
        tags: Further properties of the image, such as "night".
        size: Width and height of the image, if the data set has them.
        parts: Plain phrases that the answer rests on, each with the boxes of all objects that it names: a system that
            finds these knows all options.
    """

    image: Path
    text: str
    kind: str
    boxes: tuple[BoxTuple, ...]
    tags: tuple[str, ...] = ()
    size: tuple[int, int] | None = None
    parts: tuple[tuple[str, tuple[BoxTuple, ...]], ...] = ()

    @property
    def absent(self) -> bool:
        """Whether the phrase names nothing in the image."""
        return not self.boxes

    def read(self) -> Pixels:
        """Return the image, uint8 (H, W, 3) BGR.

        Raises:
            DatasetError: It cannot be read, or its size is not that in its labels.
        """
        pixels = read_image(self.image)
        size = pixels.shape[1], pixels.shape[0]
        if self.size is not None and size != self.size:
            raise DatasetError(
                f"{self.image} has {size[0]} x {size[1]} pixels; expected {self.size[0]} x {self.size[1]}, "
                "the size for which its boxes were made; unpack the archive again"
            )
        return pixels


@dataclass(frozen=True, slots=True)
class PhraseLayout:
    """The layout of the images and phrases of a data set on disk."""

    name: str
    splits: tuple[str, ...]
    read: Callable[[Path, str], list[Phrase]]
    text: bool = True


class PhraseSet:
    """The phrases of one split."""

    def __init__(self, layout: PhraseLayout, root: Path, split: str) -> None:
        self.name, self.root, self.split = layout.name, root, split
        self.phrases = layout.read(root, split)
        if not self.phrases:
            raise DatasetError(
                f"{root}: {layout.name} has no phrase in split {split!r}; expected at least one"
            )

    def __len__(self) -> int:
        return len(self.phrases)

    def __getitem__(self, index: int, /) -> Phrase:
        return self.phrases[index]

    def __iter__(self) -> Iterator[Phrase]:
        return iter(self.phrases)


def checked_text(value: Any, place: str) -> str:
    """Return a phrase with single spaces between its words.

    Raises:
        DatasetError: It is not a string, or has no word.
    """
    text = " ".join(value.split()) if isinstance(value, str) else ""
    if not any(letter.isalnum() for letter in text) or any("\ud800" <= c <= "\udfff" for c in text):
        raise DatasetError(f"{place}: the phrase is {value!r:.80}; expected a text with at least one word")
    return text


def checked_box(value: Any, place: str) -> BoxTuple:
    """Return four numbers x, y, w, h as floats.

    Raises:
        DatasetError: The value is not four finite numbers with a positive width and height.
    """
    try:
        x, y, w, h = (float(v) for v in value)
    except MALFORMED:
        x = y = w = h = math.nan
    if not all(map(math.isfinite, (x, y, w, h))) or w <= 0 or h <= 0:
        raise DatasetError(f"{place}: box {value!r:.80}; expected x, y, w, h in pixels with w > 0 and h > 0")
    return x, y, w, h
