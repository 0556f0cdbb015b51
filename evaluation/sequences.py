"""The sequences of a data set in its official layout, checked for what an evaluation needs of them."""

from __future__ import annotations

from pathlib import Path

from edgetrack.datasets import LAYOUTS, RegionSet, Sequence, SequenceSet, open_dataset
from edgetrack.errors import ConfigError
from edgetrack.evaluation.metrics import exists


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
        ConfigError: a grounding set, a name that is there twice, or a target that never shows after frame 1.
        DatasetError: files that are missing or malformed.
    """
    opened = open_split(dataset, path, split)
    if isinstance(opened, RegionSet):
        raise ConfigError(f"{dataset} has pictures, not sequences; expected a tracking data set")
    found = list(opened)
    names = [sequence.name for sequence in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(f"{path} has {', '.join(twice)} twice; expected each sequence once")
    for sequence in found:
        if not (sequence.hidden or exists(sequence.boxes)[1:].any()):
            raise ConfigError(
                f"{sequence.name} of {path} has no target after its first frame, so nothing can be scored; "
                "expected at least one box there"
            )
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
