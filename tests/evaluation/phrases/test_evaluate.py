"""``edgetrack eval`` on images with phrases, from the files of a data set to those of the report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")
pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[int8]'")

import phrase_trees
import trees
from typer.testing import CliRunner

import edgetrack
from edgetrack.cli import app
from edgetrack.errors import ConfigError
from edgetrack.evaluation import PhraseReport, Request, evaluate_phrases
from edgetrack.evaluation.phrases.evaluate import REPEATS
from edgetrack.evaluation.phrases.models import ModelRespondent, TrackerRespondent
from edgetrack.evaluation.phrases.reading import load_phrases
from edgetrack.evaluation.phrases.types import ScoredBox
from edgetrack.types import Box, Track

BOX = Box(*trees.box_at(0))


class ColdTracker:
    """A tracker that finds every phrase at one place, and is confident ``after`` frames beyond the first."""

    def __init__(self, after: int) -> None:
        self.after, self.index, self.texts = after, 0, list[str]()

    def start(self, frame: Any, *, text: str | None = None, box: Box | None = None) -> Track:
        self.index = 0
        self.texts.append(text or "")
        return self._track()

    def update(self, frame: Any) -> Track:
        self.index += 1
        return self._track()

    def set_text(self, text: str) -> None: ...

    def _track(self) -> Track:
        return Track(BOX, 0.4, "tracking" if self.index >= self.after else "uncertain", self.index)


def write_detector(folder: Path) -> Path:
    """Write a detector that finds one object in every image, at the position of the square, with a score of 0.5."""
    from onnx import TensorProto, helper, numpy_helper, save

    x, y, w, h = trees.box_at(0)
    seen = numpy_helper.from_array(
        np.array([[[x + w / 2], [y + h / 2], [w], [h], [0.5]]], np.float32), "seen"
    )
    graph = helper.make_graph(
        [helper.make_node("Identity", ["seen"], ["out"])],
        "detector",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 120, 160])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 5, 1])],
        [seen],
    )
    path = folder / "square.onnx"
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    path.with_suffix(".toml").write_text('output = "yolov8"\nclasses = ["square"]\n')
    return path


@pytest.mark.parametrize(("after", "expected"), [(0, 0), (1, 1), (REPEATS, REPEATS), (REPEATS + 1, None)])
def test_absent_phrases_are_repeated_thirty_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int, expected: int | None
) -> None:
    from edgetrack.evaluation.phrases import evaluate as module
    from edgetrack.evaluation.phrases.models import ModelEntry

    tracker = ColdTracker(after)
    entry = ModelEntry("cold", TrackerRespondent(tracker), {})
    monkeypatch.setattr(module, "open_model", lambda *args, **options: entry)
    request = Request("langdev", phrase_trees.langdev(tmp_path / "data"), tmp_path / "out")
    *progress, report = evaluate_phrases(request, open_edgetrack=edgetrack.open_tracker)
    assert isinstance(report, PhraseReport)
    assert len(progress) == 1 + 4
    results = report.results[0]
    assert [r.tracked_after for r in results if r.phrase.absent] == [expected] * 2
    assert [r.right for r in results if not r.phrase.absent] == [True, True]
    assert tracker.texts == [
        "red square",
        "blue square",
        "an elephant",
        "blue square",
        "red square",
        "an elephant",
    ]
    assert report.rows[0].present[0].tracking.count == (2 if after == 0 else 0)


def test_single_image_model_shows_boxes_above_its_threshold() -> None:
    class Two:
        threshold = 0.5

        def find(self, picture: Any, phrase: str) -> list[ScoredBox]:
            return [] if phrase == "none" else [(BOX.xywh, float(phrase)), (BOX.xywh, 0.1)]

    asked, picture = ModelRespondent(Two()), np.zeros((4, 4, 3), np.uint8)
    for phrase, shown in (("0.5", True), ("0.49", False), ("none", False)):
        answer = asked.ask(picture, phrase)
        assert answer.shown == answer.tracking == asked.repeat(picture) == shown
        assert answer.score == (0 if phrase == "none" else float(phrase))


def test_command_writes_tables_json_and_a_page(tmp_path: Path) -> None:
    """Run the shipped model and a detector; the rendered squares are where the detector's only box is."""
    data, out = phrase_trees.langdev(tmp_path / "data"), tmp_path / "out"
    words = [
        "eval",
        "langdev",
        str(data),
        "--model",
        "edgetrack-160",
        "--tracker",
        "edgetrack",
        "-o",
        str(out),
    ]
    result = CliRunner().invoke(app, [*words, "--tracker", f"detector:{write_detector(tmp_path)}"])
    assert result.exit_code == 0, result.output
    for part in (
        "Phrases by kind",
        "Absent phrases",
        "Swapped words",
        "detector:square.onnx",
        "tagged drawn",
    ):
        assert part in result.output
    content = json.loads((out / "phrases.json").read_text())
    own, detector = content["models"]
    assert own["model"] == "edgetrack"
    assert own["first_ms"] > 0
    assert len(own["answers"]) == len(detector["answers"]) == 4
    assert detector["present"][0]["best"]["count"] == 2
    assert (
        detector["absent"][0]["at_once"]["count"] == 0
    )  # its class is not named: a third of its score of 0.5
    assert detector["answers"][0]["candidates"][0][:4] == pytest.approx(trees.box_at(0))
    assert detector["answers"][0]["swapped"] == {
        "phrase": "blue square",
        "box": detector["answers"][0]["candidates"][0][:4],
        "changed": False,
    }
    assert content["trackers"]["edgetrack"]["model"].startswith("edgetrack-160")
    page = (out / "report.html").read_text()
    assert "Failures: detector:square.onnx" in page
    assert "0 of 0 failures" in page


