"""``edgetrack eval anomaly``: from clips to tables, a file and a page."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cv2")
pytest.importorskip("matplotlib")

import anomaly_trees
from typer.testing import CliRunner

from edgetrack.cli import app
from edgetrack.errors import ConfigError
from edgetrack.evaluation.anomalies.detectors import DETECTORS
from edgetrack.evaluation.anomalies.evaluate import AnomalyReport, evaluate_anomalies
from edgetrack.evaluation.execution.request import Request
from edgetrack.types import Frame


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Run a short evaluation of rendered days and a clip; return its files and output."""
    folder = tmp_path_factory.mktemp("anomaly")
    root = anomaly_trees.own(folder, minutes=0.3)
    words = ["eval", "anomaly", str(root), "--output", str(folder / "out")]
    result = CliRunner().invoke(app, words, env={"COLUMNS": "300"})
    assert result.exit_code == 0, result.output
    return folder / "out", result.stdout


def test_every_detector_has_all_metrics(output: tuple[Path, str]) -> None:
    content = json.loads((output[0] / "anomaly.json").read_text())
    assert list(content["detectors"]) == list(DETECTORS)
    for found in content["detectors"].values():
        assert 0 <= found["auc_micro"] <= 1
        assert 0 <= found["rbdc"] <= found["tbdc"] <= 1
        assert found["events"] == len(content["events"]) == 1
        assert found["milliseconds"] > 0
    assert "blocks of" in content["notes"][1]


def test_table_is_printed_and_the_page_needs_no_other_files(output: tuple[Path, str]) -> None:
    folder, printed = output
    for name in DETECTORS:
        assert name in printed
    page = (folder / "report.html").read_text()
    assert '<img src="data:image/svg+xml' in page
    assert "<script" not in page
    assert "http" not in page.partition("</style>")[2]


@pytest.mark.parametrize("name", ["ucsd", "avenue", "shanghaitech", "ucf_crime"])
def test_each_official_layout_is_evaluated_end_to_end(tmp_path: Path, name: str) -> None:
    root = anomaly_trees.MAKERS[name](tmp_path / "data")
    result = CliRunner().invoke(app, ["eval", "anomaly", str(root), "--output", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    content = json.loads((tmp_path / "out" / "anomaly.json").read_text())
    assert len(content["events"]) == 1
    found = content["detectors"]["frame difference"]
    assert found["auc_micro"] > 0.7  # the labeled region is where the motion starts
    assert (found["rbdc"] is None) == (name == "ucf_crime")  # it has no regions
    assert (tmp_path / "out" / "report.html").exists()


@pytest.mark.parametrize("name", DETECTORS)
def test_detector_locates_the_start_of_a_motion(name: str) -> None:
    def frame(index: int, x: int = -20) -> Frame:
        pixels = np.full((90, 160, 3), 90, np.uint8)
        rng = np.random.default_rng(index)
        pixels += rng.integers(0, 4, pixels.shape, np.uint8)
        pixels[60:76, max(x, 0) : max(x + 16, 0)] = 220
        return Frame(pixels, index, index / 5)

    detector = DETECTORS[name](1.0)
    for index in range(250):
        detector.learn(frame(index))
    detector.begin()
    quiet = [detector.assess(frame(index)).score for index in range(10)]
    seen = [detector.assess(frame(10 + index, 8 * index)) for index in range(18)]
    assert max(one.score for one in seen) > max(quiet) + 0.3
    best = max(seen, key=lambda one: one.score).regions[0].box
    assert 40 <= best.center[1] <= 85
    assert np.isfinite(detector.limit(1000))


def test_options_without_an_effect_are_rejected(tmp_path: Path) -> None:
    root = anomaly_trees.ucsd(tmp_path / "UCSDped2")
    for words in (["--tracker", "opencv-mil"], ["--split", "test"], ["--workers", "2"]):
        result = CliRunner().invoke(app, ["eval", "anomaly", str(root), *words])
        assert result.exit_code == 2
        assert "its own detectors" in result.stderr


def test_threshold_needs_normal_clips(tmp_path: Path) -> None:
    root = anomaly_trees.ucf_crime(tmp_path)
    *_, report = evaluate_anomalies(Request("anomaly", root, tmp_path / "out"))
    assert isinstance(report, AnomalyReport)
    assert "no normal clips to calibrate on" in report.provenance.notes[-1]
    assert all(metrics.found == 0 for metrics in report.metrics.values())
    with pytest.raises(ConfigError, match="has no test clips"):
        list(evaluate_anomalies(Request("anomaly", root, tmp_path / "out", names=("nothing",))))
