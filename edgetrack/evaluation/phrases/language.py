"""Metrics of sentences with known answers: the fractions answered right or refused, by kind.

A second count covers only the sentences whose parts were found: there, the network knew the candidates, so that errors
are due to the understanding of the sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgetrack.datasets.phrases import ABSENT, BoxTuple
from edgetrack.evaluation.metrics.proportions import Proportion, proportion
from edgetrack.evaluation.phrases.metrics import ALL, RIGHT_IOU, Result, best_iou
from edgetrack.evaluation.phrases.types import Answer

DATASET = "language"


@dataclass(frozen=True, slots=True)
class LanguageMetrics:
    """Metrics of the sentences of one kind."""

    kind: str
    right: Proportion  # a right box is shown
    refused: Proportion  # no box is shown, or the user is warned of unknown words
    either: Proportion
    tracking_wrong: Proportion  # a wrong box is shown with the status tracking


def score_language(results: Sequence[Result], *, knows_parts: bool = False) -> list[LanguageMetrics]:
    """Return the metrics of all results, then those of each kind.

    Args:
        results: results of one system.
        knows_parts: count only sentences whose parts were found.
    """
    counted = [r for r in results if r.knows_parts] if knows_parts else results
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


def finds_all(answer: Answer, boxes: Sequence[BoxTuple]) -> bool:
    """Return whether the first candidates, without duplicates at one position, are exactly these objects."""
    first: list[BoxTuple] = []
    for box, _ in answer.candidates:
        if len(first) < len(boxes) and best_iou(box, first) < RIGHT_IOU:
            first.append(box)
    return len(first) == len(boxes) and all(best_iou(box, first) >= RIGHT_IOU for box in boxes)
