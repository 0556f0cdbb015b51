"""Converts the samplers' arrays to the tensors of a training step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgetrack.errors import PromptError
from edgetrack.peers.uvltrack.vocabulary import TEXT_LENGTH, WordPieces

_ANYTHING = "object, thing or stuff"  # replaces a caption without words, as in UVLTrack's recipe


@dataclass(frozen=True, slots=True)
class Batch:
    """The samples of one step: the first views of all samples, then the second ones."""

    template: Tensor  # (2B, 3, Z, Z), normalized RGB
    views: Tensor  # (2B, 3, S, S)
    target: Tensor  # bool (2B, Z + S), whether each cell of template and view shows the target
    box: Tensor  # (2B, 4), center and size in units of the view
    flag: Tensor  # int64 (2B,), how the target is named: by box, text or both
    ids: Tensor  # int64 (2B, 40), word pieces
    words: Tensor  # (2B, 40), 1 for a word piece and 0 for padding


def make_batch(samples: dict[str, Any], pieces: WordPieces, device: torch.device) -> Batch:
    """Return the tensors of stacked samples, see `PairSampler.sample`."""
    ids = _ids(samples["caption"], pieces)

    def both(array: Any) -> Tensor:
        return torch.from_numpy(np.concatenate([array, array])).to(device)

    def apart(name: str) -> Tensor:
        array = samples[name]
        return torch.from_numpy(np.concatenate([array[:, 0], array[:, 1]])).to(device)

    return Batch(
        template=both(samples["template"]),
        views=apart("views"),
        target=apart("target"),
        box=apart("boxes"),
        flag=both(samples["flag"]),
        ids=both(ids),
        words=both((ids != 0).astype(np.float32)),
    )


def _ids(captions: Sequence[str], pieces: WordPieces) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return word pieces (B, 40), padded with 0; an empty caption has no word pieces."""
    rows = np.zeros((len(captions), TEXT_LENGTH), np.int64)
    for row, caption in zip(rows, captions, strict=True):
        if not caption:
            continue
        try:
            found = pieces.ids(caption)[0]
        except PromptError:
            found = pieces.ids(_ANYTHING)[0]
        row[: len(found)] = found
    return rows
