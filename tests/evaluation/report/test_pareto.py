"""The README's table and its figure of accuracy versus time, generated from the same reports."""

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest


def _report(dataset: str) -> dict[str, object]:
    def run(tracker: str, mode: str, auc: float) -> dict[str, object]:
        what = {"tracker": tracker, "mode": mode, "control": "none", "condition": {"name": "clean"}}
        ope = {"auc": auc, "precision20": 0.7}
        return {
            "run": what,
            "ope": ope,
            "first_hits": 13,
            "sequences": [{"first_iou": 0.6}] * 23 + [{"first_iou": None}],
            "update_ms": 9.0,
        }

    return {
        "dataset": dataset,
        "machine": {"processor": "AMD EPYC", "cores": "2"},
        "trackers": {
            "edgetrack": {"model": "edgetrack-256 0.1.0", "precision": "fp32"},
            "opencv-nano:v2": {},
        },
        "runs": [
            run("opencv-nano:v2", "bbox", 0.66),
            run("edgetrack", "nl", 0.5),
            run("edgetrack", "bbox", 0.7),
        ],
    }


def _write(repository: Path, folder: Path, *reports: dict[str, object]) -> subprocess.CompletedProcess[str]:
    paths = []
    for i, report in enumerate(reports):
        paths.append(folder / f"{i}.json")
        paths[-1].write_text(json.dumps(report))
    command = [sys.executable, repository / "benchmarks" / "readme.py", *paths]
    command += ["--readme", folder / "README.md", "--figure", folder / "f.svg"]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)


def test_table_of_the_readme_comes_from_reports(repository: Path, tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("above\n<!-- measured: benchmarks/readme.py -->\nold\n<!-- end -->\nbelow\n")
    assert _write(repository, tmp_path, _report("d")).returncode == 0
    text = readme.read_text()
    assert text.startswith("above\n")
    assert text.endswith("\nbelow\n")
    assert "old" not in text
    shown = [line for line in text.splitlines() if "AUC" not in line and line.startswith("| ")]
    assert [line.split(" | ")[1] for line in shown] == ["box", "text alone", "box"]
    assert "13 of 23" in shown[1]
    assert "TrackerNano v2" in shown[2]
    assert ET.parse(tmp_path / "f.svg").getroot().tag.endswith("svg")


@pytest.mark.parametrize("text", ["no marks", "<!-- measured: benchmarks/readme.py --> only one"])
def test_readme_without_markers_is_unchanged(repository: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / "README.md").write_text(text)
    done = _write(repository, tmp_path, _report("d"))
    assert done.returncode == 1
    assert "expected both" in done.stderr
    assert (tmp_path / "README.md").read_text() == text


def test_reports_of_different_data_are_rejected(repository: Path, tmp_path: Path) -> None:
    done = _write(repository, tmp_path, _report("d"), _report("e"))
    assert done.returncode == 1
    assert "different data" in done.stderr
