"""What is asked of a system that is to find what a phrase names, and what it answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from edgetrack.datasets.phrases import BoxTuple
from edgetrack.evaluation.types import Pixels

ScoredBox = tuple[BoxTuple, float]  # x, y, w, h in pixels of the picture; score 0..1


class PhraseModel(Protocol):
    """A system that boxes what a phrase names in one picture, and keeps nothing of it."""

    threshold: float
    """Score, 0..1, from which it shows a box to its user."""

    def find(self, picture: Pixels, phrase: str) -> list[ScoredBox]:
        """Return all boxes that the phrase may mean, best first.

        Args:
            picture: uint8 (H, W, 3), BGR.
            phrase: such as "red car".
        """
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What a system said of one phrase after it had seen the picture once."""

    candidates: tuple[ScoredBox, ...]  # best first, whatever their scores
    score: float  # 0..1, that what the phrase names is there
    shown: bool  # whether its user sees a box: tracking or uncertain
    tracking: bool  # whether that box is one to act on
    milliseconds: float
    warned: bool = False  # whether its user is told that the phrase has unknown words

    @property
    def box(self) -> BoxTuple | None:
        """The best candidate's box, x, y, w, h in pixels."""
        return self.candidates[0][0] if self.candidates else None


class Respondent(Protocol):
    """A system under test, as an evaluation asks it."""

    def ask(self, picture: Pixels, phrase: str) -> Answer:
        """Return what it says of the phrase in a picture (H, W, 3) BGR that it has not seen before."""
        ...

    def repeat(self, picture: Pixels) -> bool:
        """Show the picture of the last phrase once more, as the next frame; return whether it reports tracking."""
        ...
