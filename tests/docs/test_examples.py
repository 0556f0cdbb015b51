"""The programs of examples/ run as they stand, on a video of the demo scene, and say what is true of it.

`own_tracker.py` is run by test_own_tracker.py and test_adapter_bundles.py, C++ by test_cpp_library.py, C by
test_cpp_package.py.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from edgetrack import Box
from edgetrack.types import Basis

cv2 = pytest.importorskip("cv2", reason="the video extra is not installed")

FRAMES = 60
Truth = list[dict[str, Box]]


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Truth]:
    """Write two seconds of the demo's street, and the boxes of its cars; the red one enters on the left."""
    from edgetrack.demo.scene import FPS, HEIGHT, WIDTH, Scene

    path, scene = tmp_path_factory.mktemp("examples") / "drive.mp4", Scene()
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), FPS, (WIDTH, HEIGHT))
    for frame in scene.frames():
        writer.write(frame.pixels)
        if frame.index + 1 == FRAMES:
            break
    writer.release()
    return path, scene.boxes


def run(repository: Path, name: str, *words: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(repository / "examples" / name), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == code, done.stderr
    return done


def test_robot_waits_until_it_sees_the_car_and_then_turns_to_it(
    repository: Path, video: tuple[Path, Truth]
) -> None:
    lines = run(repository, "robot_loop.py", video[0], "red car").stdout.splitlines()
    assert len(lines) == FRAMES
    assert lines[0] == "0 speed +0.00 turn +0.00 searching"
    # Which frames are uncertain depends on how many run the network within the deadline.
    driven = [line for line in lines if line.split()[-1] in get_args(Basis)]
    assert len(driven) > 10
    index, _, speed, _, turn, _ = driven[-1].split()
    x, _ = video[1][int(index)]["red car"].center
    assert abs(float(turn) - (2 * x / 640 - 1)) < 0.15  # to the left, where the car is
    assert float(speed) > 0.3  # and toward it: it is smaller than asked for


def test_several_targets_are_found_at_their_boxes(
    repository: Path, video: tuple[Path, Truth], tmp_path: Path
) -> None:
    path = tmp_path / "tracks.csv"
    said = run(repository, "several_targets.py", video[0], "red car", "blue car", "--csv", path).stdout
    assert "blue car: tracking in" in said
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * FRAMES
    for name in ("red car", "blue car"):
        last = [row for row in rows if row["name"] == name][-1]
        box = Box.of([float(last[key]) for key in "xywh"])
        assert box.iou(video[1][-1][name]) > 0.5, name


def test_asyncio_example_changes_the_target_during_the_run(
    repository: Path, video: tuple[Path, Truth]
) -> None:
    done = run(repository, "async_tracking.py", video[0], "red car", "blue car")
    tracks = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(tracks) == FRAMES
    assert [tracks[0]["name"], tracks[-1]["name"]] == ["red car", "blue car"]
    assert Box(**tracks[-1]["box"]).iou(video[1][-1]["blue car"]) > 0.5
    assert int(done.stderr.split()[0]) > 5, "the event loop was blocked"


@pytest.mark.parametrize(
    ("name", "words"),
    [("robot_loop.py", ("x",)), ("several_targets.py", ("x",)), ("async_tracking.py", ("x", "y"))],
)
def test_missing_video_is_one_sentence(
    repository: Path, tmp_path: Path, name: str, words: tuple[str]
) -> None:
    said = run(repository, name, tmp_path / "none.mp4", *words, code=1).stderr
    assert "none.mp4 does not exist" in said
    assert "Traceback" not in said


def test_every_example_is_listed_and_tested(repository: Path) -> None:
    listed = (repository / "examples/README.md").read_text()
    tests = "".join(path.read_text() for path in (repository / "tests").rglob("test_*.py"))
    for path in (repository / "examples").iterdir():
        if path.name != "README.md" and not path.name.startswith(("_", ".")):
            assert f"({path.name}" in listed, path.name
            assert f"examples/{path.name}" in tests or f'"{path.name}"' in tests, path.name
