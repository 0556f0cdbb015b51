"""The sequences of a data set in its official layout, checked for what an evaluation needs of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from edgetrack.datasets import LAYOUTS, RegionSet, Sequence, SequenceSet, open_dataset
from edgetrack.errors import ConfigError
from edgetrack.evaluation.metrics import Floats, exists
from edgetrack.evaluation.streams import SWITCH, Condition
from edgetrack.evaluation.switching import switched
from edgetrack.evaluation.timing import FrameDrop


def open_split(dataset: str, path: Path, split: str | None = None) -> SequenceSet | RegionSet:
    """The data set; ``split`` may be left out where there is but one.

    Raises:
        ConfigError: the split must be said.
        DatasetError: the name, the split or the folder is wrong.
    """
    if split is None and dataset in LAYOUTS:
        splits = LAYOUTS[dataset].splits
        if len(splits) > 1:
            raise ConfigError(
                f"{dataset} has the splits {', '.join(splits)}; say which, as in: --split {splits[-1]}"
            )
        split = splits[0]
    return open_dataset(dataset, path, split or "")


def sequences(dataset: str, path: Path, split: str | None = None) -> list[Sequence]:
    """All sequences of a split, in the data set's own order; no frame is read.

    Raises:
        ConfigError: a grounding set, or a name that is there twice.
        DatasetError: files that are missing or malformed.
    """
    opened = open_split(dataset, path, split)
    if isinstance(opened, RegionSet):
        raise ConfigError(f"{dataset} has pictures, not sequences; expected a tracking data set")
    found = list(opened)
    names = [sequence.name for sequence in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(f"{path} has {', '.join(twice)} twice; expected each sequence once")
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


def check_scored(
    taken: list[Sequence], conditions: Iterable[Condition], *, clips: list[Sequence], seed: int
) -> None:
    """Refuses sequences of which not one frame would count, before hours are spent.

    Raises:
        ConfigError: the target of one never shows after frame 1, or in none of the frames that a condition leaves.
    """
    for condition in conditions:
        for clip in (clip for clip in taken if not clip.hidden):
            there = exists(clip.boxes)
            if condition.name == SWITCH:
                there = exists(switched(clip, clips=clips, seed=seed)[0].boxes)
            step = FrameDrop.EVERY[condition.severity - 1] if condition.name == "frame-drop" else 1
            if not there[step::step].any():
                raise ConfigError(
                    f"{clip.name} ({condition.label}): the target is in none of the frames after the first that count, "
                    "so nothing can be scored; expected --sequences with the names of others, or another disturbance"
                )


def digest(rows: Iterable[tuple[str, str, Floats]]) -> str:
    """SHA-256 of names, texts and boxes (N, 4): records of other labels must not stand beside these."""
    made = hashlib.sha256()
    for name, text, boxes in rows:
        made.update(f"{name}\0{text}\0{len(boxes)}\0".encode())
        made.update(np.nan_to_num(boxes, nan=-1e9).tobytes())
    return made.hexdigest()


def check_boxes(taken: list[Sequence]) -> None:
    """Refuses sequences that cannot be started by a box.

    Raises:
        ConfigError: the target of one is not in view in frame 1.
    """
    if missing := [s.name for s in taken if not exists(s.boxes[:1]).all()]:
        raise ConfigError(
            f"{', '.join(missing[:5])}: the target is not there in frame 1, so no box can be given; "
            "expected --mode nl, or --sequences with the names of others"
        )
