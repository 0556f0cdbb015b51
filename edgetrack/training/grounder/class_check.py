"""What the detector's class scores are worth, and which words name its classes: see `ClassCheck`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from edgetrack.network.candidates import COUNT
from edgetrack.network.text import TextEncoder
from edgetrack.training.grounder.cache import Cache
from edgetrack.training.grounder.nouns import COCO
from edgetrack.training.grounder.records import NAMES, Record
from edgetrack.training.grounder.scene import MATCH, iou
from edgetrack.training.grounder.train import means

_IRREGULAR = {"man": "men", "woman": "women", "child": "children", "person": "persons", "knife": "knives",
              "sheep": "sheep", "mouse": "mice", "calf": "calves", "foot": "feet"}  # fmt: skip

# Words that several classes are called, beyond what the table of nouns says; annotators did not agree on all of them.
_BROADER = {
    "vehicle": ("car", "truck", "bus", "motorcycle"), "van": ("truck", "car", "bus"), "suv": ("car", "truck"),
    "pickup truck": ("truck", "car"), "tram": ("train", "bus"), "bag": ("handbag", "backpack", "suitcase"),
    "glass": ("wine glass", "cup"),
}  # fmt: skip


def plural(word: str) -> str:
    """The plural of a noun, of a compound that of its last word."""
    *before, last = word.split()
    if last in _IRREGULAR:
        many = _IRREGULAR[last]
    elif last.endswith(("s", "x", "ch", "sh")):
        many = last + "es"
    elif last.endswith("y") and last[-2:-1] not in "aeiou":
        many = last[:-1] + "ies"
    else:
        many = last + "s"
    return " ".join((*before, many))


def names() -> dict[str, tuple[int, ...]]:
    """Everything that a class is called, in the singular and the plural, and the classes that are called so."""
    out: dict[str, tuple[int, ...]] = {}
    for word, classes in _BROADER.items():
        for form in (word, plural(word)):
            out[form] = tuple(map(NAMES.index, classes))
    for index, (name, others) in enumerate(COCO.items()):
        for word in (name, *others):
            for form in (word, plural(word)):
                out.setdefault(form, (index,))
    return out


def class_scores(records: Iterable[Record], cache: Cache) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Two logits of each class in candidates that show something, (N, 2), and whether they show that class.

    The first is its own, the second that of the likeliest other class. Only pictures count in which every object of
    every class is annotated by hand.
    """
    logits: list[NDArray[Any]] = []
    right: list[NDArray[Any]] = []
    for record in records:
        things = [thing for thing in record.objects if thing.name in NAMES and thing.score == 1.0]
        if not record.complete or not things:
            continue
        count = min(COUNT, int(cache.arrays["valid"][record.row].sum()))
        overlap = iou(cache.arrays["boxes"][record.row, :count], np.stack([t.box for t in things])) >= MATCH
        shown = np.zeros((count, len(NAMES)), bool)
        for thing, hit in zip(things, overlap.T, strict=True):
            shown[hit, NAMES.index(thing.name)] = True
        some = overlap.any(1)
        logits.append(
            _beside_others(np.asarray(cache.arrays["logits"][record.row, :count], np.float64)[some])
        )
        right.append(shown[some].ravel())
    return np.concatenate(logits), np.concatenate(right)


def _beside_others(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each logit of (K, C), and the highest of the others in its row: (K * C, 2)."""
    second, first = np.sort(logits, 1)[:, -2:, None].transpose(1, 0, 2)
    others = np.where(logits == first, second, first)
    return np.stack((logits, others), -1).reshape(-1, 2)


def class_words(text: TextEncoder) -> dict[str, torch.Tensor]:
    """``names`` and ``owner`` of a `ClassCheck`."""
    owned = [(word, owner) for word, owners in names().items() for owner in owners]
    rows = {word: means(*text.encode([word])) for word in names()}
    return {
        "names": torch.cat([rows[word] for word, _ in owned]),
        "owner": torch.tensor([owner for _, owner in owned]),
    }
