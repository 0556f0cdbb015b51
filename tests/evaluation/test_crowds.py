"""``edgetrack eval`` of sequences with many objects: from a small data set to a table and a file."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("cv2")
pytest.importorskip("scipy")

import crowd_trees
from crowd_trees import OTHER
from trees import COUNT, box_at
from typer.testing import CliRunner

from edgetrack.cli import app
from edgetrack.datasets.sequence import ImageFrames
from edgetrack.errors import ConfigError
from edgetrack.evaluation.crowds.evaluate import CrowdReport, CrowdResult, WorstFrame, evaluate_crowds
from edgetrack.evaluation.crowds.report import crowd_table, worst_first, write_crowd_report
from edgetrack.evaluation.execution.request import Request
from edgetrack.evaluation.metrics.identity import count_wrong, identity_counts
from edgetrack.timing import Timing
from edgetrack.types import Box, Frame, Track


class FakeMulti:
    """A multi-object tracker that knows the objects of `trees`; object 2 changes its id in frame 3."""

    def __init__(self, **asked: Any) -> None:
        manifest = SimpleNamespace(name="fake")
        self.engine = SimpleNamespace(bundle=SimpleNamespace(manifest=manifest), precision="fp32")
        self.failed: dict[str, Exception] = {}
        self.phrases: list[tuple[str, int]] = []
        self.asked, self.closed = asked, False

    def every(self, text: str, *, max: int) -> None:
        self.phrases.append((text, max))

    def update(self, frame: Frame) -> dict[str, Track]:
        boxes = {1: Box(*box_at(frame.index)), 2 if frame.index < 3 else 3: Box(*OTHER)}
        self.timing = {str(n): Timing(0, 2, 0) for n in boxes}
        tracks = {str(n): Track(box, 0.9, "tracking", frame.index, id=n) for n, box in boxes.items()}
        return tracks | {"lost": Track(None, 0.0, "lost", 0, id=9)}

    def close(self) -> None:
        self.closed = True


def evaluate(tmp_path: Path, **given: Any) -> tuple[CrowdReport, list[FakeMulti]]:
    opened: list[FakeMulti] = []

    def open_multi(**asked: Any) -> FakeMulti:
        opened.append(FakeMulti(**asked))
        opened[-1].timing = {"lost": Timing(0, 0, 0)}
        return opened[-1]

    root = crowd_trees.mot17(tmp_path / "data")
    request = Request("mot17", root, tmp_path / "out", **given)
    *progress, report = evaluate_crowds(request, open_multi=open_multi)
    assert isinstance(report, CrowdReport)
    assert len(progress) >= 2
    return report, opened


def test_report_has_a_row_per_sequence_and_one_for_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = FakeMulti.update

    def update(self: FakeMulti, frame: Frame) -> dict[str, Track]:
        tracks = original(self, frame)
        self.timing["lost"] = Timing(0, 0, 0)
        return tracks

    monkeypatch.setattr(FakeMulti, "update", update)
    report, opened = evaluate(tmp_path, trackers=("edgetrack", "edgetrack:edgetrack-160@int8"))
    assert all(one.closed and one.phrases == [("person", 16)] for one in opened)
    assert [one.asked for one in opened[:2]] == [
        {"model": None, "precision": None}, {"model": "edgetrack-160", "precision": "int8"},
    ]  # fmt: skip
    table = crowd_table(report)
    assert [row[:3] for row in table.rows[:3]] == [
        ["edgetrack", "MOT17-02", "person"], ["edgetrack", "MOT17-04", "person"], ["edgetrack", "all", ""],
    ]  # fmt: skip
    counts = report.results[0][0].counts
    assert (counts.switches, counts.objects, counts.ids, counts.frames) == (1, 2, 3, COUNT)
    assert counts.mean_count_error == pytest.approx(
        1 / COUNT
    )  # the ground truth lacks one box in the last frame
    assert report.results[0][0].milliseconds == pytest.approx(4.0)
    page, file = write_crowd_report(report, tmp_path / "out")
    content = json.loads(file.read_text())
    assert content["trackers"][1]["sequences"][0]["switches"] == 1
    assert 0.5 < content["trackers"][0]["HOTA"] < 1
    worst = report.results[0][0].worst
    assert worst is not None
    assert (worst.index, worst.wrong, len(worst.truth), len(worst.found)) == (COUNT - 1, 1, 1, 2)
    shown = page.read_text()
    assert shown.count("<figure><img") == 4  # two trackers, two sequences
    assert (
        f"switches, count error 0.{round(100 / COUNT)}. Frame {COUNT}: 2 found, 1 present, 1 wrong" in shown
    )


def test_worst_sequences_come_first_and_perfect_ones_are_left_out(tmp_path: Path) -> None:
    box, other = Box(0, 0, 10, 10), Box(50, 50, 10, 10)
    frames = ImageFrames(tmp_path, ["none.png"])

    def result(name: str, found: dict[int, Box]) -> CrowdResult:
        wrong = count_wrong({1: box}, found)
        worst = WorstFrame(0, wrong, (box,), tuple(found.values()), frames) if wrong else None
        return CrowdResult("edgetrack", name, "car", identity_counts([{1: box}], [found]), 1.0, worst)

    results = [
        result("right", {1: box}),
        result("more", {1: box, 2: other}),
        result("none", {}),
        result("wrong", {2: other, 3: box, 4: other}),
    ]
    assert [one.worst.wrong for one in results if one.worst] == [1, 1, 2]
    assert [one.sequence for one in worst_first(results)] == ["none", "wrong", "more"]


def test_what_cannot_be_measured_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="opencv-mil tracks one target only"):
        evaluate(tmp_path, trackers=("opencv-mil",))
    with pytest.raises(ConfigError, match="no sequence nothing"):
        list(
            evaluate_crowds(
                Request("mot17", tmp_path / "data", tmp_path / "o", names=("nothing",)), open_multi=FakeMulti
            )
        )
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "x").touch()
    with pytest.raises(ConfigError, match="contains other files"):
        evaluate(tmp_path)


def test_command_runs_the_shipped_model(tmp_path: Path) -> None:
    root = crowd_trees.refer_kitti(tmp_path / "data")
    words = [
        "eval",
        "refer-kitti",
        str(root),
        "--split",
        "train",
        "--output",
        str(tmp_path / "out"),
        "--threads",
        "1",
    ]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "squares on the left" in done.output
    assert {file.name for file in (tmp_path / "out").iterdir()} == {"crowds.json", "report.html"}
    done = CliRunner().invoke(app, [*words, "--mode", "bbox"])
    assert done.exit_code == 2
    assert "--mode has no effect" in done.output
