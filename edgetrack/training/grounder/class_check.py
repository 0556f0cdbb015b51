"""The data of a `ClassCheck`: how reliable the detector's class scores are, and which words name its classes."""

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

# Words that may name several classes, in addition to the table of nouns; annotators do not agree on all of them.
_BROADER = {
    "vehicle": ("car", "truck", "bus", "motorcycle"), "van": ("truck", "car", "bus"), "suv": ("car", "truck"),
    "pickup truck": ("truck", "car"), "tram": ("train", "bus"), "bag": ("handbag", "backpack", "suitcase"),
    "glass": ("wine glass", "cup"),
}  # fmt: skip


def plural(word: str) -> str:
    """Return the plural of a noun; in a compound, only the last word changes."""
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
    """Return all names of classes, in the singular and the plural, each with the classes that it may mean."""
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
    """Return two logits (N, 2) for each candidate with an object and each class, and whether it shows that class.

    The first logit is that of the class, the second that of the most likely other class. Only images with manual
    annotations of every object of every class are used.
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
    """Return each logit of (K, C) with the highest of the others in its row, (K * C, 2)."""
    second, first = np.sort(logits, 1)[:, -2:, None].transpose(1, 0, 2)
    others = np.where(logits == first, second, first)
    return np.stack((logits, others), -1).reshape(-1, 2)


def class_words(text: TextEncoder) -> dict[str, torch.Tensor]:
    """Return ``names`` and ``owner`` of a `ClassCheck`."""
    owned = [(word, owner) for word, owners in names().items() for owner in owners]
    rows = {word: means(*text.encode([word])) for word in names()}
    return {
        "names": torch.cat([rows[word] for word, _ in owned]),
        "owner": torch.tensor([owner for _, owner in owned]),
    }
