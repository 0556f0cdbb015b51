"""Which model the name of a tracker selects, and several of them in one report."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from fake_engine import FakeEngine
from typer.testing import CliRunner

from edgetrack.cli import app
from edgetrack.evaluation.trackers.registry import open_entry
from edgetrack.tracker import Tracker

pytest.importorskip("cv2", reason="the video extra is not installed")


@pytest.mark.parametrize(
    ("name", "asked"),
    [("edgetrack", {}),
     ("edgetrack:edgetrack-160", {"model": "edgetrack-160"}), ("edgetrack:@fp32", {"precision": "fp32"}),
     ("edgetrack:a@b/m", {"model": "a@b/m"}), ("edgetrack:a@b/m@fp32", {"model": "a@b/m", "precision": "fp32"}),
     ("edgetrack:my/models@2/car@fp32", {"model": "my/models@2/car", "precision": "fp32"})],
)  # fmt: skip
def test_name_selects_model_and_precision(name: str, asked: dict[str, str]) -> None:
    given_: list[dict[str, str]] = []

    def open_edgetrack(**options: str) -> Tracker:
        given_.append(options)
        return Tracker(engine=FakeEngine())

    entry = open_entry(name, open_edgetrack=open_edgetrack, peer_weights=None, threads=1)
    assert (entry.name, given_) == (name, [asked])


def test_models_and_precisions_are_shown_side_by_side(dataset: Path, tmp_path: Path) -> None:
    names = ("edgetrack:@fp32", "edgetrack:edgetrack-160@int8", "edgetrack:edgetrack-160")
    words = [word for name in names for word in ("--tracker", name)]
    command = ["eval", "folder", str(dataset), *words, "--precision", "int8", "--sequences", "slow"]
    result = CliRunner().invoke(app, [*command, "--threads", "1", "--output", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "out/report.json").read_text())
    facts = [(report["trackers"][n]["model"].split()[0], report["trackers"][n]["precision"]) for n in names]
    assert facts == [("edgetrack-256", "fp32"), ("edgetrack-160", "int8"), ("edgetrack-160", "int8")]
    first, second, third = (
        json.loads((tmp_path / "out/records" / folder / "bbox/clean/slow.json").read_text())["boxes"]
        for folder in ("edgetrack-@fp32", "edgetrack-edgetrack-160@int8", "edgetrack-edgetrack-160")
    )
    assert first != second == third


@pytest.mark.parametrize(
    ("name", "says"),
    [("edgetrack:none", "model 'none'|none"), ("edgetrack@fp32", r"edgetrack\[:MODEL\]\[@PRECISION\]")],
)
def test_wrong_model_name_is_rejected(dataset: Path, tmp_path: Path, name: str, says: str) -> None:
    command = ["eval", "folder", str(dataset), "--tracker", name, "--output", str(tmp_path / "out")]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2
    assert re.search(says, result.output)
