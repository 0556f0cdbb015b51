"""Loads the sequences of a dataset in its official layout, and checks that they can be evaluated."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from edgetrack.datasets import LAYOUTS, RegionSet, Sequence, SequenceSet, open_dataset
from edgetrack.datasets.registry import Dataset
from edgetrack.datasets.sets import RegionLayout
from edgetrack.errors import ConfigError
from edgetrack.evaluation.execution.request import Request
from edgetrack.evaluation.metrics.one_pass import exists
from edgetrack.evaluation.perturbations.prompt_switching import splice
from edgetrack.evaluation.perturbations.temporal import FrameDrop
from edgetrack.evaluation.types import SWITCH, Condition, ExpressionBatch, Floats, fails

BATCH_SIZE = 200  # sentences per record file


def open_split(dataset: str, path: Path, split: str | None = None) -> Dataset:
    """Open a dataset; ``split`` is optional if there is only one.

    Raises:
        ConfigError: the split must be given.
        DatasetError: the name, the split or the folder is wrong.
    """
    if split is None and dataset in LAYOUTS:
        splits = LAYOUTS[dataset].splits
        if len(splits) > 1:
            raise ConfigError(
                f"{dataset} has the splits {', '.join(splits)}; choose one, as in: --split {splits[-1]}"
            )
        split = splits[0]
    return open_dataset(dataset, path, split or "")


def is_grounding(dataset: str) -> bool:
    """Return whether a dataset of this name has images and sentences instead of sequences."""
    return isinstance(LAYOUTS.get(dataset), RegionLayout)


def load_sequences(dataset: str, path: Path, split: str | None = None) -> list[Sequence]:
    """Return all sequences of a split in the dataset's own order, without reading any frame.

    Raises:
        ConfigError: it is a grounding set, or two sequences have the same name.
        DatasetError: files are missing or malformed.
    """
    opened = open_split(dataset, path, split)
    if not isinstance(opened, SequenceSet):
        raise ConfigError(f"{dataset} has images, not sequences; expected a tracking dataset")
    found = list(opened)
    names = [sequence.name for sequence in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(f"{path} lists {', '.join(twice)} twice; expected each sequence once")
    return found


def select(found: list[Sequence], names: list[str]) -> list[Sequence]:
    """Return the sequences of ``found`` with these names, or all of them if ``names`` is empty.

    Raises:
        ConfigError: a name is unknown.
    """
    known = [sequence.name for sequence in found]
    if unknown := [name for name in names if name not in known]:
        raise ConfigError(
            f"sequence {', '.join(unknown)} is not in the dataset; it has {', '.join(known[:30])}"
            + (" ..." if len(known) > 30 else "")
        )
    return [sequence for sequence in found if not names or sequence.name in names]


def expression_batches(regions: RegionSet) -> list[ExpressionBatch]:
    """Return all sentences of the set, in batches.

    Raises:
        ConfigError: there are no sentences.
    """
    pairs = [(region, text) for region in regions for text in region.texts]
    if not pairs:
        raise ConfigError(f"{regions.name} ({regions.split}) has no sentences; choose another --split")
    return [
        ExpressionBatch(f"{begin:06d}", tuple(pairs[begin : begin + BATCH_SIZE]))
        for begin in range(0, len(pairs), BATCH_SIZE)
    ]


def check_scored(
    selected: list[Sequence], conditions: Iterable[Condition], *, clips: list[Sequence], seed: int
) -> None:
    """Refuse sequences without any scored frame before hours are spent on them.

    Raises:
        ConfigError: the target of a sequence is never visible after frame 1, or in none of the frames that a condition
            leaves.
    """
    for condition in conditions:
        for clip in (clip for clip in selected if not clip.hidden):
            there = exists(clip.boxes)
            if condition.name == SWITCH:
                there = exists(splice(clip, clips=clips, seed=seed)[0].boxes)
            step = FrameDrop.EVERY[condition.severity - 1] if condition.name == "frame-drop" else 1
            if not there[step::step].any():
                raise ConfigError(
                    f"{clip.name} ({condition.label}): the target is not visible in any evaluated frame "
                    "after the first, so nothing can be scored; choose other sequences with --sequences, or "
                    "another perturbation"
                )


def digest(rows: Iterable[tuple[str, str, Floats]]) -> str:
    """Return the SHA-256 of names, texts and boxes (N, 4); records with different labels are not comparable."""
    made = hashlib.sha256()
    for name, text, boxes in rows:
        made.update(f"{name}\0{text}\0{len(boxes)}\0".encode())
        made.update(np.nan_to_num(boxes, nan=-1e9).tobytes())
    return made.hexdigest()


def check_initial_boxes(selected: list[Sequence]) -> None:
    """Refuse sequences that cannot be started with a box.

    Raises:
        ConfigError: the target of a sequence is not in view in frame 1.
    """
    if missing := [s.name for s in selected if not exists(s.boxes[:1]).all()]:
        raise ConfigError(
            f"{', '.join(missing[:5])}: the target is not visible in frame 1, so the tracker cannot start "
            "from its box; use --mode nl, or choose other sequences with --sequences"
        )


def check_pairs(request: Request, selected: list[Sequence]) -> None:
    """Refuse second sensors and failures of pairs if a sequence has only color images.

    Raises:
        ConfigError: a sequence has only color images, or a failure is requested although all trackers get only color.
    """
    failing = [condition.name for condition in request.conditions if fails(condition)]
    if request.sensors == ("color",) and not failing:
        return
    if bare := next((clip.name for clip in selected if clip.x is None), None):
        asked = f"--failure {failing[0]}" if failing else f"--sensors {request.sensors[-1]}"
        raise ConfigError(
            f"{asked} needs pairs of images, but sequence {bare} of {request.dataset} has color only; "
            "expected a dataset with a second sensor, or --x-model, which simulates one from color"
        )
