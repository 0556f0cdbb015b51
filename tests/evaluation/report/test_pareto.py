"""The figure of accuracy against time, and the README's table that the same reports make."""

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from edgetrack.evaluation.report.pareto import Point, chart, front


def test_only_what_nothing_beats_is_on_the_front() -> None:
    fast, slow, worse = Point("fast", 3.0, 0.6), Point("slow", 9.0, 0.7), Point("worse", 9.5, 0.65)
    assert front([worse, slow, fast]) == [fast, slow]
    assert front([Point("a", 3.0, 0.5), fast]) == [fast]


def test_better_is_further_up_and_slower_further_right() -> None:
    svg = chart("t < u", [Point("a & b", 3.0, 0.6), Point("c", 9.0, 0.7)])
    first, second = (node.attrib for node in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}circle"))
    assert float(first["cx"]) < float(second["cx"])
    assert float(first["cy"]) > float(second["cy"])


def test_names_of_points_that_are_close_do_not_meet() -> None:
    close = [(6.9, 0.707), (4.6, 0.706), (3.6, 0.685), (2.4, 0.693), (3.0, 0.663), (1.8, 0.664), (2.4, 0.653)]
    svg = chart("t", [Point(f"tracker number {i}, fp32", ms, auc) for i, (ms, auc) in enumerate(close)])
    names = [
        e for e in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text") if "number" in str(e.text)
    ]
    assert len(names) == len(close)
    places = [(float(e.attrib["x"]), float(e.attrib["y"]), 6.6 * len(str(e.text))) for e in names]
    for i, (x, y, width) in enumerate(places):
        for a, b, other in places[:i]:
            assert x + width <= a or a + other <= x or abs(y - b) >= 15


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


def test_the_table_of_the_readme_comes_from_reports(repository: Path, tmp_path: Path) -> None:
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
    assert (tmp_path / "f.svg").read_text().count("<circle") == 2


@pytest.mark.parametrize("text", ["no marks", "<!-- measured: benchmarks/readme.py --> only one"])
def test_a_readme_without_marks_stays_as_it_is(repository: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / "README.md").write_text(text)
    done = _write(repository, tmp_path, _report("d"))
    assert done.returncode == 1
    assert "expected both" in done.stderr
    assert (tmp_path / "README.md").read_text() == text


def test_reports_of_different_data_are_refused(repository: Path, tmp_path: Path) -> None:
    done = _write(repository, tmp_path, _report("d"), _report("e"))
    assert done.returncode == 1
    assert "different data" in done.stderr
