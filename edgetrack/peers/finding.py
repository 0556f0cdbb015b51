"""Detectors that find what a sentence names, anew in every frame, and the tracker that one makes by itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from edgetrack.errors import ConfigError, NotStartedError, PromptError
from edgetrack.prompt import check_unicode
from edgetrack.types import Box, Status, Track

Floats = NDArray[np.float32]
Q = TypeVar("Q")  # what a network compares a picture with, made of phrases


class Found(NamedTuple):
    """A box that fits a phrase."""

    box: Box
    score: float  # 0..1
    phrase: int  # its place among the phrases


class PhraseFinder(ABC, Generic[Q]):
    """Finds phrases in a frame. Phrases are an input of its network: others rebuild nothing.

    Attributes:
        name: what users call the model.
        threshold: score of a box that counts, as in the published examples.
    """

    name: str
    threshold: float

    @abstractmethod
    def queries(self, phrases: Sequence[str]) -> Q:
        """What the network compares with; to be computed once.

        Raises:
            PromptError: a phrase is empty, or they are too long together.
        """

    @abstractmethod
    def score(self, frame: NDArray[np.uint8], queries: Q) -> tuple[Floats, Floats]:
        """Every box that the network gives: scores for each phrase, float32 (P, N), and x, y, w, h in pixels (P, 4)."""

    def find(
        self, frame: NDArray[np.uint8], queries: Q, *, top: int = 32, threshold: float | None = None
    ) -> list[Found]:
        """The most likely boxes in ``frame``, uint8 (H, W, 3) BGR, the best one first; at most ``top``, none empty."""
        least = self.threshold if threshold is None else threshold
        scores, boxes = self.score(frame, queries)
        best, phrases = scores.max(1), scores.argmax(1)
        order = np.argsort(-best, kind="stable")[:top]
        return [
            Found(Box(*map(float, boxes[cell])), float(best[cell]), int(phrases[cell]))
            for cell in order[best[order] >= least]
            if (boxes[cell, 2:] > 0).all()
        ]


def check_phrases(phrases: Sequence[str]) -> None:
    """Raises PromptError where there is none, or one is empty."""
    if not phrases or any(not check_unicode(phrase).strip() for phrase in phrases):
        raise PromptError(f"phrases {list(phrases)!r:.80} have an empty one; expected such as 'red car'")


class FindingTracker:
    """The best box of each frame, as ``edgetrack.peers.FrameTracker``; it has no memory."""

    def __init__(self, finder: PhraseFinder[Any]) -> None:
        self._finder = finder
        self._queries: Any = None

    def start(self, frame: NDArray[np.uint8], *, text: str | None = None, box: Any = None) -> Track:
        """Finds what ``text`` names in ``frame``, uint8 (H, W, 3) BGR.

        Raises:
            ConfigError: a box, or no text.
            PromptError: a text without a word.
        """
        if text is None or box is not None:
            raise ConfigError(f"{self._finder.name} takes a text and nothing else: start(frame, text=...)")
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
        found = self._finder.find(frame, self._queries, top=1, threshold=0.0)
        score = found[0].score if found else 0.0
        if score >= self._finder.threshold:
            self._seen = True
            return Track(found[0].box, score, "tracking", self._index)
        status: Status = "lost" if self._seen else "searching"
        return Track(None, score, status, self._index)

    def set_text(self, text: str) -> None:
        """Finds something else from the next frame on.

        Raises:
            PromptError: a text without a word.
        """
        self._queries = self._finder.queries([text])
