"""The results of `open_dataset`: a set of sequences, or of regions in images, each checked when it is read."""

from __future__ import annotations

import copy
import unicodedata
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from edgetrack.datasets.sequence import Pixels, Sequence, read_image
from edgetrack.errors import DatasetError


@dataclass(frozen=True, slots=True)
class SequenceLayout:
    """The layout of the sequences of a data set on disk."""

    name: str
    splits: tuple[str, ...]
    names: Callable[[Path, str], list[str]]  # (root, split) -> names of the sequences
    read: Callable[[Path, str, str], Sequence]  # (root, split, name) -> the sequence
    text: bool = False  # every sequence has a sentence
    hidden: tuple[str, ...] = ()  # splits in which only the first boxes are public
    video: Callable[[str], str] = (
        str  # name of a sequence -> name of its video, which may have several targets or cuts
    )


@dataclass(frozen=True, slots=True)
class Region:
    """One object in an image.

    Attributes:
        id: The annotation's id in the data set.
        image: The image file.
        box: x, y, w, h in pixels of the image.
        category: The name of the object's class.
        texts: Sentences, each of which names only this object in the image; may be empty.
        seen: The classes of all annotated objects in the image.
    """

    id: int
    image: Path
    box: tuple[float, float, float, float]
    category: str
    texts: tuple[str, ...]
    seen: frozenset[str]

    def read(self) -> Pixels:
        """Return the image, uint8 (H, W, 3) BGR."""
        return read_image(self.image)


@dataclass(frozen=True, slots=True)
class RegionLayout:
    """The layout of the annotated images of a data set on disk."""

    name: str
    splits: tuple[str, ...]
    read: Callable[[Path, str], list[Region]]
    text: bool = True


class SequenceSet:
    """The sequences of one split, in the data set's order: by number, by name, or one after the other.

    Only the list of names is read in advance; sequences are read on access.
    """

    def __init__(self, layout: SequenceLayout, root: Path, split: str) -> None:
        self.name, self.root, self.split = layout.name, root, split
        self.text, self.hidden = layout.text, split in layout.hidden
        self.names = layout.names(root, split)
        if bad := next((name for name in self.names if not _writable(name)), None):
            raise DatasetError(
                f"{root}: the name of sequence {bad!r} contains a control character, or bytes that are not "
                "UTF-8; rename it"
            )
        self._layout = layout

    def without(self, names: Collection[str]) -> SequenceSet:
        """Return the same set without the sequences of these names.

        Raises:
            DatasetError: A name is not in the set, or no sequence is left.
        """
        if unknown := sorted(set(names) - set(self.names)):
            raise DatasetError(
                f"{self.name} ({self.split}) has no sequence {unknown[0]!r}, so it cannot be left out; "
                "correct its name"
            )
        rest = copy.copy(self)
        rest.names = [name for name in self.names if name not in names]
        if not rest.names:
            raise DatasetError(
                f"{self.name} ({self.split}): all {len(self)} sequences are left out; keep at least one"
            )
        return rest

    def video(self, name: str) -> str:
        """Return the video of sequence ``name``; several sequences may share one."""
        return self._layout.video(name)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, key: int | str, /) -> Sequence:
        """Return the sequence with an index or a name.

        Raises:
            DatasetError: It is not in the set, or its files are damaged.
        """
        if isinstance(key, str) and key not in self.names:
            raise DatasetError(
                f"{self.name} ({self.split}) has no sequence {key!r}; it has {len(self)}, the first is "
                f"{self.names[0]}"
            )
        name = key if isinstance(key, str) else self.names[key]
        return self._layout.read(self.root, self.split, name)

    def __iter__(self) -> Iterator[Sequence]:
        return (self[i] for i in range(len(self)))


def _writable(name: str) -> bool:
    """Return whether the name is plain text, so that it can be written to tables and result files."""
    return not any(unicodedata.category(letter) in ("Cc", "Cs") for letter in name)


class RegionSet:
    """The regions of one split."""

    def __init__(self, layout: RegionLayout, root: Path, split: str) -> None:
        self.name, self.root, self.split, self.text = layout.name, root, split, layout.text
        self.regions = layout.read(root, split)
        if not self.regions:
            raise DatasetError(
                f"{root}: {layout.name} has no region in split {split!r}; expected at least one"
            )

    def __len__(self) -> int:
        return len(self.regions)

    def __getitem__(self, index: int, /) -> Region:
        return self.regions[index]

    def __iter__(self) -> Iterator[Region]:
        return iter(self.regions)
