"""``edgetrack eval`` from the files of a data set to those of its report."""

from __future__ import annotations

import io
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import drawn
import numpy as np
import pytest
from fake_engine import FakeEngine
from rich.console import Console
from typer.testing import CliRunner

from edgetrack._native import runtime
from edgetrack.cli import app
from edgetrack.cli.eval_view import evaluate_and_print
from edgetrack.datasets import LAYOUTS
from edgetrack.errors import ConfigError, DatasetError
from edgetrack.evaluation.execution import plan as runner
from edgetrack.evaluation.execution import records
from edgetrack.evaluation.execution.dataset import load_sequences, select
from edgetrack.evaluation.execution.request import Request
from edgetrack.evaluation.perturbations import text_controls as controls
from edgetrack.evaluation.perturbations.registry import conditions
from edgetrack.evaluation.report import tables
from edgetrack.evaluation.trackers import opencv
from edgetrack.evaluation.trackers.registry import open_entry
from edgetrack.evaluation.types import Burst, Condition, Record, ResultFormat
from edgetrack.tracker import Tracker

cv2 = pytest.importorskip("cv2", reason="the video extra is not installed")


DRAWN = ["", *(f"-draw-{i}" for i in range(1, 10))]


class Counting(Tracker):
    """The real tracker on an engine that finds red; it counts its sequences."""

    starts = 0

    def start(self, *args: Any, **options: Any) -> Any:
        Counting.starts += 1
        return super().start(*args, **options)


def run(request: Request) -> tuple[list[Any], str, int]:
    """Return the figures, the output, and the number of sequences that were really run."""
    Counting.starts = 0
    console = Console(file=io.StringIO(), width=200)
    figures = evaluate_and_print(console, request, open_edgetrack=lambda: Counting(engine=FakeEngine())).runs
    return list(figures), console.file.getvalue(), Counting.starts  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def no_tokenizer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the tokenizer: the engine that finds red reads no text."""

    class FakeTokenizer:
        def __init__(self, bundle: Any) -> None: ...

        def encode(self, text: str) -> Any:
            return np.ones((1, 24), np.int64), np.ones((1, 24), np.float32)

        def text(self, text: str) -> runtime.Text:
            return runtime.Text(*self.encode(text))

        def tokens(self, text: str) -> list[int]:
            return [0] * (len(text.split()) + 2)

    monkeypatch.setattr("edgetrack.words.Tokenizer", FakeTokenizer)
    monkeypatch.setattr("edgetrack.evaluation.trackers.text_length.Tokenizer", FakeTokenizer)


def test_evaluation_end_to_end(dataset: Path, tmp_path: Path) -> None:
    request = Request(
        "folder", dataset, tmp_path / "out", modes=("nl", "bbox"), command="edgetrack eval folder x"
    )
    figures, printed, starts = run(request)
    assert starts == 6
    for run_figures in figures:
        assert run_figures.ope.auc > 0.75, run_figures.run.label  # a red square is easy; codecs blur its edge
        assert run_figures.ope.os50 == 1
        assert run_figures.false_present < 0.8
        assert run_figures.sequences[2].absent == 4
    assert figures[0].first_hits == 3
    assert "AUROC" in printed
    content = json.loads((tmp_path / "out/report.json").read_text())
    assert [r["run"]["mode"] for r in content["runs"]] == ["nl", "bbox"]
    assert content["runs"][0]["ope"]["auc"] == pytest.approx(figures[0].ope.auc)
    assert (
        content["runs"][0]["sequences"][0]["false_present"] is None
    )  # the target is never absent: no figure, and valid JSON
    page = (tmp_path / "out/report.md").read_text()
    for words in (
        "edgetrack eval folder x",
        "fake 0",
        "arithmetic; fp32: instead of a network",
        "processor",
        "| slow |",
    ):
        assert words in page


@pytest.mark.nightly
def test_disturbances_end_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tracker loses red behind a patch without red, finds it again, and tolerates a lower frame rate."""
    gray = np.full((240, 320, 3), 120, np.uint8)  # a texture of the rendered data set may contain red
    monkeypatch.setattr("edgetrack.evaluation.perturbations.registry.texture", lambda clips, clip, seed: gray)
    long = drawn.write_dataset(tmp_path / "data", frames=100)
    asked = conditions(occlusion=True, corruptions=["frame-drop", "init-jitter"], real_time=[25])
    request = Request("folder", long, tmp_path / "out", names=("slow", "fast"), conditions=tuple(asked))
    figures, printed, starts = run(request)
    assert starts == 2 * (1 + 1 + 3 + 3 + 30)
    by_label = {f.run.label: f for f in figures}
    for severity in (1, 2, 3):
        burst = by_label[f"bbox, occlusion-{severity}"].occlusion
        assert burst.bursts == burst.held == 2
        assert burst.reacquired == 1
        assert burst.hidden.get("tracking", 0) == 0
        assert burst.auc_after > 0.7
    assert by_label["bbox, occlusion-1"].occlusion.hidden == {
        "uncertain": 1.0
    }  # uncertain for up to 12 frames
    assert by_label["bbox, occlusion-3"].occlusion.hidden["lost"] > 0.6
    assert by_label["bbox, frame-drop-3"].records[0].scored.count(True) == 20
    [summary] = json.loads((tmp_path / "out/report.json").read_text())["robustness"]
    assert list(summary["corrupted"]) == ["frame-drop", "init-jitter"]
    jitters = [[by_label[f"bbox, init-jitter-{s}{d}"].ope.auc for d in DRAWN] for s in (1, 2, 3)]
    spread = dict(zip("123", [pytest.approx(np.std(row)) for row in jitters], strict=True))
    assert summary["spread"]["init-jitter"] == spread
    drops = [by_label[f"bbox, frame-drop-{s}"].ope.auc for s in (1, 2, 3)] + [np.mean(row) for row in jitters]
    assert summary["mean"] == pytest.approx(np.mean(drops))
    assert summary["relative_drop"] == pytest.approx(1 - np.mean(drops) / figures[0].ope.auc)
    for title in (
        "Results",
        "Real time",
        "Occlusion bursts",
        "Robustness by severity: AUC of edgetrack, bbox",
    ):
        assert title in printed


