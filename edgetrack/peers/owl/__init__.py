"""OWL-ViT and OWLv2 (Google, Hugging Face format) on ONNX Runtime: finds what a sentence names, anew in every frame.

Sentences are an input of the network: another one costs a dot product, and rebuilds nothing. As a tracker it takes the
best box of each frame, and has no memory: use it to find, and for a measure of what a large detector sees.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgetrack._imports import require
from edgetrack.crop import check_packed
from edgetrack.errors import BundleError, ConfigError, NotStartedError, PromptError
from edgetrack.peers import Mode
from edgetrack.peers.owl.images import padded, stretched
from edgetrack.peers.sessions import open_session, run
from edgetrack.prompt import check_unicode
from edgetrack.types import Box, Status, Track

NAMES = ("owlv2", "owlvit")
TEXT_LENGTH = 16  # tokens, beginning and end included; the rest of a sentence is cut off
THRESHOLD = 0.1  # score of a box that counts, as in the published examples
Floats = NDArray[np.float32]


class Found(NamedTuple):
    """A box that fits a phrase."""

    box: Box
    score: float  # 0..1
    phrase: int  # its place among the phrases


class OwlDetector:
    """Finds phrases in a frame.

    Args:
        folder: what ``edgetrack export owlv2`` or ``owlvit`` wrote.
        threads: that one network call may use.

    Raises:
        BundleError: a graph is missing or is another tracker's.
        MissingExtra: the package tokenizers is not installed.
    """

    def __init__(self, folder: Path, *, threads: int | None = None) -> None:
        tokenizers = require("tokenizers", extra="hf")
        self._text, self._detect = (
            open_session(folder / f"{n}.onnx", threads, NAMES[0]) for n in ("text", "detect")
        )
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
        if not phrases or any(not check_unicode(phrase).strip() for phrase in phrases):
            raise PromptError(f"phrases {list(phrases)!r:.80} have an empty one; expected such as 'red car'")
        ids = np.zeros((len(phrases), TEXT_LENGTH), np.int64)
        for row, encoded in zip(ids, self._tokenizer.encode_batch(list(phrases)), strict=True):
            row[: len(encoded.ids)] = encoded.ids
        rows: Floats = run(self._text, ids=ids)[0]
        return rows

    def find(
        self, frame: NDArray[np.uint8], queries: Floats, *, top: int = 32, threshold: float = THRESHOLD
    ) -> list[Found]:
        """The most likely boxes in ``frame``, uint8 (H, W, 3) BGR, the best one first; at most ``top``."""
        scores, boxes = self.score(frame, queries)
        best, phrases = scores.max(1), scores.argmax(1)
        order = np.argsort(-best, kind="stable")[:top]
        return [
            Found(Box(*map(float, boxes[cell])), float(best[cell]), int(phrases[cell]))
            for cell in order[best[order] >= threshold]
        ]

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


class OwlTracker:
    """The best box of each frame, as ``edgetrack.peers.FrameTracker``."""

    def __init__(self, detector: OwlDetector) -> None:
        self.detector = detector
        self._queries: Floats | None = None

    def start(self, frame: NDArray[np.uint8], *, text: str | None = None, box: Any = None) -> Track:
        """Finds what ``text`` names in ``frame``, uint8 (H, W, 3) BGR.

        Raises:
            ConfigError: a box, or no text.
            PromptError: a text without a word.
        """
        if text is None or box is not None:
            raise ConfigError("OWL-ViT and OWLv2 take a text and nothing else: start(frame, text=...)")
        self.set_text(text)
        self._index, self._seen = -1, False
        return self.update(frame)

    def update(self, frame: NDArray[np.uint8]) -> Track:
        """Finds it in the next frame.

        Raises:
            NotStartedError: there is no text yet.
        """
        if self._queries is None:
            raise NotStartedError("update() before start(); call start(frame, text=...) first")
        self._index += 1
        found = self.detector.find(frame, self._queries, top=1, threshold=0.0)
        score = found[0].score if found else 0.0
        if score >= THRESHOLD:
            self._seen = True
            return Track(found[0].box, score, "tracking", self._index)
        status: Status = "lost" if self._seen else "searching"
        return Track(None, score, status, self._index)

    def set_text(self, text: str) -> None:
        """Finds something else from the next frame on.

        Raises:
            PromptError: a text without a word.
        """
        self._queries = self.detector.queries([text])


class Published:
    """Opens the published versions; needs no code of the user's."""

    modes: tuple[Mode, ...] = ("nl",)

    def open(self, folder: Path, *, threads: int) -> OwlTracker:
        """The tracker on the graphs in ``folder``."""
        return OwlTracker(OwlDetector(folder, threads=threads))
