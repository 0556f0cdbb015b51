"""Detectors that find the objects of a sentence in each frame, and a tracker that uses only such a detector."""

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
Q = TypeVar("Q")  # the text input of a network, computed from phrases


class Found(NamedTuple):
    """A box that matches a phrase."""

    box: Box
    score: float  # 0..1
    phrase: int  # index of the phrase


class PhraseFinder(ABC, Generic[Q]):
    """Finds phrases in a frame. Phrases are an input of its network, so that new ones need no new graph.

    Attributes:
        name: name of the model for users.
        threshold: minimum score of a valid box, as in the published examples.
    """

    name: str
    threshold: float

    @abstractmethod
    def queries(self, phrases: Sequence[str]) -> Q:
        """Return the text input of the network, which needs to be computed only once.

        Raises:
            PromptError: a phrase is empty, or all phrases together are too long.
        """

    @abstractmethod
    def score(self, frame: NDArray[np.uint8], queries: Q) -> tuple[Floats, Floats]:
        """Return all boxes of the network: scores per phrase, float32 (P, N), and x, y, w, h in pixels (P, 4)."""

    def find(
        self, frame: NDArray[np.uint8], queries: Q, *, top: int = 32, threshold: float | None = None
    ) -> list[Found]:
        """Return the at most ``top`` best non-empty boxes in ``frame``, uint8 (H, W, 3) BGR, best first."""
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
    """Raise PromptError if there are no phrases, or one is empty."""
    if not phrases or any(not check_unicode(phrase).strip() for phrase in phrases):
        raise PromptError(
            f"phrases {list(phrases)!r:.80} contain an empty one; expected phrases such as 'red car'"
        )


class FindingTracker:
    """A stateless ``edgetrack.peers.FrameTracker`` that returns the best box in each frame."""

    def __init__(self, finder: PhraseFinder[Any]) -> None:
        self._finder = finder
        self._queries: Any = None

    def start(self, frame: NDArray[np.uint8], *, text: str | None = None, box: Any = None) -> Track:
        """Find the object of ``text`` in ``frame``, uint8 (H, W, 3) BGR.

        Raises:
            ConfigError: a box is given, or no text.
            PromptError: the text has no word.
        """
        if text is None or box is not None:
            raise ConfigError(f"{self._finder.name} starts from a text only: start(frame, text=...)")
        self.set_text(text)
        self._index, self._seen = -1, False
        return self.update(frame)

    def update(self, frame: NDArray[np.uint8]) -> Track:
        """Find the object in the next frame.

        Raises:
            NotStartedError: no text is set.
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
        """Set a new text, from the next frame on.

        Raises:
            PromptError: the text has no word.
        """
        self._queries = self._finder.queries([text])
