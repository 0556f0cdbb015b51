"""``edgetrack run --x``: recordings of two sensors are replayed, and either of two cameras may fail and come back."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rtsp_camera import RtspCamera
from typer.testing import CliRunner

from edgetrack.cli import app
from edgetrack.io.recording import Recording

cv2 = pytest.importorskip("cv2", reason="the video extra is not installed")
pytest.importorskip("mcap", reason="the mcap extra is not installed")
COUNT, START = 12, (120, 90, 48, 48)
WORDS = ["--model", "edgetrack-256-x", "--precision", "fp32", "--threads", "1"]


def smooth(random: np.random.Generator, height: int, width: int, low: int, high: int) -> np.ndarray:
    coarse = random.integers(low, high, (height // 12, width // 12, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Draw a patch that moves, visible in color until dark, and inverted in a second sensor that misses one image."""
    folder, random = tmp_path_factory.mktemp("pairs"), np.random.default_rng(4)
    ground, patch = smooth(random, 240, 320, 60, 140), smooth(random, 48, 48, 0, 255)
    for name in ("color", "x"):
        (folder / name).mkdir()
    for index in range(COUNT):
        color, left = ground.copy(), START[0] + 3 * index
        color[90:138, left : left + 48] = patch
        x = 255 - cv2.cvtColor(color, cv2.COLOR_BGR2GRAY)
        if index > 7:
            color //= 60
        cv2.imwrite(str(folder / f"color/{index}.png"), color)
        if index < COUNT - 1:
            cv2.imwrite(str(folder / f"x/{index}.png"), x)
    return folder


def edgetrack(*words: str | Path) -> tuple[int, str]:
    """Return the exit code and the output, joined into one line."""
    done = CliRunner().invoke(app, [str(word) for word in words])
    return done.exit_code, " ".join(done.output.split())


@pytest.fixture(scope="module")
def recorded(pairs: Path) -> Path:
    box = ",".join(map(str, START))
    words = ["--source", pairs / "color", "--x", pairs / "x", "--x-within-ms", "10", "--box", box, *WORDS]
    code, said = edgetrack("run", *words, "--output", pairs / "a.mcap", "--output", pairs / "a.jsonl")
    assert code == 0, said
    assert "x: 11 of 12 frames have an image" in said
    return pairs / "a.mcap"


def test_recording_has_the_images_of_both_sensors_and_their_times(recorded: Path, pairs: Path) -> None:
    recording = Recording(recorded)
    assert recording.facts["x"] == str(pairs / "x")
    steps = list(recording.steps())
    assert [frame.index for frame, _ in steps] == list(range(COUNT))
    assert [frame.x is None for frame, _ in steps] == [False] * (COUNT - 1) + [True]
    for frame, _ in steps[:-1]:
        assert frame.x is not None
        assert frame.x.time_s == pytest.approx(frame.index / 30)
        for one, place in ((frame, "color"), (frame.x, "x")):
            before = cv2.imread(str(pairs / place / f"{frame.index}.png")).astype(int)
            assert np.abs(before - one.pixels).mean() < 2, "but for what JPEG changes"
    assert len(list(recording.frames())) == COUNT, "as a source it gives color"
    lines = [json.loads(line) for line in (pairs / "a.jsonl").read_text().splitlines()]
    used = [line.get("modalities") for line in lines]
    assert used[0] == ["color", "x"]
    assert used[1] == ["color"]
    assert used[9] in (["x"], ["color", "x"]), "the dark"
    assert used[-1] is None


def test_replay_of_a_pair_gives_the_same_boxes(recorded: Path, tmp_path: Path) -> None:
    code, said = edgetrack(
        "replay", recorded, "--precision", "fp32", "--min-iou", "0.999", "--json", tmp_path / "a.json"
    )
    assert (code, "agrees: 0 of 12 frames" in said) == (0, True), said
    report = json.loads((tmp_path / "a.json").read_text())
    assert report["reference_with_recorded"]["lowest_iou"] > 0.8, "JPEG changes little"
    assert report["reference_with_recorded"]["same_status"] == COUNT


@pytest.fixture
def cameras() -> Iterator[tuple[RtspCamera, RtspCamera]]:
    pytest.importorskip("av")
    both = RtspCamera(fps=15), RtspCamera(fps=15)
    yield both
    for camera in both:
        camera.kill()


def wait_for(file: Path, holds: Callable[[dict[str, Any]], bool], process: subprocess.Popen[str]) -> int:
    """Wait until one of the lines that are written from now on holds; return how many there are."""
    had = len(file.read_bytes().splitlines()) if file.exists() else 0
    end_s = time.monotonic() + 60
    while time.monotonic() < end_s:
        lines = file.read_bytes().split(b"\n")[:-1] if file.exists() else []
        if any(holds(json.loads(line)) for line in lines[had:]):
            return len(lines)
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    raise AssertionError(f"no such line in a minute: {lines[-1:]}")


def test_run_continues_with_either_camera_and_uses_the_other_again(
    cameras: tuple[RtspCamera, RtspCamera], tmp_path: Path
) -> None:
    color, x = cameras
    lines = tmp_path / "o.jsonl"
    words = ["--source", color.url, "--x", x.url, "--x-within-ms", "150", "--box", "20,20,60,60", *WORDS]
    process = subprocess.Popen(
        [sys.executable, "-m", "edgetrack", "run", *words, "--output", "o.jsonl", "--output", "o.mcap"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    both = lambda line: "x_share" in line and "color" in line["modalities"]  # noqa: E731
    without_color = lambda line: "color" not in line.get("modalities", ["color"])  # noqa: E731
    wait_for(lines, both, process)
    color.kill()
    wait_for(lines, without_color, process)
    color.start((320, 240))
    wait_for(lines, both, process)
    x.kill()
    wait_for(lines, lambda line: "modalities" not in line, process)
    x.start((320, 240))
    wait_for(lines, both, process)
    process.send_signal(signal.SIGINT)
    said, wrong = process.communicate(timeout=60)
    assert (process.returncode, wrong) == (130, "")
    assert "frames without color" in said
    for of in ("source", "x"):
        assert f"{of:>8}  reconnecting in" in said
        assert f"{of:>8}  live" in said
    rows = [json.loads(line) for line in lines.read_text().splitlines()]
    for key in ("frame", "time_s"):
        assert [row[key] for row in rows] == sorted({row[key] for row in rows})
    steps = list(Recording(tmp_path / "o.mcap").steps())
    assert {(frame.color, frame.x is not None) for frame, _ in steps} == {
        (True, True), (False, True), (True, False),
    }  # fmt: skip
