"""Grounders from folders, by ``edgetrack run --grounder`` and in Python."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_owl import picture, write_tiny_owl
from typer.testing import CliRunner

import edgetrack
from edgetrack.cli import app
from edgetrack.demo import Scene
from edgetrack.errors import BundleError
from edgetrack.grounders import open_grounder
from edgetrack.peers.finding import PhraseFinder
from edgetrack.types import Box

cv2 = pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")
pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[int8]'")
pytest.importorskip("tokenizers", reason="needs tokenizers: pip install 'edgetrack[hf]'")

MODEL = "edgetrack-160"
SEEN, GONE = 4, 26  # frames with the target, and then without it
FIRST, SECOND = (32, 64), (160, 128)


@pytest.fixture(scope="module")
def owl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_owl(tmp_path_factory.mktemp("owl") / "owl")


def test_a_run_finds_loses_and_finds_again(owl: Path, tmp_path: Path) -> None:
    video = tmp_path / "a.avi"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"MJPG"), 30, (256, 256))
    for place in (*(FIRST,) * SEEN, *(None,) * GONE, *(SECOND,) * 36):
        writer.write(picture(place))
    writer.release()
    rows_file = tmp_path / "a.jsonl"
    words = ["run", "--model", MODEL, "--source", str(video), "--text", "red car", "--grounder", str(owl)]
    result = CliRunner().invoke(app, [*words, "--threads", "1", "--output", str(rows_file)])
    assert result.exit_code == 0, result.output
    found = [json.loads(line) for line in rows_file.read_text().splitlines()]
    states = [row["status"] for row in found]
    assert states[0] == "tracking"
    assert Box(*found[0]["box"]).iou(Box(*FIRST, 64, 64)) > 0.9
    assert states[SEEN + GONE - 1] == "lost"
    assert states[-1] == "tracking"
    assert Box(*found[-1]["box"]).iou(Box(*SECOND, 64, 64)) > 0.5
    assert re.search(r"grounder  p50 \d+, at most \d+ ms a look", result.output)


def test_precisions_that_cannot_be_accepted_are_refused(owl: Path, tmp_path: Path) -> None:
    """Before anything is written or measured."""
    for flag, complaint in (
        ("--int8", "is not made of tiny-owl.*by boxes, and it takes none.*float32: leave --int8 out"),
        ("--fp16", "--fp16 has no effect"),
    ):
        words = ["export", str(owl), flag, "--output", str(tmp_path / "out")]
        result = CliRunner().invoke(app, words)
        assert result.exit_code == 2
        assert re.search(complaint, " ".join(result.output.split())), result.output
        assert not (tmp_path / "out").exists()


def test_two_phrases_are_scored_in_one_look(owl: Path) -> None:
    terms = open_grounder(owl, threads=1)
    assert (terms.name, terms.waits) == ("tiny-owl", True)
    frame = picture(FIRST)
    frame[128:192, 160:224] = (230, 20, 20)
    found = [(Box(*box), scores) for box, scores in terms.find(frame, ["red car", "blue car"])]
    for place, phrase in ((FIRST, 0), (SECOND, 1)):
        box, scores = max(found, key=lambda one, phrase=phrase: one[1][phrase])  # type: ignore[misc]
        assert box == Box(*place, 64, 64)
        assert scores[phrase] > 0.8 > 0.1 > scores[1 - phrase]


def test_empty_boxes_are_left_out() -> None:
    """A network may give them, and be sure of them."""

    class Sure(PhraseFinder[list[str]]):
        name, threshold = "sure", 0.1

        def queries(self, phrases: Sequence[str]) -> list[str]:
            return list(phrases)

        def score(self, frame: Any, queries: list[str]) -> tuple[Any, Any]:
            return np.array([[0.9], [0.8], [0.7]]), np.array([[5, 5, 0, 9], [5, 5, 9, 9], [5, 5, 9, -1]])

    finder = Sure()
    (found,) = finder.find(picture(FIRST), finder.queries(["red car"]))
    assert found == (Box(5, 5, 9, 9), 0.8, 0)


def test_scores_are_calibrated_by_the_manifest(owl: Path, tmp_path: Path) -> None:
    lower = open_grounder(write_tiny_owl(tmp_path / "lower", calibration=[1.0, -2.0]), threads=1)
    plain, frame = open_grounder(owl, threads=1), picture(FIRST)
    for (_, (new,)), (_, (old,)) in zip(lower.find(frame, ["red"]), plain.find(frame, ["red"]), strict=True):
        assert new == pytest.approx(1 / (1 + np.exp(2) * (1 - old) / old))
    broken = write_tiny_owl(tmp_path / "broken", calibration=[1.0])
    with pytest.raises(BundleError, match="is not a pair of numbers"):
        open_grounder(broken)


def test_a_model_of_our_own_finds_for_another() -> None:
    """Its phrases are what geometry compares."""
    with closing(Scene().frames()) as frames:
        frame = next(frames).pixels
    terms = open_grounder(MODEL, threads=1)
    found = [(Box(*box), scores) for box, scores in terms.find(frame, ["blue car", "car"])]
    best = max(found, key=lambda one: one[1][0])
    assert best[1][0] > 0.6
    assert best[1][1] > 0.3
    with edgetrack.Tracker(MODEL, grounder=terms, threads=1) as tracker:
        track = tracker.start(frame, text="blue car")
    assert track.status == "tracking"
    assert track.box is not None
    assert track.box.iou(best[0]) > 0.99


def test_bundles_that_find_nothing_by_text(tmp_path: Path) -> None:
    tracker = write_tiny_owl(tmp_path / "tracker", adapter="sdstrack")
    for source, complaint in ((tracker, "does not find by text"), (tmp_path / "none", "none")):
        with pytest.raises(BundleError, match=complaint):
            edgetrack.Tracker(MODEL, grounder=source)
