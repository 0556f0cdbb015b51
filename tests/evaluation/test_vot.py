"""The TraX server, asked by the client of the VOT toolkit's own library."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2", reason="the video extra is not installed")
trees = pytest.importorskip("trees")
HELPERS = str(Path(__file__).parents[1])
SERVE = (
    f"import sys; sys.path.insert(0, {HELPERS!r}); from slow_tracker import open_tracker; "
    "from edgetrack.evaluation.vot import serve; serve(open_tracker())"
)


@pytest.fixture
def pictures(tmp_path: Path) -> list[str]:
    trees.frames(tmp_path / "film")
    for file in (tmp_path / "film").iterdir():  # what the fake engine finds is pure red
        index = int(file.stem) - 1
        x, y, w, h = trees.box_at(index)
        pixels = np.zeros((120, 160, 3), np.uint8)
        pixels[y : y + h, x : x + w] = (0, 0, 255)
        cv2.imwrite(str(file.with_suffix(".png")), pixels)
        file.unlink()
    return sorted(map(str, (tmp_path / "film").iterdir()))


def test_a_trax_client_follows_the_square(pictures: list[str]) -> None:
    trax = pytest.importorskip("trax", reason="the vot extra is not installed")
    from trax.client import Client

    process = subprocess.Popen(
        [sys.executable, "-c", SERVE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ.copy()
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        client = Client(stream=(process.stdin.fileno(), process.stdout.fileno()), timeout=120)
        assert client.tracker_name == "edgetrack"
        assert client.region_formats == ["rectangle"]
        first = trax.Rectangle.create(*trees.box_at(0))
        answers = [client.initialize({"color": trax.FileImage.create(pictures[0])}, [(first, {})], {})]
        answers += [client.frame({"color": trax.FileImage.create(path)}) for path in pictures[1:]]
        client.quit()
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
    for index, ([(region, properties)], _) in enumerate(answers):
        expected: Any = np.array(trees.box_at(index), float)
        assert np.abs(np.array(region.bounds()) - expected).max() < 4, index
        assert 0 <= float(properties["confidence"]) <= 1
    assert float(answers[-1][0][0][1]["confidence"]) > 0.5
