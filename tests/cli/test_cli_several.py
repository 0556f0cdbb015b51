"""``edgetrack run`` with several targets, with the shipped model."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from written_videos import KEYS, frames_of, write_video

pytest.importorskip("cv2")


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return write_video(tmp_path / "in.mp4", 30)


def test_several_targets_have_names_and_colors(video: Path, tmp_path: Path) -> None:
    """The output has one line per target and frame; a target that fails does not stop the others."""
    words = ["-s", str(video), "--max-frames", "4", "--threads", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "edgetrack", "run", *words, "--text", "red car", "--text", "white van",
         "-o", "out.jsonl", "-o", "out.mp4"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [(row["frame"], row["name"]) for row in rows] == [
        (i, name) for i in range(4) for name in ("red car", "white van")
    ]
    assert all(list(row) == [*KEYS[:2], "name", "id", *KEYS[2:]] and row["latency_ms"] > 0 for row in rows)
    assert frames_of(tmp_path / "out.mp4") == 4
    for line in (
        r'target  "red car"\n',
        r"target  red car: .*; p50 \d",
        r"target  white van: ",
        r"frames  4 in ",
    ):
        assert re.search(line, done.stdout)

    done = subprocess.run(
        [sys.executable, "-m", "edgetrack", "run", *words, "--box", "10,10,30,30", "--box", "900,10,30,30",
         "-o", "out.jsonl"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("error: target 'box 2': box (900, 10, 30, 30) has its center")
    assert done.stderr.count("\n") == 1  # once, and not for each frame
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["name"] for row in rows] == ["box 1"] * 4


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--text", "a", "--text", "b", "--box", "1,2,3,4"], "2 --text and 1 --box"),
        (["--text", "a", "--box", "1,2,3,4", "--box", "1,2,3,4"], "1 --text and 2 --box"),
        (["--text", "a", "--text", "a"], "--text 'a' is given twice"),
        (["--every", "a", "--every", "a"], "--every 'a' is given twice"),
        (["--every", "a", "--text", "a"], "'a' is given as --text and as --every"),
        (["--every", "a", "--zones", "none.toml"], "zones none.toml cannot be read"),
        (["--text", "car", "--text", "van", "--deadline-ms", "0"], "deadline_ms is 0"),
        (["--box", "9,9,3,4", "--box", "1,2,3"], "as in: --box 120,80,64,48"),
        (["--box", "900,9,3,4", "--box", "901,2,3,4"], "outside the frame"),  # all fail, so there is no run
    ],
)
def test_several_invalid_targets_are_a_one_line_error(
    video: Path, tmp_path: Path, words: list[str], expected: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "edgetrack", "run", "-s", str(video), *words, "-o", "out.jsonl"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert expected in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out.jsonl").exists()
