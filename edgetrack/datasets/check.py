"""Checks a data set on disk, for ``edgetrack dataset check``."""

from __future__ import annotations

from pathlib import Path

from edgetrack.datasets import SequenceSet, open_dataset
from edgetrack.datasets.anomaly import AnomalySet
from edgetrack.datasets.crowds import CrowdSet
from edgetrack.datasets.phrases import PhraseSet
from edgetrack.datasets.sets import RegionSet
from edgetrack.errors import EdgetrackError


def _check_sequences(opened: SequenceSet) -> tuple[str, list[str]]:
    faults: list[str] = []
    frames = absent = 0
    for i, name in enumerate(opened.names):
        try:
            sequence = opened[i]
            _ = sequence.frames[0]
        except EdgetrackError as error:
            faults.append(f"{name}: {error}")
            continue
        frames += len(sequence)
        absent += 0 if sequence.hidden else int((~sequence.visible).sum())
    return f"{len(opened)} sequences, {frames} frames, {absent} of them without the target", faults


def _check_regions(opened: RegionSet) -> tuple[str, list[str]]:
    images = {region.image for region in opened}
    sentences = sum(len(region.texts) for region in opened)
    return f"{len(opened)} regions with {sentences} sentences in {len(images)} images", _missing(images)


def _check_phrases(opened: PhraseSet) -> tuple[str, list[str]]:
    images = {phrase.image for phrase in opened}
    absent = sum(phrase.absent for phrase in opened)
    return f"{len(opened)} phrases, {absent} of them absent, in {len(images)} images", _missing(images)


def _check_crowds(opened: CrowdSet) -> tuple[str, list[str]]:
    faults: list[str] = []
    count = boxes = 0
    try:
        for crowd in opened:
            count += 1
            boxes += sum(len(objects) for objects in crowd.objects if objects)
            _ = crowd.frames[0]
    except EdgetrackError as error:
        faults.append(str(error))  # those after it cannot be read
    return f"{count} sequences with {boxes} boxes", faults


def _check_anomalies(opened: AnomalySet) -> tuple[str, list[str]]:
    faults: list[str] = []
    count = frames = abnormal = 0
    try:
        for clip in opened:
            count, frames, abnormal = (
                count + 1,
                frames + len(clip.frames),
                abnormal + int(clip.abnormal.sum()),
            )
            _ = clip.frames[0]
    except EdgetrackError as error:
        faults.append(str(error))  # those after it cannot be read
    return f"{count} clips, {frames} frames, {abnormal} of them abnormal", faults


def _missing(images: set[Path]) -> list[str]:
    return [
        f"{path} does not exist; expected an image there" for path in sorted(images) if not path.is_file()
    ]


def check(name: str, path: Path, split: str) -> tuple[str, list[str]]:
    """Read the labels of every sequence, region or phrase, and its first image.

    Returns:
        A description of the data set, and the faults.

    Raises:
        DatasetError: The name, the split or the folder is wrong.
    """
    opened = open_dataset(name, path, split)
    if isinstance(opened, PhraseSet):
        return _check_phrases(opened)
    if isinstance(opened, CrowdSet):
        return _check_crowds(opened)
    if isinstance(opened, AnomalySet):
        return _check_anomalies(opened)
    return _check_sequences(opened) if isinstance(opened, SequenceSet) else _check_regions(opened)
