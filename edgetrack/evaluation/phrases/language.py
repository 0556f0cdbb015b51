"""Metrics of sentences with known answers: the fractions answered right or refused, by kind.

Further counts cover only the sentences whose parts were found, or also told apart: there, the network knew the
candidates, so that errors are due to the understanding of the sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgetrack.datasets.phrases import ABSENT, BoxTuple
from edgetrack.evaluation.metrics.proportions import Proportion, proportion
from edgetrack.evaluation.phrases.metrics import ALL, RIGHT_IOU, Parts, Result, best_iou
from edgetrack.evaluation.phrases.types import Answer

DATASET = "language"
CLEAR = 0.15  # fraction of the best score at which edgetrack counts a candidate as half an object


@dataclass(frozen=True, slots=True)
class LanguageMetrics:
    """Metrics of the sentences of one kind."""

    kind: str
    right: Proportion  # a right box is shown
    refused: Proportion  # no box is shown, or the user is warned of unknown words
    either: Proportion
    tracking_wrong: Proportion  # a wrong box is shown with the status tracking


def score_language(results: Sequence[Result], *, parts: Parts | None = None) -> list[LanguageMetrics]:
    """Return the metrics of all results, then those of each kind.

    Args:
        results: results of one system.
        parts: count only sentences whose parts are known that well; None for all sentences.
    """
    counted = [r for r in results if parts is None or (r.parts is not None and r.parts >= parts)]
    kinds = sorted({kind_of(r) for r in counted})
    return [
        _score(ALL, counted),
        *(_score(kind, [r for r in counted if kind_of(r) == kind]) for kind in kinds),
    ]


def kind_of(result: Result) -> str:
    """Return the kind of a sentence, without the prefix of absent ones."""
    return result.phrase.kind.removeprefix(f"{ABSENT}_")


def _score(kind: str, results: Sequence[Result]) -> LanguageMetrics:
    outcomes = [r.outcome for r in results]
    return LanguageMetrics(
        kind,
        proportion(outcome == "right" for outcome in outcomes),
        proportion(outcome == "refused" for outcome in outcomes),
        proportion(outcome != "wrong" for outcome in outcomes),
        proportion(r.outcome == "wrong" and r.answer.tracking for r in results),
    )


def known_parts(answer: Answer, boxes: Sequence[BoxTuple]) -> Parts:
    """Return how well the answer to a plain phrase knows the objects that it names.

    They are found if the first candidates, without duplicates at one position, are exactly these objects. They are told
    apart if, in addition, they alone score ``CLEAR`` of the best or more.
    """
    first: list[BoxTuple] = []
    scores: list[float] = []
    others = [0.0]
    for box, score in answer.candidates:
        if best_iou(box, first) >= RIGHT_IOU:
            continue
        if len(first) < len(boxes):
            first.append(box)
            scores.append(score)
        else:
            others.append(score)
    if len(first) < len(boxes) or any(best_iou(box, first) < RIGHT_IOU for box in boxes):
        return Parts.MISSED
    limit = CLEAR * max(scores)
    return Parts.TOLD_APART if max(others) < limit <= min(scores) else Parts.FOUND
