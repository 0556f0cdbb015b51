"""The sequences of a data set: where each one's frames, sentence and true boxes come from."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgetrack.errors import ConfigError, SourceError
from edgetrack.evaluation.metrics import Floats, exists

if TYPE_CHECKING:
    from edgetrack.types import Frame

DATASETS = ("folder",)
INDEX = "sequences.json"


@dataclass(frozen=True, slots=True)
class Sequence:
    """One video with a target. It holds no frames."""

    name: str
    text: str
    category: str | None  # the bare name of the thing, where the data set knows it
    source: Path  # a video or a folder of pictures
    truth: Floats  # (N, 4) xywh in pixels, nan where the target is absent

    @contextmanager
    def frames(self) -> Generator[Generator[Frame, None, None], None, None]:
        """The N frames, read ahead in a thread.

        Raises:
            SourceError: they cannot be read, or there are fewer than true boxes.
        """
        from edgetrack.io.sources import open_source

        with open_source(self.source) as opened:
            yield self._all(islice(opened, len(self.truth)))

    def _all(self, frames: islice[Frame]) -> Generator[Frame, None, None]:
        count = 0
        for frame in frames:
            count += 1
            yield frame
        if count < len(self.truth):
            raise SourceError(
                f"{self.source} has {count} frames and {len(self.truth)} true boxes; expected a frame for each box"
            )


def sequences(dataset: str, path: Path) -> list[Sequence]:
    """All sequences of the data set at ``path``, in its own order.

    ``folder``: sequences.json, a list of objects with ``name``, ``text`` and, where known, ``category``; for each
    NAME.mp4, and NAME.txt with ``x,y,w,h`` a frame, ``nan`` where the target is absent.

    Raises:
        ConfigError: an unknown data set, or files that are missing or say something else.
    """
    if dataset not in DATASETS:
        raise ConfigError(f"data set {dataset!r} is unknown; expected one of {', '.join(DATASETS)}")
    found = [_of_folder(path, entry, number) for number, entry in enumerate(_index(path))]
    names = [sequence.name for sequence in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(f"{path / INDEX} names {', '.join(twice)} twice; expected each sequence once")
    return found


def chosen(found: list[Sequence], names: list[str]) -> list[Sequence]:
    """Those of ``found`` that are named, or all without a name.

    Raises:
        ConfigError: a name is unknown.
    """
    known = [sequence.name for sequence in found]
    if unknown := [name for name in names if name not in known]:
        raise ConfigError(
            f"sequence {', '.join(unknown)} is not in the data set; it has {', '.join(known[:30])}"
            + (" ..." if len(known) > 30 else "")
        )
    return [sequence for sequence in found if not names or sequence.name in names]


def _index(path: Path) -> list[Any]:
    file = path / INDEX
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{file} cannot be read ({error}); expected a folder with {INDEX}, NAME.mp4 and NAME.txt"
        ) from error
    if not isinstance(entries, list) or not entries:
        raise ConfigError(
            f'{file} has no sequences; expected a list such as [{{"name": "a", "text": "red car"}}]'
        )
    return entries


def _of_folder(path: Path, entry: Any, number: int) -> Sequence:
    fields = entry if isinstance(entry, dict) else {}
    name, text, category = fields.get("name"), fields.get("text"), fields.get("category")
    if not (isinstance(name, str) and name == Path(name).name and isinstance(text, str)):
        raise ConfigError(f"entry {number + 1} of {path / INDEX} is {entry!r}; expected a name and a text")
    if not isinstance(category, str | None):
        raise ConfigError(
            f"category of {name} in {path / INDEX} is {category!r}; expected a word such as 'car'"
        )
    return Sequence(name, text, category, path / f"{name}.mp4", _boxes(path / f"{name}.txt"))


def _boxes(file: Path) -> Floats:
    expected = "expected a line x,y,w,h in pixels for each frame, nan,nan,nan,nan where the target is absent"
    try:
        rows = np.loadtxt(file, delimiter=",", ndmin=2, dtype=np.float64)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file} cannot be read ({error}); {expected}") from error
    if rows.shape[0] < 2 or rows.shape[1] != 4:
        raise ConfigError(f"{file} has {rows.shape[0]} lines of {rows.shape[1]} numbers; {expected}")
    rows[~exists(rows)] = np.nan
    if not exists(rows)[1:].any():
        raise ConfigError(f"{file} has no target after its first frame; {expected}")
    return rows
