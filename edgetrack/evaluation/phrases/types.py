"""The interface of systems that find the objects named by a phrase, and their answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from edgetrack.datasets.phrases import BoxTuple
from edgetrack.evaluation.types import Pixels

ScoredBox = tuple[BoxTuple, float]  # x, y, w, h in pixels of the image; score 0..1


class PhraseModel(Protocol):
    """A stateless system that returns boxes of the objects that a phrase names in one image."""

    threshold: float
    """Minimum score, 0..1, of a box that it shows to its user."""

    def find(self, picture: Pixels, phrase: str) -> list[ScoredBox]:
        """Return all boxes that match the phrase, best first.

        Args:
            picture: image, uint8 (H, W, 3), BGR.
            phrase: phrase such as "red car".
        """
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of a system to one phrase, after it has seen the image once."""

    candidates: tuple[ScoredBox, ...]  # best first, regardless of their scores
    score: float  # confidence, 0..1, that the object is in the image
    shown: bool  # whether the user sees a box: tracking or uncertain
    tracking: bool  # whether the user may act on the box
    milliseconds: float
    warned: bool = False  # whether the user is warned of unknown words

    @property
    def box(self) -> BoxTuple | None:
        """Return the best candidate's box, x, y, w, h in pixels."""
        return self.candidates[0][0] if self.candidates else None


class Respondent(Protocol):
    """The interface of a system under test."""

    def ask(self, picture: Pixels, phrase: str) -> Answer:
        """Return the answer to a phrase in a new image (H, W, 3), BGR."""
        ...

    def repeat(self, picture: Pixels) -> bool:
        """Show the image of the last phrase again, as the next frame; return whether tracking is reported."""
        ...
