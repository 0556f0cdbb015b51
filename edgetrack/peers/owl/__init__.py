"""OWL-ViT and OWLv2 (Google, Hugging Face format) on ONNX Runtime: finds what a sentence names, anew in every frame.

Sentences are an input of the network: another one costs a dot product, and rebuilds nothing. As a tracker it takes the
best box of each frame, and has no memory: use it to find, and for a measure of what a large detector sees.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgetrack._imports import require
from edgetrack.crop import check_packed
from edgetrack.errors import BundleError
from edgetrack.peers import Mode
from edgetrack.peers.bundle import COMPUTED
from edgetrack.peers.finding import FindingTracker, Floats, PhraseFinder, check_phrases
from edgetrack.peers.owl.images import padded, stretched
from edgetrack.peers.sessions import open_graph, open_session, run

NAMES = ("owlv2", "owlvit")
TEXT_LENGTH = 16  # tokens, beginning and end included; the rest of a sentence is cut off


class OwlDetector(PhraseFinder[Floats]):
    """Finds phrases in a frame.

    Args:
        folder: what ``edgetrack export owlv2`` or ``owlvit`` wrote.
        threads: that one network call may use.
        precision: of the graphs; in "bf16" and "int8-bf16" OpenVINO computes in bfloat16 what they have in float32.

    Raises:
        BundleError: a graph is missing or is another tracker's.
        EngineUnavailable: this processor has no bfloat16.
        MissingExtra: the package tokenizers, or for bfloat16 openvino, is not installed.
    """

    name, threshold = "OWL-ViT and OWLv2", 0.1

    def __init__(self, folder: Path, *, threads: int | None = None, precision: str = "fp32") -> None:
        tokenizers = require("tokenizers", extra="hf")
        self._text = open_session(folder / "text.onnx", threads, NAMES[0])
        self._detect = open_graph(folder / "detect.onnx", threads, NAMES[0], precision=precision)
        try:
            known = self._text.get_modelmeta().custom_metadata_map
            self._kind = known["kind"]
            self._image: Callable[[NDArray[np.uint8], int], Floats] = {"owlv2": padded, "owlvit": stretched}[
                self._kind
            ]
            self._tokenizer = tokenizers.Tokenizer.from_str(known["tokenizer"])
            self._size = int(self._detect.get_inputs()[0].shape[3])
        except Exception as error:  # tokenizers' errors have no common base but Exception
            raise BundleError(
                f"{folder} holds another tracker ({type(error).__name__}: {error}); expected what 'edgetrack export "
                f"{NAMES[0]}' writes"
            ) from error
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(TEXT_LENGTH)

    def queries(self, phrases: Sequence[str]) -> Floats:
        """What the network compares with, a row for each phrase, float32 (N, D); to be computed once.

        Raises:
            PromptError: a phrase is empty.
        """
        check_phrases(phrases)
        ids = np.zeros((len(phrases), TEXT_LENGTH), np.int64)
        for row, encoded in zip(ids, self._tokenizer.encode_batch(list(phrases)), strict=True):
            row[: len(encoded.ids)] = encoded.ids
        rows: Floats = run(self._text, ids=ids)[0]
        return rows

    def score(self, frame: NDArray[np.uint8], queries: Floats) -> tuple[Floats, Floats]:
        """Every box that the network gives: scores for each phrase, float32 (P, N), and x, y, w, h in pixels (P, 4)."""
        pixels = check_packed(frame)
        outputs = run(self._detect, image=self._image(pixels, self._size), queries=queries)
        logits, boxes = outputs[0][0], outputs[1][0]
        height, width = pixels.shape[:2]
        across, down = (max(height, width),) * 2 if self._kind == "owlv2" else (width, height)
        boxes = boxes * np.array([across, down, across, down], np.float32)
        boxes[:, :2] -= boxes[:, 2:] / 2
        return (1 / (1 + np.exp(-logits))).astype(np.float32), boxes


class Published:
    """Opens the published versions; needs no code of the user's."""

    modes: tuple[Mode, ...] = ("nl",)
    precisions = tuple(COMPUTED)

    def open(self, folder: Path, *, threads: int, precision: str = "fp32") -> FindingTracker:
        """The tracker on the graphs in ``folder``."""
        return FindingTracker(OwlDetector(folder, threads=threads, precision=precision))
