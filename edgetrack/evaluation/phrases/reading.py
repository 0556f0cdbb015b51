"""The phrases of a data set: of layouts that have phrases, and of regions that sentences name."""

from __future__ import annotations

from pathlib import Path

from edgetrack.datasets import LAYOUTS, Phrase, PhraseSet, RegionSet
from edgetrack.datasets.phrases import PhraseLayout
from edgetrack.errors import ConfigError
from edgetrack.evaluation.execution.dataset import open_split

EXPRESSION = "expression"  # the one kind that RefCOCO and its relatives have


def has_phrases(dataset: str) -> bool:
    """Return whether a data set of this name can only be read as pictures with phrases."""
    return isinstance(LAYOUTS.get(dataset), PhraseLayout)


def load_phrases(dataset: str, path: Path, split: str | None = None) -> list[Phrase]:
    """List all phrases of a split, those of one picture after each other; no picture is read.

    Raises:
        ConfigError: a set of sequences, or one without phrases.
        DatasetError: files that are missing or malformed.
    """
    opened = open_split(dataset, path, split)
    if isinstance(opened, PhraseSet):
        found = list(opened)
    elif isinstance(opened, RegionSet):
        found = [
            Phrase(region.image, text, EXPRESSION, (region.box,))
            for region in opened
            for text in region.texts
        ]
    else:
        raise ConfigError(f"{dataset} has sequences, not pictures with phrases; leave out --phrases")
    if not found:
        raise ConfigError(f"{dataset} ({opened.split}) has no phrase; expected another --split")
    order = {image: i for i, image in enumerate(dict.fromkeys(phrase.image for phrase in found))}
    return sorted(found, key=lambda phrase: order[phrase.image])
