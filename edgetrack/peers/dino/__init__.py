"""Grounding DINO (IDEA-Research, Hugging Face format) on ONNX Runtime: detects objects by sentences in each frame.

Sentences are an input of the network, of any number and length, so that a new one needs only one pass of BERT and no
new graph. S. Liu et al., "Grounding DINO: marrying DINO with grounded pre-training for open-set object detection", ECCV
2024.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgetrack._imports import require
from edgetrack.crop import check_packed
from edgetrack.errors import BundleError, PromptError
from edgetrack.peers import Mode
from edgetrack.peers.bundle import COMPUTED
from edgetrack.peers.dino.images import placed
from edgetrack.peers.finding import FindingTracker, Floats, PhraseFinder, check_phrases
from edgetrack.peers.sessions import open_graph, open_session, run

NAME = "groundingdino"
# They separate phrases: tokens of different phrases do not attend to each other.
BEGIN, STOP, END = "[CLS]", ".", "[SEP]"
_ENDINGS = (STOP, "?")  # end of a phrase in the published network


class Phrases(NamedTuple):
    """Phrases as input of the network."""

    words: Floats  # (1, T, D), BERT's features of each token
    together: NDArray[np.bool_]  # (1, T, T), whether two tokens belong to the same phrase
    positions: NDArray[np.int64]  # (1, T), position of each token in its phrase
    spans: tuple[slice, ...]  # token range of each phrase


class DinoDetector(PhraseFinder[Phrases]):
    """Finds phrases in a frame; a phrase's score is that of its best token, as in the published examples.

    Args:
        folder: folder written by ``edgetrack export groundingdino``.
        threads: number of threads of one network call.
        precision: precision of the graphs; with "bf16" and "int8-bf16", OpenVINO computes float32 parts in bfloat16.

    Raises:
        BundleError: a graph is missing or belongs to another model.
        EngineUnavailable: the processor does not support bfloat16.
        MissingExtra: the package tokenizers, or for bfloat16 openvino, is not installed.
    """

    name, threshold = "Grounding DINO", 0.25

    def __init__(self, folder: Path, *, threads: int | None = None, precision: str = "fp32") -> None:
        tokenizers = require("tokenizers", extra="hf")
        self._text = open_session(folder / "text.onnx", threads, NAME)
        self._detect = open_graph(folder / "detect.onnx", threads, NAME, precision=precision)
        try:
            known = self._text.get_modelmeta().custom_metadata_map
            self._tokenizer: Any = tokenizers.Tokenizer.from_str(known["tokenizer"])
            self._longest = int(known["longest"])
            self._ids = {token: int(self._tokenizer.token_to_id(token)) for token in (BEGIN, STOP, END)}
            self._size = int(self._detect.get_inputs()[0].shape[3])
        except Exception as error:  # tokenizers' errors have no common base class except Exception
            raise BundleError(
                f"{folder} contains another model ({type(error).__name__}: {error}); expected what 'edgetrack export "
                f"{NAME}' writes"
            ) from error

    def queries(self, phrases: Sequence[str]) -> Phrases:
        """Return the text input of the network, which needs to be computed only once.

        Raises:
            PromptError: a phrase has no word, or all phrases together are too long.
        """
        check_phrases(phrases)
        tokens = []
        for phrase in phrases:
            found = self._tokenizer.encode(phrase, add_special_tokens=False)
            tokens.append(
                [n for n, t in zip(found.ids, found.tokens, strict=True) if t not in (BEGIN, END, *_ENDINGS)]
            )
            if not tokens[-1]:
                raise PromptError(
                    f"the phrase {phrase!r:.80} contains no word; expected a phrase such as 'red car'"
                )
        together, positions, spans = layout([len(ids) for ids in tokens])
        if positions.size > self._longest:
            raise PromptError(
                f"phrases {list(phrases)!r:.80} have {positions.size} tokens; expected at most {self._longest}: use "
                "fewer or shorter ones"
            )
        flat = [self._ids[BEGIN], *(n for ids in tokens for n in (*ids, self._ids[STOP])), self._ids[END]]
        ids = np.array([flat], np.int64)
        words: Floats = run(self._text, ids=ids, together=together, positions=positions)[0]
        return Phrases(words, together, positions, spans)

    def score(self, frame: NDArray[np.uint8], queries: Phrases) -> tuple[Floats, Floats]:
        """Return all boxes of the network: scores per phrase, float32 (P, N), and x, y, w, h in pixels (P, 4)."""
        pixels = check_packed(frame)
        image, visible = placed(pixels, self._size)
        words, together, positions, spans = queries
        feeds = {
            "image": image,
            "visible": visible,
            "words": words,
            "together": together,
            "positions": positions,
        }
        outputs = run(self._detect, **feeds)
        fits, boxes = 1 / (1 + np.exp(-outputs[0][0])), outputs[1][0]
        height, width = pixels.shape[:2]
        boxes = boxes * np.array([width, height, width, height], np.float32)
        boxes[:, :2] -= boxes[:, 2:] / 2
        scores = np.stack([fits[:, span].max(1) for span in spans], 1)
        return scores.astype(np.float32), boxes


def layout(lengths: Sequence[int]) -> tuple[NDArray[np.bool_], NDArray[np.int64], tuple[slice, ...]]:
    """Return the token layout of phrases of these lengths: begin, each phrase with its stop, end.

    Returns:
        The attention mask, (1, T, T), the position of each token in its phrase, (1, T), and the token range of each
        phrase.
    """
    sizes = [1, *(length + 1 for length in lengths), 1]
    blocks = np.repeat(np.arange(len(sizes)), sizes)
    positions = np.concatenate([np.arange(size) for size in sizes]).astype(np.int64)
    starts = np.cumsum([1, *(length + 1 for length in lengths)])
    spans = tuple(slice(int(s), int(s) + n) for s, n in zip(starts, lengths, strict=False))
    return (blocks[:, None] == blocks)[None], positions[None], spans


class Published:
    """Opens the published versions; requires no user code."""

    modes: tuple[Mode, ...] = ("nl",)
    precisions = tuple(COMPUTED)

    def open(self, folder: Path, *, threads: int, precision: str = "fp32") -> FindingTracker:
        """Open the tracker with the graphs in ``folder``."""
        return FindingTracker(DinoDetector(folder, threads=threads, precision=precision))
