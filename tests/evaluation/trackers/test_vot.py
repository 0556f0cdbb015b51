"""The TraX server, called by the client of the VOT toolkit's own library."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2", reason="the video extra is not installed")
trees = pytest.importorskip("trees")
HELPERS = str(Path(__file__).parents[2] / "support")
SERVE = (
    f"import sys; sys.path.insert(0, {HELPERS!r}); from slow_tracker import open_tracker; "
    "from edgetrack.evaluation.trackers.vot import serve; serve(open_tracker())"
)


@pytest.fixture
def pictures(tmp_path: Path) -> list[str]:
    trees.frames(tmp_path / "film")
    for file in (tmp_path / "film").iterdir():  # the fake engine finds pure red
        index = int(file.stem) - 1
        x, y, w, h = trees.box_at(index)
        pixels = np.zeros((120, 160, 3), np.uint8)
        pixels[y : y + h, x : x + w] = (0, 0, 255)
        cv2.imwrite(str(file.with_suffix(".png")), pixels)
        file.unlink()
    return sorted(map(str, (tmp_path / "film").iterdir()))


def test_trax_client_follows_the_square(pictures: list[str], tmp_path: Path) -> None:
    trax = pytest.importorskip("trax", reason="the vot extra is not installed")
    from trax.client import Client

    command = [sys.executable, "-c", SERVE]
    with subprocess.Popen(  # a checkout's own packages are not the ones under test
        command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        pipes = process.stdin.fileno(), process.stdout.fileno()
        client = Client(stream=pipes, timeout=120, log=lambda _: None)
        assert client.tracker_name == "edgetrack"
        assert client.region_formats == ["rectangle"]
        first = trax.Rectangle.create(*trees.box_at(0))
        answers = [client.initialize({"color": trax.FileImage.create(pictures[0])}, [(first, {})], {})]
        images = [{"color": trax.FileImage.create(path)} for path in pictures[1:]]
        answers += [client.frame(image, objects=[]) for image in images]
        client.quit()
        assert process.wait(timeout=60) == 0
    for index, ([(region, properties)], _) in enumerate(answers):
        expected: Any = np.array(trees.box_at(index), float)
        assert np.abs(np.array(region.bounds()) - expected).max() < 4, index
        assert 0 <= float(properties["confidence"]) <= 1
    assert float(answers[-1][0][0][1]["confidence"]) > 0.5


def test_missing_trax_says_what_to_install_in_one_line(tmp_path: Path) -> None:
    program = "import runpy, sys; sys.modules['trax'] = None; sys.argv = ['edgetrack', 'vot']; "
    program += "runpy.run_module('edgetrack', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.rstrip().endswith("pip install 'edgetrack[vot]'")
