"""The page of the Python API: its code runs from top to bottom, and it names every field and method."""

from __future__ import annotations

import dataclasses
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import edgetrack

cv2 = pytest.importorskip("cv2", reason="the video extra is not installed")
pytest.importorskip("supervision", reason="a recipe needs it: pip install 'edgetrack[supervision]'")

FRAMES = 6

BEFORE = """
import sys, types

def json_normalize(rows):  # pandas, where it is not installed
    return [{**row, **{f"box.{key}": value for key, value in (row["box"] or {}).items()}} for row in rows]

try:
    import pandas
except ImportError:
    sys.modules["pandas"] = types.ModuleType("pandas")
    sys.modules["pandas"].json_normalize = json_normalize
"""

AFTER = f"""
from types import SimpleNamespace as Message
stamp = Message(sec=12, nanosec=500_000_000)
height, width, _ = frame.pixels.shape
padded = np.zeros((height, 3 * width + 8), np.uint8)
padded[:, : 3 * width] = frame.pixels.reshape(height, -1)
tracker = edgetrack.Tracker()
message = Message(data=padded.tobytes(), height=height, width=width, step=3 * width + 8, header=Message(stamp=stamp))
for index in range(2):
    seen = on_image(message)
    assert (seen.index, seen.time_s) == (index, 12.5)
assert np.any(picture != frame.pixels)
assert found.tracker_id.tolist() == [track.id]
assert len(open("out.jsonl").readlines()) == len(table) == {FRAMES}
"""


@pytest.fixture(scope="module")
def page(repository: Path) -> str:
    return (repository / "docs" / "python.md").read_text()


def test_code_of_the_page_runs(page: str, tmp_path: Path) -> None:
    from edgetrack.demo.scene import FPS, HEIGHT, WIDTH, Scene

    video = cv2.VideoWriter(
        str(tmp_path / "drive.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), FPS, (WIDTH, HEIGHT)
    )
    for frame in Scene().frames():
        if frame.index == FRAMES:
            break
        video.write(frame.pixels)
    video.release()
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(blocks) > 10
    (tmp_path / "page.py").write_text("\n".join([BEFORE, *blocks, AFTER]))
    done = subprocess.run(
        [sys.executable, "page.py"], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "threads is 5000; expected at most " in done.stdout
    assert "INFO:edgetrack.tracker:target 1 'red car': " in done.stderr


@pytest.mark.parametrize("kind", [edgetrack.Track, edgetrack.Box, edgetrack.Frame, edgetrack.Timing])
def test_every_field_is_listed(page: str, kind: type) -> None:
    for field in dataclasses.fields(kind):
        assert f"`{field.name}`" in page, f"{kind.__name__}.{field.name}"


@pytest.mark.parametrize("kind", [edgetrack.Tracker, edgetrack.MultiTracker, edgetrack.Track, edgetrack.Box])
def test_every_method_is_listed(page: str, kind: type) -> None:
    for name, _ in inspect.getmembers(kind):
        if not name.startswith("_") and name not in ("batch_failure", "batches"):
            assert re.search(rf"\b{name}\b", page), f"{kind.__name__}.{name}"


def test_arguments_match_those_of_the_methods(page: str) -> None:
    for method, arguments in re.findall(r"^\| `(\w+)\(([^)]*)\)` \|", page, re.MULTILINE):
        for kind in (edgetrack.Tracker, edgetrack.Box):
            if hasattr(kind, method):
                known = inspect.signature(getattr(kind, method)).parameters
                assert {name.strip(" =") for name in arguments.split(",") if name} <= set(known)
