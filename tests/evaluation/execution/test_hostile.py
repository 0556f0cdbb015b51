"""Difficult evaluations: different models with one name, odd file names, short videos, misbehaving peers."""

from __future__ import annotations

import io
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import drawn
import numpy as np
import pytest
from rich.console import Console

from edgetrack.cli.eval_view import evaluate_and_print
from edgetrack.cli.tables import print_table, print_written
from edgetrack.errors import BoxError, ConfigError, EngineUnavailable, SinkError
from edgetrack.evaluation.execution.dataset import load_sequences
from edgetrack.evaluation.execution.output_dir import prepare_output_dir
from edgetrack.evaluation.execution.plan import plan
from edgetrack.evaluation.execution.records import write_text
from edgetrack.evaluation.execution.request import Request
from edgetrack.evaluation.perturbations.registry import conditions
from edgetrack.evaluation.perturbations.text_controls import controlled_texts
from edgetrack.evaluation.report.tables import main_table
from edgetrack.evaluation.trackers.opencv import OpenCvTracker
from edgetrack.evaluation.trackers.registry import TrackerEntry
from edgetrack.reporting.table import Table
from edgetrack.types import Box

pytest.importorskip("cv2", reason="the video extra is not installed")

PEER = """
from edgetrack.types import Box, Track

class Peer:
    modes = ("nl", "bbox")
    def graphs(self, weights): return {}
    def open(self, folder, *, threads): return self
    def start(self, frame, *, text=None, box=None):
        self.box = box or Box(40, 60, 48, 40)
        return Track(self.box, 1.0, "tracking", 0)
    def update(self, frame): return ANSWER
    def set_text(self, text): pass
"""


