"""Loads the phrases of datasets: of layouts with phrases, and of regions with sentences."""

from __future__ import annotations

from pathlib import Path

from edgetrack.datasets import LAYOUTS, Phrase, PhraseSet, RegionSet
from edgetrack.datasets.phrases import PhraseLayout
from edgetrack.errors import ConfigError
from edgetrack.evaluation.execution.dataset import open_split

EXPRESSION = "expression"  # the only kind in RefCOCO and similar datasets


def has_phrases(dataset: str) -> bool:
    """Return whether a dataset of this name can only be read as images with phrases."""
    return isinstance(LAYOUTS.get(dataset), PhraseLayout)


def load_phrases(dataset: str, path: Path, split: str | None = None) -> list[Phrase]:
    """Return all phrases of a split, grouped by image, without reading any image.

    Raises:
        ConfigError: the dataset has sequences, or no phrases.
        DatasetError: files are missing or malformed.
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
        raise ConfigError(f"{dataset} has sequences, not images with phrases; leave out --phrases")
    if not found:
        raise ConfigError(f"{dataset} ({opened.split}) has no phrases; choose another --split")
    order = {image: i for i, image in enumerate(dict.fromkeys(phrase.image for phrase in found))}
    return sorted(found, key=lambda phrase: order[phrase.image])
