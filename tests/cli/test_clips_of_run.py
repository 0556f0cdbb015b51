"""``edgetrack run --clips``: which clips of a live run are kept, also when a signal ends it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import fakes
import numpy as np
import pytest
from runs import wait_for_lines
from typer.testing import CliRunner

from edgetrack.cli import app

cv2 = pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")
pytest.importorskip("av", reason="needs PyAV: pip install 'edgetrack[mp4]'")

# The tracker sees the target in frames 2 to 8 of every ten, and loses it in the last one.
FAKE = [sys.executable, str(Path(fakes.__file__).resolve()), "run", "--text", "red car"]
STREET = ["--source", "test://street"]


def frames_in(path: Path) -> int:
    return int(cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FRAME_COUNT))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_clips_of_a_camera_are_complete_after_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    lines = tmp_path / "a.jsonl"
    words = [
        *FAKE,
        *STREET,
        "--output",
        "a.jsonl",
        "--clips",
        "clips",
        "--pre-roll",
        "1",
        "--post-roll",
        "30",
    ]
    process = subprocess.Popen(
        words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    wait_for_lines(lines, 25, process)
    process.send_signal(number)
    said = process.communicate(timeout=30)[0]
    assert process.returncode == 130, said
    folder = tmp_path / "clips"
    assert sorted(path.name for path in folder.iterdir()) == [
        "appeared-0001.jpg",
        "appeared-0001.jsonl",
        "appeared-0001.mp4",
        "back-0001.jpg",
        "lost-0001.jpg",
    ]
    events = [json.loads(line) for line in (folder / "appeared-0001.jsonl").read_text().splitlines()]
    tracks = [json.loads(line) for line in lines.read_text().splitlines()]
    assert [event["event"] for event in events[:3]] == ["appeared", "lost", "back"]
    dropped = int(next((line.split()[1] for line in said.splitlines() if "dropped from clips" in line), 0))
    assert frames_in(folder / "appeared-0001.mp4") == len(tracks) - dropped
    assert (
        cv2.imread(str(folder / "lost-0001.jpg")).shape == cv2.imread(str(folder / "appeared-0001.jpg")).shape
    )


def test_clips_of_files_drop_no_frame(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    for index in range(40):
        cv2.imwrite(str(tmp_path / "pictures" / f"{index:02d}.png"), np.full((48, 64, 3), 90, np.uint8))
    words = [*FAKE, "--source", "pictures", "--clips", "clips", "--pre-roll", "0", "--post-roll", "0"]
    subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)
    made = sorted((tmp_path / "clips").glob("*.mp4"), key=lambda path: path.name[-8:])
    assert [path.name.split("-")[0] for path in made] == ["appeared", *["lost", "back"] * 3, "lost"]
    assert [frames_in(path) for path in made] == [1] * 8


def test_clips_can_be_set_in_the_config_and_old_ones_are_deleted_beyond_the_limit(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text(
        'source = "test://street"\ntext = "red car"\nclips = "clips"\npre-roll = 0\npost-roll = 0\nclips-mb = 1\n'
    )
    old = tmp_path / "clips" / "lost-0007.mp4"
    old.parent.mkdir()
    old.write_bytes(bytes(2_000_000))
    words = [*FAKE[:3], "--config", "site.toml", "--max-frames", "20"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "clips deleted from clips to make room for newer ones: 1; the limit is 1 MB" in " ".join(
        done.stdout.split()
    )
    assert not old.exists()
    assert (tmp_path / "clips" / "appeared-0008.mp4").exists()


def test_unwritable_clips_folder_is_an_error_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    began_s = time.monotonic()
    words = [
        "run",
        *STREET,
        "--text",
        "red car",
        "--clips",
        str(tmp_path / "file"),
        "--output",
        str(tmp_path / "a.jsonl"),
    ]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 2
    assert done.output.startswith("error: clips ")
    assert not (tmp_path / "a.jsonl").exists()
    assert time.monotonic() - began_s < 20
