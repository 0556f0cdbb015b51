"""Official layouts in, official result files out, which third-party code reads with the same figures."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from fake_engine import FakeEngine
from rich.console import Console

from edgetrack._native import runtime
from edgetrack.adapters import detections, got10k_tracker
from edgetrack.cli.eval_view import evaluate_and_print
from edgetrack.datasets import SequenceSet, open_dataset
from edgetrack.errors import ConfigError, PromptError
from edgetrack.evaluation.execution.events import GroundingReport
from edgetrack.evaluation.execution.records import load
from edgetrack.evaluation.execution.request import Request
from edgetrack.evaluation.metrics.one_pass import one_pass_metrics as measured
from edgetrack.evaluation.report.toolkit_formats import result_boxes
from edgetrack.evaluation.trackers.text_length import text_fitter, truncation_note
from edgetrack.evaluation.types import Record
from edgetrack.tracker import Tracker
from edgetrack.types import Box, Track

pytest.importorskip("cv2", reason="the video extra is not installed")
trees = pytest.importorskip("trees")
TEXT = ("otb99-lang", "lasot", "tnl2k", "folder")
LONG = "the person in dark clothes who slowly crosses the wide street between several parked and two moving cars today"


class Words:
    """Replace the tokenizer: a word is a token, 24 are accepted, of which two are start and end."""

    def __init__(self, bundle: Any) -> None: ...

    def encode(self, text: str) -> Any:
        if len(self.tokens(text)) > 24:
            raise PromptError("too long")
        return np.ones((1, 24), np.int64), np.ones((1, 24), np.float32)

    def text(self, text: str) -> runtime.Text:
        return runtime.Text(*self.encode(text))

    def tokens(self, text: str) -> list[int]:
        return [0] * (len(text.split()) + 2)


@pytest.fixture(autouse=True)
def no_tokenizer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgetrack.words.Tokenizer", Words)
    monkeypatch.setattr("edgetrack.evaluation.trackers.text_length.Tokenizer", Words)


def run(request: Request) -> tuple[Any, str]:
    console = Console(file=io.StringIO(), width=200)
    report = evaluate_and_print(console, request, open_edgetrack=lambda: Tracker(engine=FakeEngine()))
    return report.rows if isinstance(report, GroundingReport) else report.runs, console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize(("name", "split"), list(trees.MAKERS))
def test_every_layout_is_evaluated(name: str, split: str, tmp_path: Path) -> None:
    root = trees.MAKERS[name, split](tmp_path / "data")
    modes: Any = ("bbox", "nl") if name in TEXT else ("bbox",)
    figures, _ = run(Request(name, root, tmp_path / "out", split=split, modes=modes))
    names = [sequence.name for sequence in open_dataset(name, root, split)]
    for f in figures:
        assert [row.name for row in f.sequences] == names
        assert 0 <= f.ope.auc <= 1
    if name not in TEXT:
        with pytest.raises(ConfigError, match="the dataset has no sentences; expected --mode bbox"):
            run(Request(name, root, tmp_path / "nl", split=split, modes=("nl",)))


@pytest.mark.parametrize("name", ["got10k", "trackingnet"])
def test_hidden_split_is_written_but_not_scored(name: Any, tmp_path: Path) -> None:
    root = {"got10k": trees.got10k, "trackingnet": trees.trackingnet}[name](tmp_path / "data")
    request = Request(name, root, tmp_path / "out", split="test")
    with pytest.raises(ConfigError, match=f"boxes of {name} test are not public, .* add --results {name}"):
        run(request)
    assert not (tmp_path / "out").exists()
    figures, printed = run(replace(request, results=(name,)))
    assert figures == []
    assert "not scored" in printed
    assert not (tmp_path / "out/report.json").exists()
    with ZipFile(tmp_path / f"out/results/{name}/edgetrack-bbox.zip") as archive:
        video = "GOT-10k_Test_000001" if name == "got10k" else "TEST_a"
        inside = f"{video}/{video}_001.txt" if name == "got10k" else f"{video}.txt"
        assert inside in archive.namelist()
        written = np.loadtxt(io.BytesIO(archive.read(inside)), delimiter=",")
    [sequence] = open_dataset(name, root, "test")
    assert written.shape == (len(sequence.frames), 4)
    assert np.array_equal(written[0], sequence.boxes[0])


def test_result_files_score_as_the_official_figure(tmp_path: Path) -> None:
    root = trees.lasot(tmp_path / "data")
    figures, _ = run(
        Request("lasot", root, tmp_path / "out", split="train", results=("lasot", "otb", "tnl2k"))
    )
    for row in figures[0].sequences:
        opened = open_dataset("lasot", root, "train")
        assert isinstance(opened, SequenceSet)
        clip = opened[row.name]
        for layout in ("lasot", "otb", "tnl2k"):
            file = tmp_path / f"out/results/{layout}/edgetrack-bbox/{row.name}.txt"
            boxes = np.loadtxt(file, delimiter=",")
            assert measured(boxes, clip.boxes, protocol="official").auc == pytest.approx(
                row.official_auc, abs=1e-9
            )


def test_missing_box_repeats_the_last_one_or_is_zero_at_first() -> None:
    record = Record([None, (1.0, 2.0, 3.0, 4.0), None, (5.0, 6.0, 7.0, 8.0)])
    assert result_boxes(record).tolist() == [[0] * 4, [1, 2, 3, 4], [1, 2, 3, 4], [5, 6, 7, 8]]


def test_grounding_figures_match_the_boxes(tmp_path: Path) -> None:
    root = trees.refcoco(tmp_path / "data")
    request = Request("refcoco", root, tmp_path / "out", split="train")
    [row], printed = run(request)
    assert row.sentences == 3  # two of the red square, which is found, and one of another image's object
    found = json.loads((tmp_path / "out/records/edgetrack/nl/clean/000000.json").read_text())["boxes"]
    regions = [(r, t) for r in open_dataset("refcoco", root, "train") for t in r.texts]
    ious = [Box.of(b).iou(Box.of(r.box)) if b else 0.0 for b, (r, _) in zip(found, regions, strict=True)]
    assert row.accuracy == pytest.approx(np.mean(np.array(ious) >= 0.5))
    assert row.mean_iou == pytest.approx(np.mean(ious))
    assert row.accuracy > 0
    assert "acc@0.5" in printed
    assert json.loads((tmp_path / "out/report.json").read_text())["grounding"][0]["sentences"] == 3
    page = (tmp_path / "out/report.html").read_text()
    assert "Accuracy (at 0.5)" in page
    assert "<p>None.</p>" in page  # no mistake
    wrong, _ = run(replace(request, split="testA", output=tmp_path / "a"))
    assert wrong[0].accuracy == 0  # the dog at the bottom, but the fake engine finds the square
    page = (tmp_path / "a/report.html").read_text()
    assert page.count('src="data:image/jpeg;base64,') == 1
    assert "<figcaption>dog at the bottom: IoU 0.00, score " in page
    with pytest.raises(
        ConfigError, match="refcoco has images and sentences; expected --mode nl or no --mode"
    ):
        run(replace(request, modes=("bbox",), output=tmp_path / "b"))


def test_vot_result_files_have_the_format_of_the_toolkit(tmp_path: Path) -> None:
    root = trees.vot(tmp_path / "data")
    run(Request("vot", root, tmp_path / "out", results=("vot",)))
    folder = tmp_path / "out/results/vot/edgetrack-bbox/longterm/ball1"
    file = tmp_path / "out/records/edgetrack/bbox/clean/ball1.json"
    record = json.loads(file.read_text())
    lines = (folder / "ball1_001.txt").read_text().splitlines()
    assert lines[0] == "1"  # initialized here
    assert len(lines) == len(record["boxes"]) == 5
    boxes = np.array([line.split(",") for line in lines[1:]], float)
    assert boxes == pytest.approx(result_boxes(load(file, frames=5))[1:], abs=1e-3)
    sure = (folder / "ball1_001_confidence.value").read_text().split("\n")
    assert sure[0] == ""
    assert [float(v) for v in sure[1:-1]] == record["scores"][1:]
    spent = np.array((folder / "ball1_001_time.value").read_text().split(), float)
    assert spent == pytest.approx(np.array(record["milliseconds"]) / 1000, abs=1e-6)


def test_long_sentence_is_truncated_at_a_word_and_reported_once(tmp_path: Path) -> None:
    fit = text_fitter(FakeEngine())
    long = " ".join(f"w{i}" for i in range(30))
    assert fit("a red car") == "a red car"
    assert fit(long) == " ".join(f"w{i}" for i in range(22))
    root = trees.lasot(tmp_path / "data")
    (root / "car/car-1/nlp.txt").write_text(long)
    request = Request("lasot", root, tmp_path / "out", split="train", modes=("nl",))
    _, printed = run(request)
    note = "1 of 2 texts are longer than the model of edgetrack accepts; they are truncated at a word."
    assert printed.count(note) == 1
    for file in ("report.md", "report.html"):
        assert (tmp_path / "out" / file).read_text().count(note) == 1
    assert truncation_note("x", ["a red car"], fit) == []


def test_real_tokenizer_truncates_to_what_the_tracker_accepts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    from edgetrack.bundle import Bundle
    from edgetrack.prompt import Tokenizer

    class Engine:
        bundle = Bundle.open()

    sentence = LONG + " and waits"
    with pytest.raises(PromptError, match="expected at most"):
        Tokenizer(Engine.bundle).encode(sentence + " for them all there")
    cut = text_fitter(Engine())(sentence + " for them all there")
    Tokenizer(Engine.bundle).encode(cut)
    assert sentence.startswith(cut)
    with pytest.raises(PromptError):
        Tokenizer(Engine.bundle).encode(cut + (sentence + " for them all there")[len(cut) :])


def test_got10k_toolkit_runs_the_tracker_and_reads_the_result_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiments = pytest.importorskip("got10k.trackers", reason="the parity extra is not installed")
    folder = trees.got10k(tmp_path / "data") / "train/GOT-10k_Train_000001"
    adapter = got10k_tracker(Tracker(engine=FakeEngine()))
    assert isinstance(adapter, experiments.Tracker)
    opened = open_dataset("got10k", tmp_path / "data", "train")
    assert isinstance(opened, SequenceSet)
    clip = opened[0]
    boxes, times = adapter.track(sorted(map(str, folder.glob("*.jpg"))), clip.boxes[0])
    figures, _ = run(
        Request("got10k", tmp_path / "data", tmp_path / "out", split="train", results=("got10k",))
    )
    name = figures[0].sequences[0].name
    ours = np.loadtxt(tmp_path / f"out/results/got10k/edgetrack-bbox/{name}/{name}_001.txt", delimiter=",")
    assert np.allclose(boxes, ours, atol=6e-4)
    assert (times > 0).all()


def test_detections_for_supervision() -> None:
    supervision = pytest.importorskip("supervision", reason="the supervision extra is not installed")
    found = detections(Track(Box(10, 20, 30, 40), 0.75, "uncertain", 3, id=7), class_id=2)
    assert isinstance(found, supervision.Detections)
    assert found.xyxy.tolist() == [[10, 20, 40, 60]]
    assert (found.confidence[0], found.class_id[0], found.tracker_id[0]) == (0.75, 2, 7)
    assert found.data["status"][0] == "uncertain"
    assert len(detections(Track(None, 0.1, "lost", 4))) == 0
    tracked = supervision.Detections.merge([found, detections(Track(Box(0, 0, 5, 5), 0.5, "tracking", 4))])
    assert len(tracked[tracked.confidence > 0.6]) == 1