@pytest.fixture
def peer(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Return the options of a request for a custom tracker that gives the same answer for all frames."""

    def written(
        answer: str = "Track(self.box, 0.5, 'tracking', 1)", *, folder: str = "peer"
    ) -> dict[str, Any]:
        place = tmp_path / folder
        place.mkdir(exist_ok=True)
        (place / "peer.py").write_text(PEER.replace("ANSWER", answer))
        return {"trackers": (f"{place}/peer.py:Peer",), "peer_weights": place}

    return written


def run(request: Request) -> tuple[list[Any], str]:
    console = Console(file=io.StringIO(), width=300, markup=False, emoji=False)
    figures = evaluate_and_print(console, request, open_edgetrack=object).runs
    return list(figures), console.file.getvalue()  # type: ignore[attr-defined]


def entry(name: str, digest: str) -> TrackerEntry:
    return TrackerEntry(name, None, ("bbox",), {"sha256": digest})


def test_records_of_another_model_with_the_same_name_are_not_reused(tmp_path: Path) -> None:
    prepare_output_dir(tmp_path / "out", {}, [entry("edgetrack:old/mine", "1")], resume=False)
    with pytest.raises(ConfigError, match="edgetrack:new/mine would be confused with edgetrack:old/mine"):
        prepare_output_dir(tmp_path / "out", {}, [entry("edgetrack:new/mine", "2")], resume=True)
    prepare_output_dir(
        tmp_path / "out", {}, [entry("edgetrack:./old/mine", "1")], resume=True
    )  # the same model
    prepare_output_dir(tmp_path / "out", {}, [entry("edgetrack:new/other", "2")], resume=True)
    with pytest.raises(ConfigError, match="would write to the same folder"):
        Request("folder", tmp_path, tmp_path, trackers=("opencv-nano:v2", "x/opencv-nano-v2"))


def test_resume_detects_changed_labels_and_changed_peer_code(
    dataset: Path, tmp_path: Path, peer: Callable[..., dict[str, Any]]
) -> None:
    data = shutil.copytree(dataset, tmp_path / "data")
    request = Request("folder", data, tmp_path / "out", **peer(), resume=True)
    run(request)
    peer("Track(None, 0.0, 'lost', 1)")
    with pytest.raises(ConfigError, match="cannot resume"):
        run(request)
    peer()
    run(request)
    truth = (data / "slow.txt").read_text()
    (data / "slow.txt").write_text(truth.replace("48.00", "49.00"))
    with pytest.raises(ConfigError, match=r"cannot resume.*labels was"):
        run(request)


@pytest.mark.parametrize("score", ["float('nan')", "-0.2", "7.5"])
def test_invalid_score_is_named(
    dataset: Path, tmp_path: Path, peer: Callable[..., dict[str, Any]], score: str
) -> None:
    with pytest.raises(
        ConfigError,
        match=r"slow, .*peer\.py:Peer bbox: frame 2 has the score .* expected a score from 0 to 1",
    ):
        run(Request("folder", dataset, tmp_path / "out", **peer(f"Track(self.box, {score}, 'tracking', 1)")))


def test_box_far_outside_the_frame_is_drawn(
    dataset: Path, tmp_path: Path, peer: Callable[..., dict[str, Any]]
) -> None:
    far = peer("Track(Box(1e12, -1e12, 1e13, 1e13), 0.9, 'tracking', 1)")
    figures, _ = run(Request("folder", dataset, tmp_path / "out", **far))
    assert figures[0].ope.auc == 0
    assert "data:image/jpeg" in (tmp_path / "out/report.html").read_text()


def test_condition_that_leaves_no_frame_is_rejected_before_anything_runs(
    tmp_path: Path, peer: Callable[..., dict[str, Any]]
) -> None:
    short = drawn.write_dataset(tmp_path / "data", frames=4)
    asked = tuple(conditions(corruptions=["frame-drop"]))
    request = Request("folder", short, tmp_path / "out", **peer(), conditions=asked, names=("slow", "fast"))
    with pytest.raises(
        ConfigError, match=r"slow \(frame-drop-3\): the target is not visible in any evaluated frame"
    ):
        run(request)
    assert not (tmp_path / "out").exists()
    assert len(run(replace(request, conditions=asked[:3]))[0]) == 3


def test_option_that_applies_to_no_run_is_rejected(tmp_path: Path, dataset: Path) -> None:
    both = [TrackerEntry("edgetrack", None, ("nl", "bbox"), {})]
    with pytest.raises(ConfigError, match="--switch applies to no run"):
        plan(both, ["bbox"], ["none"], conditions(switch=True))
    with pytest.raises(ConfigError, match="init-jitter would perturb no run"):
        plan(both, ["nl"], ["none"], conditions(corruptions=["init-jitter"]))
    with pytest.raises(ConfigError, match="fog would perturb no run"):
        plan(both, ["nl"], ["shuffled"], conditions(corruptions=["fog"]))
    assert len(plan(both, ["nl"], ["none"], conditions(corruptions=["init-jitter", "fog"]))) == 4


def test_result_files_of_text_controls_alone_are_rejected(
    tmp_path: Path, dataset: Path, peer: Callable[..., dict[str, Any]]
) -> None:
    with pytest.raises(ConfigError, match="add --text-control none"):
        run(
            Request(
                "folder",
                dataset,
                tmp_path / "out",
                **peer(),
                modes=("nl",),
                controls=("empty",),
                results=("otb",),
            )
        )


def test_sequence_without_text_that_is_not_selected_is_ignored(
    tmp_path: Path, dataset: Path, peer: Callable[..., dict[str, Any]]
) -> None:
    shutil.copytree(dataset, tmp_path, dirs_exist_ok=True)
    entries = json.loads((tmp_path / "sequences.json").read_text())
    entries[2]["text"] = ""
    (tmp_path / "sequences.json").write_text(json.dumps(entries))
    asked = Request("folder", tmp_path, tmp_path / "out", **peer(), modes=("nl",), names=("slow", "fast"))
    assert len(run(asked)[0][0].sequences) == 2
    with pytest.raises(ConfigError, match="away: the dataset has no sentences"):
        controlled_texts(load_sequences("folder", tmp_path), "none", seed=0)


def test_first_frame_hits_count_only_sequences_with_a_visible_target(
    tmp_path: Path, dataset: Path, peer: Callable[..., dict[str, Any]]
) -> None:
    shutil.copytree(dataset, tmp_path, dirs_exist_ok=True)
    rows = (tmp_path / "fast.txt").read_text().splitlines()
    (tmp_path / "fast.txt").write_text("\n".join(["nan,nan,nan,nan", *rows[1:]]))
    figures, _ = run(Request("folder", tmp_path, tmp_path / "out", **peer(), modes=("nl",)))
    assert figures[0].grounding == 1
    assert main_table(figures).rows[0][-2] == "2/2"


def test_impossible_output_path_is_an_error(
    tmp_path: Path, dataset: Path, peer: Callable[..., dict[str, Any]]
) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(SinkError, match="choose another --output"):
        run(Request("folder", dataset, tmp_path / "file", **peer()))
    with pytest.raises(SinkError, match=r"File name too long.*choose another --output"):
        run(Request("folder", dataset, tmp_path / ("y" * 300), **peer()))
    name = "é" * 125 + ".json"  # 255 bytes, the longest name that file systems allow
    write_text(tmp_path / "records" / name, "{}")
    assert [file.name for file in (tmp_path / "records").iterdir()] == [name]


def test_brackets_and_bars_in_names_are_kept(
    tmp_path: Path, dataset: Path, peer: Callable[..., dict[str, Any]]
) -> None:
    out = tmp_path / "[red]out[/]"
    options = peer(folder="[b]a|b")
    figures, printed = run(Request("folder", dataset, out, **options))
    assert f"{out}/report.html" in printed
    assert options["trackers"][0] in printed
    console = Console(file=io.StringIO(), width=100, markup=False)
    print_table(console, Table("[x]", ["[y]", "b"], [["[/z]", "[red]"]]))
    print_written(console, Path("[/a]"))
    for word in ("[x]", "[y]", "[/z]", "[red]", "[/a]"):
        assert word in console.file.getvalue()  # type: ignore[attr-defined]
    lines = (out / "report.md").read_text().splitlines()
    tables = [line for line in lines if line.startswith("| ")]
    cells = {len(re.split(r"(?<!\\)\|", line)) for line in tables[:3]}
    assert len(cells) == 1, "a bar in a name begins no cell"
    assert figures[0].ope.auc > 0


def test_opencv_peer_rejects_boxes_that_it_cannot_track() -> None:
    tracker, frame = OpenCvTracker("opencv-mil", (), threads=1), np.zeros((120, 160, 3), np.uint8)
    with pytest.raises(EngineUnavailable, match="TrackerMIL cannot start"):
        tracker.start(frame, box=Box(-500, -500, 20, 20))
    with pytest.raises(
        BoxError, match="expected a width and height of at least 5 pixels"
    ):  # OpenCV itself would never return
        tracker.start(frame, box=Box(50, 50, 40, 1))
    assert tracker.start(frame, box=Box(50, 50, 5, 5)).status == "tracking"
