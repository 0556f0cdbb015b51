"""Results in the text formats of MOTChallenge and OTB, as their readers expect them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sink_samples import ABSENT, TRACK, frame
from typer.testing import CliRunner

from edgetrack.cli import app
from edgetrack.errors import SinkError
from edgetrack.io.sinks import open_sink
from edgetrack.types import Box, Track

CAR = Track(Box(20, 60, 30, 25), 0.5, "uncertain", 0, id=3, name="car #3", query="car")
NEW = Track(Box(1, 2, 3, 4), 0.5, "tentative", 0, id=4, query="car")
COSTS = {"mine": 1.0, "car #3": 1.0, "car #4": 1.0}


def test_mot_lines_count_from_one(tmp_path: Path) -> None:
    with open_sink(tmp_path / "a.mot") as sink:
        sink.write_all(frame(0), {"mine": TRACK, "car #3": CAR, "car #4": NEW}, latencies_ms=COSTS)
        sink.write_all(frame(1), {"mine": ABSENT}, latencies_ms=COSTS)
        sink.write(frame(2), TRACK, latency_ms=1)
    assert (tmp_path / "a.mot").read_text().splitlines() == [
        "1,1,11.123,21.000,30.000,25.000,0.8765,-1,-1,-1",
        "1,3,21.000,61.000,30.000,25.000,0.5000,-1,-1,-1",
        "3,1,11.123,21.000,30.000,25.000,0.8765,-1,-1,-1",
    ]


def test_mot_lines_are_read_by_trackeval(tmp_path: Path) -> None:
    with open_sink(tmp_path / "a.mot") as sink:
        sink.write_all(frame(4), {"mine": TRACK, "car #3": CAR}, latencies_ms=COSTS)
    read = np.loadtxt(tmp_path / "a.mot", delimiter=",")
    assert read.shape == (2, 10)  # TrackEval: MotChallenge2DBox takes ten columns of results
    assert read[:, 0].tolist() == [5, 5]
    assert (read[:, 2:4] - 1).tolist() == [[10.123, 20], [20, 60]]


def test_otb_has_one_line_per_frame(tmp_path: Path) -> None:
    with open_sink(tmp_path / "a.otb") as sink:
        sink.write(frame(0), ABSENT, latency_ms=1)
        sink.write(frame(1), TRACK, latency_ms=1)
        sink.write_all(frame(2), {"mine": ABSENT}, latencies_ms=COSTS)
    box = "10.123,20.000,30.000,25.000"
    assert (tmp_path / "a.otb").read_text().splitlines() == ["0.000,0.000,0.000,0.000", box, box]


def test_otb_accepts_only_one_target(tmp_path: Path) -> None:
    with (
        open_sink(tmp_path / "a.otb") as sink,
        pytest.raises(SinkError, match=r"can hold one target only, but there are 2"),
    ):
        sink.write_all(frame(0), {"mine": TRACK, "car #3": CAR}, latencies_ms=COSTS)
    assert not (tmp_path / "a.otb").exists()
    words = ["run", "--source", "test://street", "--output", str(tmp_path / "a.otb"), "--text", "car"]
    for more in (["--text", "dog"], ["--every", "person"]):
        result = CliRunner().invoke(app, [*words, *more])
        said = " ".join(result.output.split())
        assert result.exit_code == 2
        assert "a.otb can hold one target only; expected one --text or --box, or an output OUT.mot" in said
