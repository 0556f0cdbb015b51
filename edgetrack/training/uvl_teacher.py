"""UVLTrack-B as a teacher: its bundle is applied to the student's crops, by box, and also by text.

Its prompts are made with the knowledge of which cells of the search crop show the target, if any, as in a tracker that
has followed the target so far. Thus it teaches the difference between the target and look-alikes.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from edgetrack.errors import ConfigError, PromptError
from edgetrack.peers.bundle import AdapterBundle
from edgetrack.peers.crops import cells_of, normalized
from edgetrack.peers.uvltrack.runtime import NAME, PATCH, Network
from edgetrack.training.distill import Taught

# Pixels of the template and of the search crop, and its side over sqrt(w * h) of the box.
_SEES = (128, 256, 4.0)
_LEAST = 1e-4  # minimum distance of a score from 0 and from 1
_TEXTS = 1024  # number of texts whose tokens are cached
Floats = NDArray[np.float32]


class UVLTeacher:
    """Teaches sample by sample on one thread, in parallel to training.

    Args:
        folder: The bundle that ``edgetrack export uvltrack`` wrote.

    Raises:
        BundleError: The bundle is missing or damaged.
        ConfigError: It belongs to another tracker, or has other crops than the student.
    """

    def __init__(self, folder: Path) -> None:
        bundle = AdapterBundle.open(folder)
        if bundle.manifest.adapter != NAME:
            raise ConfigError(
                f"teacher {folder} is a bundle of {bundle.manifest.adapter}; expected one that 'edgetrack "
                f"export {NAME}' writes"
            )
        self._network = network = Network(bundle.graphs("fp32"), threads=1)
        sees = (network.template, network.search, network.factor)
        if sees != _SEES:
            raise ConfigError(
                f"teacher {folder} uses a template of {sees[0]} pixels and a search region of {sees[1]}, {sees[2]:g} "
                f"times the box; the student uses {_SEES[0]}, {_SEES[1]} and {_SEES[2]:g}: expected UVLTrack-B"
            )
        self._encode_text = lru_cache(_TEXTS)(self._words)

    def teach(self, arrays: dict[str, Any], by_text: Tensor) -> Taught:
        """Return the outputs for tracking samples, see ``edgetrack.training.data``.

        Args:
            arrays: Arrays of the batch: ``search``, ``template``, ``target``, ``box``, ``present`` and ``caption``.
            by_text: (B,), 1 if the student uses the caption.
        """
        rows = [
            self._sample({name: values[index] for name, values in arrays.items()}, bool(read))
            for index, read in enumerate(by_text)
        ]
        search, template, scores, boxes = (
            torch.from_numpy(np.concatenate(part)) for part in zip(*rows, strict=True)
        )
        odds = torch.logit(scores.clamp(_LEAST, 1 - _LEAST))
        return Taught(F.normalize(search, dim=-1), F.normalize(template, dim=-1), odds.softmax(-1), boxes)

    def _words(self, caption: str) -> Floats:
        """Return the tokens of a caption; a caption without words, such as "?", has none and must not end the run."""
        try:
            return self._network.encode_text(caption)
        except PromptError:
            return self._network.nothing

    def _sample(self, sample: dict[str, Any], read: bool) -> tuple[Floats, Floats, Floats, Floats]:
        """Return tokens of search region (1, 256, D) and template (1, 64, D), scores (1, 256), boxes (1, 256, 4)."""
        network = self._network
        (template,) = network.run("template", image=_image(sample["template"]))
        text = self._encode_text(sample["caption"]) if read else network.nothing
        seen = network.encode(_image(sample["search"]), template, text)
        inside = np.asarray(sample["target"]).reshape(-1)
        target = inside > 0.5
        target[inside.argmax()] = True
        cells = network.search // PATCH
        here = (
            cells_of(np.asarray(sample["box"]) / network.search, cells)
            if sample["present"] > 0.5
            else np.zeros(cells**2, np.bool_)
        )
        prompts = network.prompts(seen, np.concatenate([target, here]))
        scores, likely, boxes = network.run("head", search_features=seen.search, prompts=prompts)
        return seen.search, seen.template[:, 1:], scores * likely, boxes


def _image(pixels: NDArray[np.uint8]) -> Floats:
    """Convert an RGB crop uint8 (S, S, 3) to the network's input (1, 3, S, S)."""
    return normalized(np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], np.float32))
