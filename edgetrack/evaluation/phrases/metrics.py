"""Metrics of phrases: shares right, shown and tracked, by kind and in all; presence; swapped words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from edgetrack.datasets import Phrase
from edgetrack.datasets.phrases import ABSENT, BoxTuple
from edgetrack.evaluation.metrics.calibration import auroc
from edgetrack.evaluation.metrics.one_pass import overlap
from edgetrack.evaluation.metrics.proportions import Proportion, proportion
from edgetrack.evaluation.phrases.swaps import SWAPS, Swap
from edgetrack.evaluation.phrases.types import Answer

Outcome = Literal["right", "refused", "wrong"]

RIGHT_IOU = 0.5
ALL = "all"
CLASS = "class"  # how the kinds of class nouns begin, after "absent_"


@dataclass(frozen=True, slots=True)
class Swapped:
    """A phrase with a swapped word, and the answer to it."""

    swap: Swap
    text: str
    answer: Answer


@dataclass(frozen=True, slots=True)
class Result:
    """What one system said of one phrase."""

    phrase: Phrase
    answer: Answer
    iou: float  # of its best box with the nearest of the true boxes; 0 without either
    tracked_after: (
        int | None
    )  # absent: frames with the same picture until it reported tracking, 0 is the first
    swapped: Swapped | None = None
    knows_parts: bool | None = None  # whether the parts that the phrase rests on were found; None without any

    @property
    def outcome(self) -> Outcome:
        """What its user has of it: a box that is right, an honest refusal, or a box that is wrong.

        Refused: no box is shown, or the user is told that the phrase has unknown words.
        """
        if self.right and self.answer.shown:
            return "right"
        return "refused" if self.answer.warned or not self.answer.shown else "wrong"

    @property
    def right(self) -> bool:
        """Whether the best box is right."""
        return self.iou >= RIGHT_IOU

    @property
    def changed(self) -> bool:
        """Whether the swapped word changed the answer: another box, or one that is no longer shown."""
        if self.swapped is None:
            return False
        other = self.swapped.answer
        hidden = self.answer.shown and not other.shown
        if self.answer.box is None or other.box is None:
            return hidden or self.answer.box != other.box
        return hidden or best_iou(other.box, [self.answer.box]) < RIGHT_IOU


@dataclass(frozen=True, slots=True)
class PresentMetrics:
    """Phrases of one kind that name something in their picture."""

    kind: str
    best: Proportion  # the best box is right, whatever its score
    shown: Proportion  # and it is shown: tracking or uncertain
    tracking: Proportion  # and it is tracking


@dataclass(frozen=True, slots=True)
class AbsentMetrics:
    """Phrases of one kind that name nothing in their picture."""

    kind: str
    at_once: Proportion  # reported as tracking on the first frame
    repeated: Proportion  # on that frame or one of the repeats


@dataclass(frozen=True, slots=True)
class SwapMetrics:
    """Phrases with one kind of swapped word."""

    swap: str
    changed: Proportion  # of all
    changed_right: Proportion  # of those whose phrase itself was answered right


@dataclass(frozen=True, slots=True)
class PhraseMetrics:
    """What one system achieved; the first row of each list is of all."""

    model: str
    present: list[PresentMetrics]
    absent: list[AbsentMetrics]
    swaps: list[SwapMetrics]
    auroc: float  # score of present phrases against that of absent ones
    auroc_classes: float  # of class nouns alone
    first_ms: float  # median, of a first frame


def best_iou(box: BoxTuple | None, truth: Sequence[BoxTuple]) -> float:
    """Return the IoU with the nearest true box; 0 without a box or a truth."""
    if box is None or not truth:
        return 0.0
    return float(overlap(np.array([box] * len(truth)), np.array(truth)).max())


def score_phrases(model: str, results: Sequence[Result]) -> PhraseMetrics:
    """Score one system, given its results on all phrases."""
    present = [r for r in results if not r.phrase.absent]
    absent = [r for r in results if r.phrase.absent]
    swapped = [r for r in present if r.swapped is not None]
    return PhraseMetrics(
        model,
        [_present(kind, rows) for kind, rows in _by_kind(present)],
        [_absent(kind, rows) for kind, rows in _by_kind(absent)],
        [_swaps(swap, swapped) for swap in (ALL, *SWAPS)],
        _presence(results),
        _presence([r for r in results if r.phrase.kind.removeprefix(f"{ABSENT}_").startswith(CLASS)]),
        float(np.median([r.answer.milliseconds for r in results])),
    )


def _by_kind(results: Sequence[Result]) -> Iterable[tuple[str, Sequence[Result]]]:
    yield ALL, results
    for kind in sorted({r.phrase.kind for r in results}):
        yield kind, [r for r in results if r.phrase.kind == kind]
    for tag in sorted({tag for r in results for tag in r.phrase.tags}):
        yield f"tagged {tag}", [r for r in results if tag in r.phrase.tags]


def _present(kind: str, results: Sequence[Result]) -> PresentMetrics:
    return PresentMetrics(
        kind,
        proportion(r.right for r in results),
        proportion(r.right and r.answer.shown for r in results),
        proportion(r.right and r.answer.tracking for r in results),
    )


def _absent(kind: str, results: Sequence[Result]) -> AbsentMetrics:
    return AbsentMetrics(
        kind,
        proportion(r.answer.tracking for r in results),
        proportion(r.tracked_after is not None for r in results),
    )


def _swaps(swap: str, results: Sequence[Result]) -> SwapMetrics:
    rows = [r for r in results if r.swapped is not None and swap in (ALL, r.swapped.swap)]
    return SwapMetrics(
        swap, proportion(r.changed for r in rows), proportion(r.changed for r in rows if r.right)
    )


def _presence(results: Sequence[Result]) -> float:
    scores = np.array([r.answer.score for r in results], np.float64)
    return auroc(scores, np.array([not r.phrase.absent for r in results], bool))
