"""Grounders from folders and files: OWLv2, Grounding DINO, an edgetrack model, a detector declared in a TOML file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetrack._native import runtime
from edgetrack.bundle import Bundle
from edgetrack.errors import BundleError, ConfigError
from edgetrack.grounders import LEAST, MOST, Grounded, Grounder, likeliest
from edgetrack.grounders.calibration import AS_IT_IS, Platt, fit_platt
from edgetrack.manifest import FILE_NAME
from edgetrack.opened import core_options, shared_engine
from edgetrack.peers.bundle import COMPUTED, AdapterBundle, is_adapter_bundle
from edgetrack.peers.finding import PhraseFinder
from edgetrack.peers.published import FINDERS, finder_of
from edgetrack.prompt import Tokenizer
from edgetrack.types import Box

_CALIBRATED, _RIGHT = 5, 0.5  # boxes per labeled frame; least IoU of a correct box with the label
_KNOWN = 16  # number of sentences whose queries are cached
_SAME = 0.6  # boxes found by two phrases show the same object if their IoU is at least this


def open_bundle(source: str | Path, threads: int | None) -> tuple[Grounder, str, Platt]:
    """Open the grounder in a folder, or declared in FILE.toml; return it, its name, and the calibration of its scores.

    Raises:
        BundleError: The bundle is missing, damaged, or of a tracker that cannot search by text.
        ConfigError: The file is not as described.
        MissingExtra: A package is missing.
    """
    if Path(source).suffix == ".toml":
        from edgetrack.grounders.declared import DeclaredGrounder

        declared = DeclaredGrounder(Path(source), threads)
        return declared, Path(source).stem, declared.platt
    if Path(source).suffix == ".onnx":
        raise ConfigError(
            f"grounder {source} is an ONNX file, which does not say what its outputs mean; expected a TOML "
            "file beside "
            f'it with model = "{Path(source).name}" and names = [...], see edgetrack.grounders.declaration'
        )
    if not is_adapter_bundle(source):
        own = OwnGrounder(Bundle.open(source), threads)
        return own, own.name, AS_IT_IS
    bundle = AdapterBundle.open(source)
    manifest, (precision, _) = bundle.manifest, bundle.automatic()
    if manifest.adapter not in FINDERS:
        raise BundleError(
            f"{bundle.folder} contains {manifest.name}, which cannot find objects by text in the whole frame; "
            f"expected a bundle of {' or '.join(FINDERS)}, or an edgetrack model"
        )
    folder = bundle.graphs(COMPUTED.get(precision, precision))
    return (
        FindingGrounder(finder_of(manifest.adapter, folder, threads=threads, precision=precision)),
        manifest.name,
        Platt(*manifest.calibration),
    )


def calibrate(
    source: str | Path, frames: Iterable[tuple[NDArray[np.uint8], str, Box]], *, threads: int | None = None
) -> Platt:
    """Calibrate the scores of a grounder on labeled frames; for a bundle, the result is saved in its manifest.

    The five boxes with the highest scores in each frame count; a box is correct if its IoU with the label is at least
    0.5.

    Args:
        source: Folder of an OWLv2, OWL-ViT or Grounding DINO bundle from ``edgetrack export``, or the TOML file of a
            detector, which is not changed: add the numbers to it yourself, as ``calibration = [scale, shift]``.
        frames: Pixels, uint8 (H, W, 3) BGR, a text, and the box of the object that it names. Use a few hundred frames
            from many scenes.
        threads: As for ``open_grounder``.

    Raises:
        ConfigError: There are too few correct or wrong boxes, or the scores do not predict which boxes are correct.
        BundleError: The bundle is missing, damaged, or edgetrack's own, whose scores are already probabilities.
    """
    grounder, name, _ = open_bundle(source, threads)
    if isinstance(grounder, OwnGrounder):
        raise BundleError(
            f"the scores of {name} are probabilities already; expected a bundle of {' or '.join(FINDERS)}"
        )
    scores: list[float] = []
    right: list[bool] = []
    for pixels, text, label in frames:
        found = [(float(one[0]), box) for box, one in grounder.find(pixels, [text])]
        for score, box in sorted(found, key=lambda pair: -pair[0])[:_CALIBRATED]:
            scores.append(score)
            right.append(box.iou(label) >= _RIGHT)
    platt = fit_platt(scores, right)
    if is_adapter_bundle(source):
        manifest = AdapterBundle.open(source).manifest
        text = replace(manifest, calibration=(platt.scale, platt.shift)).to_json()
        (Path(source) / FILE_NAME).write_text(text, encoding="utf-8")
    return platt


class FindingGrounder:
    """OWL-ViT, OWLv2 or Grounding DINO as a ``Grounder``."""

    def __init__(self, finder: PhraseFinder[Any]) -> None:
        self._finder = finder
        self._known: dict[tuple[str, ...], Any] = {}

    def find(self, frame: NDArray[np.uint8], phrases: Sequence[str]) -> list[Grounded]:
        """Return the most likely boxes, each with a score for every phrase."""
        key = tuple(phrases)
        if key not in self._known:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            self._known[key] = self._finder.queries(key)
        scores, boxes = self._finder.score(frame, self._known[key])
        return likeliest(boxes, scores)


class OwnGrounder:
    """The search by text of an edgetrack model, as a ``Grounder``: graphs ``detect``, ``rank`` and ``ground``.

    Args:
        bundle: The model.
        threads: Number of threads that its networks may use.
    """

    def __init__(self, bundle: Bundle, threads: int | None) -> None:
        self.name = bundle.manifest.name
        self._engine = shared_engine(bundle, "auto", "auto", threads)
        self._core = runtime.MultiTracker(**core_options(self._engine), batches=[], exclusive=False)
        self._tokenizer = Tokenizer(bundle)
        self._known: dict[str, int] = {}  # index of each phrase's detector in the core

    def check(self, phrases: Sequence[str]) -> None:
        """Raise PromptError for a phrase without a word that the model knows."""
        for phrase in phrases:
            self._tokenizer.text(phrase)

    def find(self, frame: NDArray[np.uint8], phrases: Sequence[str]) -> list[Grounded]:
        """Return the boxes found by each phrase; boxes of the same object are merged."""
        found: list[Grounded] = []
        for place, phrase in enumerate(phrases):
            number = self._detector(phrase)
            self._core.look(number, frame)
            for four, score, _ in self._core.detections(number):
                box = Box(*four)
                same = next((one for one in found if one.box.iou(box) > _SAME), None)
                if same is None:
                    found.append(same := Grounded(box, [0.0] * len(phrases)))
                scores = same.scores
                assert isinstance(scores, list)
                scores[place] = max(scores[place], score)
        return found

    def _detector(self, phrase: str) -> int:
        if phrase not in self._known:
            if len(self._known) >= _KNOWN:
                for number in self._known.values():
                    self._core.remove_detector(number)
                self._known.clear()
            never = 2.0  # above any score, so that no appearance vector is computed
            self._known[phrase] = self._core.add_detector(self._tokenizer.text(phrase), LEAST, never, MOST)
        return self._known[phrase]
