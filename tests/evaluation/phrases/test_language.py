"""Sentences with known answers: right, refused or wrong, by kind, and where the parts were found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import trees
from typer.testing import CliRunner

pytest.importorskip("cv2", reason="the video extra is not installed")

import cv2

from edgetrack.cli import app
from edgetrack.datasets.langdev import LANGUAGE
from edgetrack.datasets.phrases import BoxTuple, Phrase
from edgetrack.errors import DatasetError
from edgetrack.evaluation.phrases.language import known_parts, score_language
from edgetrack.evaluation.phrases.metrics import Parts, Result
from edgetrack.evaluation.phrases.report import find_failures
from edgetrack.evaluation.phrases.types import Answer

HERE: BoxTuple = (10.0, 10.0, 20.0, 20.0)
THERE: BoxTuple = (60.0, 10.0, 20.0, 20.0)


def answer(*boxes: BoxTuple, shown: bool = True, tracking: bool = False, warned: bool = False) -> Answer:
    return Answer(
        tuple((box, 0.9 - 0.1 * i) for i, box in enumerate(boxes)), 0.9, shown, tracking, 1.0, warned
    )


def result(kind: str, said: Answer, *boxes: BoxTuple, parts: Parts | None = None) -> Result:
    iou = 1.0 if said.box in boxes else 0.0
    return Result(Phrase(Path("a.png"), kind, kind, boxes), said, iou, None, parts=parts)


@pytest.mark.parametrize(
    ("said", "truth", "outcome"),
    [
        (answer(HERE), (HERE,), "right"),
        (answer(HERE, warned=True), (HERE,), "right"),
        (answer(THERE), (HERE,), "wrong"),
        (answer(THERE, warned=True), (HERE,), "refused"),
        (answer(HERE, shown=False), (HERE,), "refused"),
        (answer(HERE), (), "wrong"),
        (answer(HERE, shown=False), (), "refused"),
        (answer(shown=False), (HERE,), "refused"),
    ],
)
def test_outcome_is_what_the_user_gets(said: Answer, truth: tuple[BoxTuple, ...], outcome: str) -> None:
    assert result("kind", said, *truth).outcome == outcome


def test_kinds_are_counted_in_all_and_where_the_parts_were_found() -> None:
    results = [
        result("negation", answer(HERE), HERE, parts=Parts.TOLD_APART),
        result("negation", answer(THERE, tracking=True), HERE, parts=Parts.MISSED),
        result("negation", answer(THERE), HERE, parts=Parts.FOUND),
        result("absent_color", answer(HERE)),
        result("color", answer(HERE, shown=False), HERE),
    ]
    everything, color, negation = score_language(results)
    assert [row.kind for row in (everything, color, negation)] == ["all", "color", "negation"]
    assert (everything.right.count, everything.refused.count, everything.either.count) == (1, 1, 2)
    assert everything.tracking_wrong.count == 1
    assert (color.either.count, color.either.total) == (1, 2)
    assert (negation.either.count, negation.either.total) == (1, 3)
    found, kind = score_language(results, parts=Parts.FOUND)
    assert (found.kind, kind.kind) == ("all", "negation")
    assert (found.either.count, found.either.total) == (1, 2)
    apart, _ = score_language(results, parts=Parts.TOLD_APART)
    assert (apart.either.count, apart.either.total) == (1, 1)
    assert find_failures(results, language=True) == [results[3], results[1], results[2]]


def test_part_is_found_if_its_objects_rank_first() -> None:
    near: BoxTuple = (11.0, 10.0, 20.0, 20.0)
    assert known_parts(answer(THERE, HERE), (HERE, THERE)) >= Parts.FOUND
    assert known_parts(answer(HERE, near, THERE), (HERE, THERE)) >= Parts.FOUND  # two boxes at one position
    assert known_parts(answer(HERE, THERE), (THERE,)) == Parts.MISSED
    assert known_parts(answer(HERE), (HERE, THERE)) == Parts.MISSED
    assert known_parts(answer(), (HERE,)) == Parts.MISSED


@pytest.mark.parametrize(
    ("second", "third", "parts"),
    [
        (0.2, 0.1, Parts.TOLD_APART),
        (0.1, 0.05, Parts.FOUND),  # the second object hardly counts
        (0.5, 0.2, Parts.FOUND),  # something else counts
    ],
)
def test_part_is_told_apart_if_only_its_objects_have_clear_scores(
    second: float, third: float, parts: Parts
) -> None:
    elsewhere: BoxTuple = (60.0, 60.0, 20.0, 20.0)
    near: BoxTuple = (11.0, 10.0, 20.0, 20.0)
    candidates = ((HERE, 0.9), (near, 0.8), (THERE, second), (elsewhere, third))
    assert known_parts(Answer(candidates, 0.9, True, True, 1.0), (HERE, THERE)) == parts


def suite(root: Path) -> Path:
    """Write one image with a red square, and sentences about it."""
    (root / "images").mkdir(parents=True)
    assert cv2.imwrite(str(root / "images" / "a.png"), trees.picture(0, (40, 40, 220)))
    box = trees.box_at(0)
    lines: list[dict[str, Any]] = [
        {
            "phrase": "the red square",
            "kind": "color",
            "boxes": [box],
            "parts": [{"phrase": "square", "boxes": [box]}],
        },
        {"phrase": "das Quadrat", "kind": "other language", "boxes": [box]},
        {"phrase": "an elephant", "kind": "absent_absent", "boxes": []},
    ]
    trees.write(
        root / "phrases.jsonl", "".join(json.dumps({"image": "images/a.png", **one}) + "\n" for one in lines)
    )
    return root


def test_command_counts_and_shows_failures(tmp_path: Path) -> None:
    data, out = suite(tmp_path / "data"), tmp_path / "out"
    run = CliRunner().invoke(app, ["eval", "language", str(data), "--threads", "1", "-o", str(out)])
    assert run.exit_code == 0, run.output
    for part in ("parts were found", "parts were told apart", "right or refused", "other language"):
        assert part in run.output
    content = json.loads((out / "phrases.json").read_text())
    (answers,) = (model["answers"] for model in content["models"])
    assert [one["phrase"] for one in answers] == ["the red square", "das Quadrat", "an elephant"]
    assert answers[0]["parts"] in ("missed", "found", "told_apart")
    assert answers[1]["outcome"] in ("right", "refused")  # unknown words cause a warning at worst
    (all_kinds, *kinds) = content["language"][0]["all"]
    assert all_kinds["either"]["total"] == 3
    assert [row["kind"] for row in kinds] == ["absent", "color", "other language"]
    assert "Failures: edgetrack" in (out / "report.html").read_text()


@pytest.mark.parametrize(
    "parts",
    [
        "car",
        [3],
        [{"phrase": "car"}],
        [{"phrase": "car", "boxes": []}],
        [{"phrase": 1, "boxes": [[1, 2, 3, 4]]}],
    ],
)
def test_bad_parts_are_rejected_with_their_line(tmp_path: Path, parts: object) -> None:
    line = {"image": "a.png", "phrase": "a", "kind": "b", "boxes": [], "parts": parts}
    trees.write(tmp_path / "phrases.jsonl", json.dumps(line) + "\n")
    with pytest.raises(DatasetError, match=r"phrases\.jsonl:1: "):
        LANGUAGE.read(tmp_path, "all")