def test_resume_runs_only_what_is_missing(dataset: Path, tmp_path: Path) -> None:
    request = Request("folder", dataset, tmp_path / "out")
    first, _, starts = run(request)
    assert starts == 3
    with pytest.raises(ConfigError, match="add --resume"):
        run(request)
    (tmp_path / "out/records/edgetrack/bbox/clean/fast.json").unlink()
    again, _, starts = run(replace(request, resume=True))
    assert starts == 1
    assert again[0].ope == first[0].ope
    _, _, starts = run(replace(request, resume=True, modes=("bbox", "nl")))
    assert starts == 3
    with pytest.raises(ConfigError, match="seed was 0 and is now 1; choose another --output"):
        run(replace(request, resume=True, seed=1))


@pytest.mark.nightly
def test_records_of_several_jobs_make_one_report(dataset: Path, tmp_path: Path) -> None:
    whole, _, _ = run(Request("folder", dataset, tmp_path / "whole"))
    for name in drawn.TEXTS:
        run(Request("folder", dataset, tmp_path / name, names=(name,)))
        shutil.copytree(tmp_path / name / "records", tmp_path / "all/records", dirs_exist_ok=True)
    shutil.copy(tmp_path / "fast/settings.json", tmp_path / "all")
    together, _, starts = run(Request("folder", dataset, tmp_path / "all", resume=True))
    assert starts == 0
    assert together[0].ope == whole[0].ope
    assert together[0].long_term == whole[0].long_term


def test_foreign_output_folder_is_not_touched(dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ConfigError, match="contains other files"):
        run(Request("folder", dataset, tmp_path))
    assert [f.name for f in tmp_path.iterdir()] == ["thesis.txt"]


def test_damaged_record_is_named(dataset: Path, tmp_path: Path) -> None:
    request = Request("folder", dataset, tmp_path / "out", names=("slow",), resume=True)
    run(request)
    file = tmp_path / "out/records/edgetrack/bbox/clean/slow.json"
    whole = file.read_text()
    for damaged in (whole[:100], whole.replace('"tracking"', '"asleep"'), "[]"):
        file.write_text(damaged)
        with pytest.raises(
            ConfigError, match=r"slow\.json cannot be read .* delete the file and run again with --resume"
        ):
            run(request)
    file.write_text(whole)
    with pytest.raises(ConfigError, match=r"\[24\] entries; expected 9"):
        records.load(file, frames=9)


def test_records_survive_the_round_trip_to_disk(tmp_path: Path) -> None:
    record = Record(
        [None, (1.0, 2.0, 3.5, 4.0)] * 2,
        [0.25, 1.0] * 2,
        ["lost", "tracking"] * 2,
        [0.0, 7.5] * 2,
        [True, False] * 2,
    )
    record.bursts.append(Burst(1, 2, 3, 4))
    records.save(record, tmp_path / "deep/a.json")
    assert records.load(tmp_path / "deep/a.json", frames=4) == record
    assert [f.name for f in (tmp_path / "deep").iterdir()] == ["a.json"]


