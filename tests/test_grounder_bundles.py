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
from edgetrack.errors import BundleError, EngineUnavailable
from edgetrack.export import calibration, speed
from edgetrack.grounders import open_grounder
from edgetrack.peers import bundle
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


def test_run_finds_loses_and_finds_again(owl: Path, tmp_path: Path) -> None:
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
    assert re.search(r"grounder  p50 \d+, at most \d+ ms per pass", result.output)


@pytest.fixture(scope="module")
def drive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a video in which the red square moves across 40 frames."""
    video: Path = tmp_path_factory.mktemp("drive") / "a.avi"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"MJPG"), 30, (256, 256))
    for index in range(40):
        writer.write(picture((4 * index, 64)))
    writer.release()
    return video


def export(owl: Path, drive: Path, output: Path, *words: str, least: float = 0.9) -> Any:
    """Export for a board whose speed cannot be measured here."""
    options = [
        "--target",
        "arm-cpu",
        "--threads",
        "1",
        "--min-auc-ratio",
        str(least),
        "--output",
        str(output),
    ]
    source = ["--calibration", str(drive), "--text", "red car"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibration, "FLOOR_FRAMES", 4)
        patch.setattr(speed, "ROUNDS", 2)
        return CliRunner().invoke(app, ["export", str(owl), *source, *options, *words])


def test_other_precisions_are_accepted_by_their_boxes(owl: Path, drive: Path, tmp_path: Path) -> None:
    pytest.importorskip("openvino", reason="needs openvino: pip install 'edgetrack[openvino]'")
    result = export(owl, drive, tmp_path / "out", "--int8", "--bf16")
    if "cannot run precision 'bf16'" in result.output:
        pytest.skip("this processor has no bfloat16")
    assert result.exit_code == 0, result.output
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    assert (manifest["precisions"], manifest["computed"]) == (["int8"], ["bf16", "int8-bf16"])
    reports = json.loads((tmp_path / "out/report.json").read_text())
    for precision in ("int8", "bf16", "int8-bf16"):
        report = reports[precision]
        assert (report["accepted"], report["accuracy_kind"], report["evidence"]) == (True, "agreement", 40)
        assert report["ratio"] >= 0.9
    with edgetrack.open_tracker(tmp_path / "out", threads=1) as tracker:
        assert tracker.engine.precision == "int8-bf16"
    check_other_numbers(owl, tmp_path / "out", within=0.05)


def check_other_numbers(owl: Path, other: Path, *, within: float) -> None:
    """Both precisions find the same box, and the scores show that their computation differs."""
    (first, (score,)), (second, (scored,)) = (
        open_grounder(folder, threads=1).find(picture(FIRST), ["red car"])[0] for folder in (owl, other)
    )
    assert first == second
    assert 0 < abs(score - scored) < within


def test_accepted_bfloat16_is_used(
    owl: Path, drive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("openvino", reason="needs openvino: pip install 'edgetrack[openvino]'")
    if "cannot run precision" in export(owl, drive, tmp_path / "out", "--bf16").output:
        pytest.skip("this processor has no bfloat16")
    with edgetrack.open_tracker(tmp_path / "out", threads=1) as tracker:
        assert tracker.engine.precision == "bf16"
    check_other_numbers(owl, tmp_path / "out", within=0.02)

    def incapable(core: Any, precision: str) -> None:
        raise EngineUnavailable(f"no {precision} here")

    monkeypatch.setattr(bundle, "check_capable", incapable)
    with edgetrack.open_tracker(tmp_path / "out", threads=1) as tracker:
        info = tracker.engine.info
        assert (info.precision, info.precision_reason) == ("fp32", "bf16 was accepted, but no bf16 here")


def test_precision_that_finds_other_boxes_is_left_out(
    owl: Path, drive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its scores are below the threshold, so that nothing is found where float32 finds the object."""
    from edgetrack.export.adapters import bundle as written
    from edgetrack.export.quantize import quantize

    def worse(*arguments: Any, **options: Any) -> Any:
        model = quantize(*arguments, **options)
        (six,) = (one for one in model.graph.initializer if one.name == "six")
        six.CopyFrom(numpy_helper.from_array(np.float32(60), "six"))
        return model

    from onnx import numpy_helper

    monkeypatch.setattr(written, "quantize", worse)
    result = export(owl, drive, tmp_path / "out", "--int8")
    assert result.exit_code == 1
    assert "INT8 is left out: INT8 kept at best 0.000 of fp32's accuracy over 40 frames" in " ".join(
        result.output.split()
    )
    assert json.loads((tmp_path / "out/manifest.json").read_text())["precisions"] == []


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--fp16"], "--fp16 has no effect.*on the CPU, whose 16-bit format is bfloat16; give --bf16"),
        (
            ["--int8", "--accept", "."],
            "--accept starts targets with the boxes of its labels, but tiny-owl takes no boxes",
        ),
        (["--int8", "--box", "1,2,30,40"], "takes its target by nl; give --text only"),
    ],
)
def test_what_cannot_be_measured_is_rejected(
    owl: Path, tmp_path: Path, words: list[str], complaint: str
) -> None:
    """It is rejected before anything is written or measured."""
    result = CliRunner().invoke(app, ["export", str(owl), *words, "--output", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert re.search(complaint, " ".join(result.output.split())), result.output
    assert not (tmp_path / "out").exists()


def test_two_phrases_are_scored_in_one_run(owl: Path) -> None:
    terms = open_grounder(owl, threads=1)
    assert (terms.name, terms.waits) == ("tiny-owl", True)
    frame = picture(FIRST)
    frame[128:192, 160:224] = (230, 20, 20)
    found = [(Box(*box), scores) for box, scores in terms.find(frame, ["red car", "blue car"])]
    for place, phrase in ((FIRST, 0), (SECOND, 1)):
        box, scores = max(found, key=lambda one, phrase=phrase: one[1][phrase])  # type: ignore[misc]
        assert box == Box(*place, 64, 64)
        assert scores[phrase] > 0.8 > 0.1 > scores[1 - phrase]


def test_empty_boxes_are_discarded() -> None:
    """A network may output them, even with a high score."""

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


def test_shipped_model_can_be_a_grounder_of_another_tracker() -> None:
    """Geometry compares its phrases."""
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


def test_bundles_without_text_search_are_rejected(tmp_path: Path) -> None:
    tracker = write_tiny_owl(tmp_path / "tracker", adapter="sdstrack")
    for source, complaint in ((tracker, "cannot find objects by text"), (tmp_path / "none", "none")):
        with pytest.raises(BundleError, match=complaint):
            edgetrack.Tracker(MODEL, grounder=source)
