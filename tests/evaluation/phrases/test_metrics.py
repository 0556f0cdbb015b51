"""Fractions, intervals, presence and changed answers, compared with numbers worked out by hand."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from edgetrack.datasets import Phrase
from edgetrack.evaluation.metrics.proportions import proportion
from edgetrack.evaluation.phrases.metrics import Result, Swapped, best_iou, score_phrases
from edgetrack.evaluation.phrases.report import MAX_FAILURES, find_failures, phrase_tables
from edgetrack.evaluation.phrases.types import Answer

HERE, THERE = (10.0, 10.0, 20.0, 20.0), (60.0, 60.0, 20.0, 20.0)


def answer(box: Any = HERE, score: float = 0.5, *, shown: bool = True, tracking: bool = False) -> Answer:
    return Answer(() if box is None else ((box, score),), score, shown, tracking, 5.0)


def result(
    given: Answer, kind: str = "relation", *, other: Answer | None = None, after: int | None = None
) -> Result:
    boxes = () if kind.startswith("absent") else (HERE,)
    phrase = Phrase(Path("a.jpg"), "the left car", kind, boxes, tags=("night",))
    swapped = None if other is None else Swapped("left, right", "the right car", other)
    return Result(phrase, given, best_iou(given.box, boxes), after, swapped)


@pytest.mark.parametrize(("count", "total"), [(8, 10), (0, 10), (10, 10), (61, 178)])
def test_wilson_interval_inverts_the_score_test(count: int, total: int) -> None:
    """Its ends are the true fractions from which the observed one is 1.96 standard deviations away, or 0 and 1."""
    found = proportion(i < count for i in range(total))
    assert (found.count, found.total, found.share) == (count, total, count / total)
    assert 0 <= found.low <= found.share <= found.high <= 1
    for end in (found.low, found.high):
        deviation = math.sqrt(end * (1 - end) / total)
        assert abs(found.share - end) == pytest.approx(1.959964 * deviation, abs=1e-9)


def test_fraction_of_nothing_is_undefined() -> None:
    assert math.isnan(proportion([]).share)
    assert proportion([]).total == 0


def test_nearest_of_the_true_boxes_counts() -> None:
    assert best_iou(HERE, [THERE, HERE]) == 1
    half = (10.0, 10.0, 20.0, 10.0)
    assert best_iou(half, [HERE]) == 0.5
    assert result(answer(half)).right
    assert best_iou(None, [HERE]) == best_iou(HERE, []) == 0


def test_right_shown_and_tracking_are_distinguished() -> None:
    metrics = score_phrases(
        "m",
        [
            result(answer(shown=False)),
            result(answer()),
            result(answer(tracking=True), "class_unique"),
            result(answer(THERE, tracking=True)),
        ],
    )
    rows = {row.kind: row for row in metrics.present}
    assert list(rows) == ["all", "class_unique", "relation", "tagged night"]
    assert [p.count for p in (rows["all"].best, rows["all"].shown, rows["all"].tracking)] == [3, 2, 1]
    assert [p.total for p in (rows["class_unique"].best, rows["relation"].best)] == [1, 3]
    assert metrics.absent[0].at_once.total == 0
    assert math.isnan(metrics.auroc)
    assert [table.title for table in phrase_tables([metrics])] == ["Phrases", "Phrases by kind"]


def test_absent_phrases_are_counted_at_once_and_after_repeats() -> None:
    metrics = score_phrases(
        "m",
        [
            result(answer(score=0.9)),
            result(answer(score=0.2), "class_several"),
            result(answer(score=0.4, tracking=True), "absent_class", after=0),
            result(answer(score=0.3), "absent_color", after=7),
            result(answer(score=0.1), "absent_class"),
        ],
    )
    every = metrics.absent[0]
    assert (every.at_once.count, every.repeated.count, every.at_once.total) == (1, 2, 3)
    assert metrics.auroc == pytest.approx(4 / 6)  # 0.9 beats all three, 0.2 one
    assert metrics.auroc_classes == pytest.approx(1 / 2)  # 0.2 beats 0.1, not 0.4


@pytest.mark.parametrize(
    ("first", "other", "changed"),
    [
        (answer(), answer(THERE), True),
        (answer(), answer(), False),
        (answer(), answer((12.0, 10.0, 20.0, 20.0)), False),
        (answer(), answer(shown=False), True),  # the same box, not shown any more
        (answer(shown=False), answer(), False),
        (answer(), answer(None, shown=False), True),
        (answer(None, shown=False), answer(), True),
        (answer(None, shown=False), answer(None, shown=False), False),
    ],
)
def test_when_a_swapped_word_changes_the_answer(first: Answer, other: Answer, changed: bool) -> None:
    assert result(first, other=other).changed == changed


def test_swaps_are_counted_by_kind_and_among_right_answers() -> None:
    rows = [
        result(answer(), other=answer(THERE)),
        result(answer(), other=answer()),
        result(answer(THERE), other=answer()),
        result(answer()),
    ]
    swaps = {s.swap: s for s in score_phrases("m", rows).swaps}
    assert (swaps["all"].changed.count, swaps["all"].changed.total) == (2, 3)
    assert (swaps["left, right"].changed_right.count, swaps["left, right"].changed_right.total) == (1, 2)
    assert swaps["color"].changed.total == 0


def test_failures_are_sorted_by_confidence_and_cover_all_kinds() -> None:
    wrong = [result(answer(THERE, score / 100), "relation") for score in range(MAX_FAILURES + 5)]
    lonely = result(answer(None, 0.0, shown=False), "action")
    absent = result(answer(score=0.4), "absent_class", after=3)
    fine = [result(answer()), result(answer(), "absent_class")]
    found = find_failures([*fine, *wrong, lonely, absent])
    assert found[:3] == [absent, lonely, wrong[-1]]
    assert found[3] == wrong[-2]
    assert len(found) == len(wrong) + 2