def test_control_runs_only_where_there_is_a_text(dataset: Path, tmp_path: Path) -> None:
    entry = open_entry(
        "edgetrack", open_edgetrack=lambda: Tracker(engine=FakeEngine()), peer_weights=None, threads=1
    )
    runs = runner.plan(
        [entry], ("nl", "bbox"), ("none", "shuffled"), (Condition(), Condition("occlusion", 2))
    )
    labels = ["nl", "nl, occlusion-2", "nl, shuffled text", "bbox", "bbox, occlusion-2"]
    assert [r.label for r in runs] == labels
    assert len({records.record_path(tmp_path, r, "a") for r in runs}) == 5


def test_text_controls_are_reported_next_to_the_true_text(dataset: Path, tmp_path: Path) -> None:
    request = Request("folder", dataset, tmp_path / "out", modes=("nl",), controls=("none", "empty"))
    figures, printed, _ = run(request)
    [table] = tables.control_tables(figures)
    change = figures[1].ope.auc - figures[0].ope.auc
    assert table.rows == [["edgetrack", "nl", "empty", f"{figures[1].ope.auc:.3f}", f"{change:+.3f}"]]
    assert table.title in printed
    assert tables.control_tables(figures[:1]) == []


def test_impossible_controls_say_why(dataset: Path) -> None:
    clips = load_sequences("folder", dataset)
    assert set(controls.controlled_texts(clips, "class", seed=0).values()) == {"square"}
    with pytest.raises(ConfigError, match="slow has no category"):
        controls.controlled_texts([replace(clips[0], attributes={})], "class", seed=0)
    with pytest.raises(ConfigError, match="1 different sentence; expected at least two"):
        controls.controlled_texts(clips[:1], "shuffled", seed=0)


def test_data_set_that_cannot_be_scored_is_an_error(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="dataset 'lasot9' is unknown; expected one of: otb100"):
        load_sequences("lasot9", dataset)
    with pytest.raises(
        ConfigError, match="lasot has the splits train, test; choose one, as in: --split test"
    ):
        load_sequences("lasot", dataset)
    with pytest.raises(DatasetError, match=r"sequences\.json does not exist"):
        load_sequences("folder", tmp_path)
    with pytest.raises(ConfigError, match="sequence b is not in the dataset; it has slow, fast, away"):
        select(load_sequences("folder", dataset), ["b"])
    for file in dataset.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "fast.txt").write_text("nan,nan,nan,nan\n" + "1,2,30,40\n" * 23)
    with pytest.raises(
        ConfigError, match="fast: the target is not visible in frame 1, so the tracker cannot start"
    ):
        run(Request("folder", tmp_path, tmp_path / "out"))
    assert run(Request("folder", tmp_path, tmp_path / "out", modes=("nl",)))[2] == 3
    (tmp_path / "fast.txt").write_text("1,2,30,40\n" + "nan,nan,nan,nan\n" * 23)
    request = Request("folder", tmp_path, tmp_path / "none")
    with pytest.raises(
        ConfigError, match=r"fast \(clean\): the target is not visible in any evaluated frame"
    ):
        run(request)
    assert not (tmp_path / "none").exists()
    assert run(replace(request, names=("slow",)))[2] == 1, (
        "a sequence that is not asked for is in no one's way"
    )


def test_help_lists_all_choices() -> None:
    printed = CliRunner().invoke(app, ["eval", "--help"], env={"COLUMNS": "200"}).output
    words = set(printed.replace(",", " ").replace(".", " ").split())
    assert set(LAYOUTS) <= words
    assert set(opencv.CLASSES) <= words
    assert "|".join(get_args(ResultFormat)) in printed


def test_command_reports_user_errors(dataset: Path, tmp_path: Path) -> None:
    common = ["eval", "folder", str(dataset), "-o", str(tmp_path / "out")]
    for more, complaint in (
        (["--tracker", "kcf"], "tracker 'kcf' is unknown"),
        (["--tracker", "opencv-nano"], "give --peer-weights DIR"),
        (["--tracker", "opencv-nano", "--peer-weights", str(tmp_path)], "has no weights of TrackerNano"),
        (["--sequences", "none"], "sequence none is not in the dataset"),
        (["--engine", "abacus"], "engine 'abacus' is unknown"),
    ):
        result = CliRunner().invoke(app, [*common, *more])
        assert result.exit_code == 2, more
        assert complaint in " ".join(result.output.split())
        assert not (tmp_path / "out").exists()