def test_failures_are_shown_as_images_on_the_page(tmp_path: Path) -> None:
    data, out = phrase_trees.langdev(tmp_path / "data"), tmp_path / "out"
    lines = (data / "phrases.jsonl").read_text().replace(str(list(trees.box_at(0)))[1:-1], "1, 1, 5, 5")
    (data / "phrases.jsonl").write_text(lines)
    detector = f"detector:{write_detector(tmp_path)}"
    result = CliRunner().invoke(app, ["eval", "langdev", str(data), "--tracker", detector, "-o", str(out)])
    assert result.exit_code == 0, result.output
    page = (out / "report.html").read_text()
    assert page.count("data:image/jpeg;base64,") == 2
    assert "red square (color): IoU 0.00, score 0.15" in page


def test_region_sentences_are_phrases_too(tmp_path: Path) -> None:
    words = [
        "eval",
        "refcoco",
        str(trees.refcoco(tmp_path / "data")),
        "--split",
        "train",
        "-o",
        str(tmp_path / "out"),
    ]
    result = CliRunner().invoke(
        app, [*words, "--phrases", "--tracker", f"detector:{write_detector(tmp_path)}"]
    )
    assert result.exit_code == 0, result.output
    (model,) = json.loads((tmp_path / "out" / "phrases.json").read_text())["models"]
    assert [kind["kind"] for kind in model["present"]] == ["all", "expression"]
    assert model["auroc"] is None
    found = load_phrases("refcoco", trees.refcoco(tmp_path / "data"), "train")
    assert {(p.text, p.kind) for p in found} == {
        ("red car on the left", "expression"),
        ("left car", "expression"),
        ("the dog", "expression"),
    }
    with pytest.raises(
        ConfigError, match="flickr30k-entities has the splits all, train, val, test; choose one"
    ):
        load_phrases("flickr30k-entities", phrase_trees.flickr30k(tmp_path / "flickr"))


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        (
            ["--tracker", "opencv-mil"],
            "tracker 'opencv-mil' cannot be evaluated on phrases; expected edgetrack",
        ),
        (["--tracker", "detector:none.onnx"], "detector none.onnx does not exist"),
        (["--mode", "nl"], "--mode has no effect: langdev is evaluated as images with phrases"),
        (["--resume"], "--resume has no effect"),
        (["--workers", "1"], "--workers has no effect"),
        (["--robustness"], "--robustness has no effect"),
        (["--phrases"], "--phrases has no effect: langdev is always evaluated as phrases"),
        (["--split", "test"], "langdev has no split 'test'"),
        (["--model", "edgetrack-160", "--tracker", "edgetrack:edgetrack-256"], "--model has no effect"),
    ],
)
def test_what_cannot_be_measured_is_rejected(tmp_path: Path, more: list[str], complaint: str) -> None:
    data, out = phrase_trees.langdev(tmp_path / "data"), tmp_path / "out"
    result = CliRunner().invoke(app, ["eval", "langdev", str(data), "-o", str(out), *more])
    assert result.exit_code == 2
    assert complaint in " ".join(result.output.split())
    assert not out.exists()


def test_nothing_is_overwritten_and_sequences_accept_no_detector(tmp_path: Path) -> None:
    data = phrase_trees.langdev(tmp_path / "data")
    result = CliRunner().invoke(app, ["eval", "langdev", str(data), "-o", str(data)])
    assert "contains other files; expected an empty folder" in result.output
    folder = ["eval", "folder", str(trees.folder(tmp_path / "videos")), "-o", str(tmp_path / "out")]
    result = CliRunner().invoke(app, [*folder, "--tracker", "detector:a.onnx"])
    assert "is for phrases in images only; expected a dataset such as langdev" in result.output


@pytest.mark.nightly
def test_detector_peer_on_real_photos(shared_data: Path, tmp_path: Path) -> None:
    """Run a public detector with these rules on the images of the project's own evaluation."""
    weights = shared_data / "teachers" / "2026" / "picodet_s_416_coco.onnx"
    if not weights.is_file():
        pytest.skip(f"the detector is not here: {weights} does not exist")
    path = tmp_path / weights.name
    path.symlink_to(weights)
    path.with_suffix(".toml").write_text(
        'output = "picodet"\nmean = [123.675, 116.28, 103.53]\nstd = [58.395, 57.12, 57.375]\n'
    )
    request = Request("langdev", shared_data / "langdev", tmp_path / "out", trackers=(f"detector:{path}",))
    *_, report = evaluate_phrases(request, open_edgetrack=edgetrack.open_tracker)
    assert isinstance(report, PhraseReport)
    assert report.rows[0].present[0].best.share >= 0.7
    assert report.rows[0].auroc_classes >= 0.9
