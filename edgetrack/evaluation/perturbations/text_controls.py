"""Text controls: other texts instead of the true one, to measure the effect of the text."""

from __future__ import annotations

import numpy as np

from edgetrack.datasets import Sequence
from edgetrack.errors import ConfigError
from edgetrack.evaluation.perturbations.paraphrases import paraphrase
from edgetrack.evaluation.types import TextControl

EMPTY_TEXT = "it"  # names no object; the tracker refuses an empty text


def controlled_texts(sequences: list[Sequence], control: TextControl, *, seed: int) -> dict[str, str]:
    """Return the text by sequence name.

    ``shuffled`` permutes the different sentences by one seeded cycle (Sattolo's algorithm), so that every sequence
    gets a different sentence, and sequences that share a sentence still share one.

    Args:
        sequences: the sequences; for ``shuffled`` all of the dataset, so that a selection does not change the texts.

    Raises:
        ConfigError: all sentences are the same, or a category or a sentence is missing.
    """
    if control == "empty":
        return {s.name: EMPTY_TEXT for s in sequences}
    if control != "class" and (silent := [s.name for s in sequences if not s.text]):
        raise ConfigError(
            f"{', '.join(silent[:5])}: the dataset has no sentences; expected --mode bbox, or a dataset with "
            "sentences"
        )
    if control == "paraphrase":
        return {s.name: paraphrase(s.text) for s in sequences}
    if control == "shuffled":
        other = _cycle(sorted({s.text for s in sequences}), seed)
        return {s.name: other[s.text] for s in sequences}
    if control == "class":
        if missing := [s.name for s in sequences if not s.attributes.get("category")]:
            raise ConfigError(
                f"--text-control class: {', '.join(missing[:5])} has no category; "
                'for the layout folder, add it to sequences.json: {"name": ..., "text": "the red car", '
                '"category": "car"}'
            )
        return {s.name: s.attributes["category"] for s in sequences}
    return {s.name: s.text for s in sequences}


def _cycle(sentences: list[str], seed: int) -> dict[str, str]:
    if len(sentences) < 2:
        raise ConfigError(
            f"--text-control shuffled: the dataset has only {len(sentences)} different sentence; expected at "
            "least two"
        )
    rng, moved = np.random.default_rng(seed), list(sentences)
    for i in range(len(moved) - 1, 0, -1):
        j = int(rng.integers(i))
        moved[i], moved[j] = moved[j], moved[i]
    return dict(zip(sentences, moved, strict=True))
