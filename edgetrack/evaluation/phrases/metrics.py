"""Metrics of phrases: fractions right, shown and tracked, in total and by kind; presence; swapped words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
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
CLASS = "class"  # prefix of the kinds of class nouns, after "absent_"


@dataclass(frozen=True, slots=True)
class Swapped:
    """A phrase with a swapped word, and its answer."""

    swap: Swap
    text: str
    answer: Answer


class Parts(IntEnum):
    """How well a system knows the parts of a sentence, each searched for alone."""

    MISSED = 0
    FOUND = 1  # the first candidates are exactly the objects of the part
    TOLD_APART = 2  # and only these have clear scores


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one system on one phrase."""

    phrase: Phrase
    answer: Answer
    iou: float  # IoU of the best box with the closest true box; 0 if either is missing
    tracked_after: (
        int | None
    )  # absent phrases: repeats of the image until tracking was reported, 0 for the first frame
    swapped: Swapped | None = None
    parts: Parts | None = None  # how well the least known part of the phrase is known; None without parts

    @property
    def outcome(self) -> Outcome:
        """Return the outcome for the user: right, refused or wrong.

        Refused means that no box is shown, or that the user is warned of unknown words.
        """
        if self.right and self.answer.shown:
            return "right"
        return "refused" if self.answer.warned or not self.answer.shown else "wrong"

    @property
    def right(self) -> bool:
        """Return whether the best box is right."""
        return self.iou >= RIGHT_IOU

    @property
    def changed(self) -> bool:
        """Return whether the swapped word changed the answer to another box, or to none that is shown."""
        if self.swapped is None:
            return False
        other = self.swapped.answer
        hidden = self.answer.shown and not other.shown
        if self.answer.box is None or other.box is None:
            return hidden or self.answer.box != other.box
        return hidden or best_iou(other.box, [self.answer.box]) < RIGHT_IOU


@dataclass(frozen=True, slots=True)
class PresentMetrics:
    """Metrics of phrases of one kind that name objects in their images."""

    kind: str
    best: Proportion  # the best box is right, regardless of its score
    shown: Proportion  # the best box is right and shown: tracking or uncertain
    tracking: Proportion  # the best box is right and tracking


@dataclass(frozen=True, slots=True)
class AbsentMetrics:
    """Metrics of phrases of one kind that name nothing in their images."""

    kind: str
    at_once: Proportion  # fraction reported as tracking on the first frame
    repeated: Proportion  # the same on the first frame or one of the repeats


@dataclass(frozen=True, slots=True)
class SwapMetrics:
    """Metrics of phrases with one kind of swapped word."""

    swap: str
    changed: Proportion  # fraction of all phrases
    changed_right: Proportion  # fraction of those whose original phrase was answered right


@dataclass(frozen=True, slots=True)
class PhraseMetrics:
    """The metrics of one system; the first row of each list is the total."""

    model: str
    present: list[PresentMetrics]
    absent: list[AbsentMetrics]
    swaps: list[SwapMetrics]
    auroc: float  # of the score, present against absent phrases
    auroc_classes: float  # the same for class nouns only
    first_ms: float  # median time of a first frame


def best_iou(box: BoxTuple | None, truth: Sequence[BoxTuple]) -> float:
    """Return the IoU with the closest true box; 0 if either is missing."""
    if box is None or not truth:
        return 0.0
    return float(overlap(np.array([box] * len(truth)), np.array(truth)).max())


def score_phrases(model: str, results: Sequence[Result]) -> PhraseMetrics:
    """Return the metrics of one system, given its results on all phrases."""
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
