"""The homography from a second sensor to color, estimated from rendered scenes for which it is known."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from edgetrack.cli import app
from edgetrack.errors import ConfigError
from edgetrack.io.alignment import Alignment, estimate_alignment, moved, overlaid
from edgetrack.io.pairing import read_homography

cv2 = pytest.importorskip("cv2", reason="the video extra is not installed")

COLOR, X = (320, 240), (160, 120)  # width, height
TRUE = np.array([[2.1, 0.04, -12.0], [-0.03, 2.05, 8.0], [0.00005, 0.00002, 1.0]])  # from x to color
CORNERS = np.array([[0.0, 0], [X[0], 0], [X[0], X[1]], [0, X[1]]])


def scene(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw shapes in color, and the same shapes for the second sensor with unrelated brightness."""
    random = np.random.default_rng(seed)
    pictures = [np.full((COLOR[1], COLOR[0], 3), 90, np.uint8) for _ in range(2)]
    for _ in range(14):
        center = random.uniform((0, 0), COLOR)
        corners = (center + random.uniform(-45, 45, (random.integers(3, 6), 2))).astype(np.int32)
        hull = cv2.convexHull(corners)
        for pixels in pictures:
            cv2.fillConvexPoly(pixels, hull, [int(v) for v in random.integers(0, 255, 3)])
    x = cv2.warpPerspective(pictures[1], np.linalg.inv(TRUE), X, borderMode=cv2.BORDER_REPLICATE)
    return pictures[0], x


@pytest.fixture(scope="module", autouse=True)
def small() -> Iterator[None]:
    """Compare fewer pixels, which is faster."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("edgetrack.io.alignment.SIDE", 192)
        yield


@pytest.fixture(scope="module")
def pairs() -> list[tuple[np.ndarray, np.ndarray]]:
    return [scene(seed) for seed in range(3)]


@pytest.fixture(scope="module")
def found(pairs: list[tuple[np.ndarray, np.ndarray]]) -> Alignment:
    return estimate_alignment(pairs)


def write(folder: Path, pictures: list[np.ndarray]) -> Path:
    folder.mkdir()
    for i, pixels in enumerate(pictures):
        assert cv2.imwrite(str(folder / f"{i}.png"), pixels)
    return folder


def test_alignment_maps_the_corners_within_four_pixels(found: Alignment) -> None:
    apart = np.linalg.norm(moved(CORNERS, found.homography) - moved(CORNERS, TRUE), axis=1)
    assert found.trusted
    assert found.pairs == 3
    assert found.spread < 3
    assert apart.max() < 4, "of 400 pixels along the diagonal"


def test_alignment_is_trusted_only_if_a_third_and_at_least_three_pairs_agree() -> None:
    assert Alignment(np.eye(3), agreeing=3, pairs=9, spread=1.0).trusted
    assert not Alignment(np.eye(3), agreeing=3, pairs=10, spread=1.0).trusted
    assert not Alignment(np.eye(3), agreeing=2, pairs=3, spread=0.0).trusted


def test_pairs_that_cannot_be_aligned_are_rejected(pairs: list[tuple[np.ndarray, np.ndarray]]) -> None:
    flat = np.full((64, 64, 3), 7, np.uint8)
    for wrong, said in (
        (pairs[:2], "got 2 pairs"),
        ([*pairs[:2], (pairs[0][0][:200], pairs[0][1])], "images of one sensor differ in size"),
        ([(flat[:8], flat)] * 3, "less than 16 pixels"),
        ([(flat, flat)] * 3, "no pair could be aligned"),
    ):
        with pytest.raises(ConfigError, match=said):
            estimate_alignment(wrong)


def test_overlay_draws_edges_of_the_second_sensor(
    pairs: list[tuple[np.ndarray, np.ndarray]],
) -> None:
    drawn = overlaid(*pairs[0], TRUE)
    assert drawn.shape == pairs[0][0].shape
    assert 0.01 < (drawn == (80, 255, 80)).all(-1).mean() < 0.3


def test_align_writes_a_homography_that_a_run_reads_or_nothing(
    pairs: list[tuple[np.ndarray, np.ndarray]], tmp_path: Path, found: Alignment
) -> None:
    color = write(tmp_path / "color", [one for one, _ in pairs])
    x = write(tmp_path / "x", [two for _, two in pairs])
    out, picture = tmp_path / "h.toml", tmp_path / "check.png"
    done = CliRunner().invoke(
        app, ["align", str(color), str(x), "--output", str(out), "--picture", str(picture)]
    )
    assert done.exit_code == 0, done.output
    assert f"{found.agreeing} of 3 pairs agree" in done.output
    assert np.allclose(read_homography(out, x_size=X, color_size=COLOR), found.homography, rtol=1e-6)
    assert cv2.imread(str(picture)).shape == (COLOR[1], COLOR[0], 3)
    out.unlink()
    other = write(tmp_path / "other", [pairs[(i + 1) % 3][1] for i in range(3)])
    refused = CliRunner().invoke(app, ["align", str(color), str(other), "--output", str(out)])
    assert refused.exit_code == 1, "pictures of different places do not agree"
    assert not out.exists()
