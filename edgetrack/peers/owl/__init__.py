"""OWL-ViT and OWLv2 (Google, Hugging Face format) on ONNX Runtime: detects objects by sentences in each frame.

Sentences are an input of the network: an additional one costs a dot product, and needs no new graph. As a tracker, it
returns the best box of each frame, without memory. Use it as a grounder, or to measure what a large detector can see.
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
TEXT_LENGTH = 16  # tokens, including beginning and end; longer sentences are truncated


class OwlDetector(PhraseFinder[Floats]):
    """Finds phrases in a frame.

    Args:
        folder: folder written by ``edgetrack export owlv2`` or ``owlvit``.
        threads: number of threads of one network call.
        precision: precision of the graphs; with "bf16" and "int8-bf16", OpenVINO computes float32 parts in bfloat16.

    Raises:
        BundleError: a graph is missing or belongs to another tracker.
        EngineUnavailable: the processor does not support bfloat16.
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
        except Exception as error:  # tokenizers' errors have no common base class except Exception
            raise BundleError(
                f"{folder} contains another tracker ({type(error).__name__}: {error}); expected what 'edgetrack export "
                f"{NAMES[0]}' writes"
            ) from error
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(TEXT_LENGTH)

    def queries(self, phrases: Sequence[str]) -> Floats:
        """Return the text input of the network, one row per phrase, float32 (N, D); it needs to be computed only once.

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
        """Return all boxes of the network: scores per phrase, float32 (P, N), and x, y, w, h in pixels (P, 4)."""
        pixels = check_packed(frame)
        outputs = run(self._detect, image=self._image(pixels, self._size), queries=queries)
        logits, boxes = outputs[0][0], outputs[1][0]
        height, width = pixels.shape[:2]
        across, down = (max(height, width),) * 2 if self._kind == "owlv2" else (width, height)
        boxes = boxes * np.array([across, down, across, down], np.float32)
        boxes[:, :2] -= boxes[:, 2:] / 2
        return (1 / (1 + np.exp(-logits))).astype(np.float32), boxes


class Published:
    """Opens the published versions; requires no user code."""

    modes: tuple[Mode, ...] = ("nl",)
    precisions = tuple(COMPUTED)

    def open(self, folder: Path, *, threads: int, precision: str = "fp32") -> FindingTracker:
        """Open the tracker with the graphs in ``folder``."""
        return FindingTracker(OwlDetector(folder, threads=threads, precision=precision))
