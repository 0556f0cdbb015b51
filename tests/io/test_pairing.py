"""Which image of a second sensor belongs to a frame, where its pixels map to, and what is reported about it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgetrack.errors import ConfigError, SourceError
from edgetrack.io.pairing import SecondSensor, homography_text, read_homography
from edgetrack.io.sources import open_source
from edgetrack.types import Frame

cv2 = pytest.importorskip("cv2", reason="the video extra is not installed")


class Fake:
    """A source whose images hold the number of their frame."""

    def __init__(
        self, times_s: list[float], *, size: tuple[int, int] = (6, 4), live: bool = False, fails: bool = False
    ) -> None:
        self.name, self.size, self.live, self.notes = "thermal.mp4", size, live, list[str]()
        self._times_s, self._fails, self.closed = times_s, fails, False

    def __iter__(self) -> Iterator[Frame]:
        pixels = np.zeros((self.size[1], self.size[0], 3), np.uint8)
        for i, time_s in enumerate(self._times_s):
            pixels[:] = i  # the source reuses its buffer
            yield Frame(pixels, i, time_s, captured_ns=int(time_s * 1e9) if self.live else None)
        if self._fails:
            raise SourceError("the cable was pulled")

    def close(self) -> None:
        self.closed = True


def frame(time_s: float, *, live: bool = False) -> Frame:
    return Frame(np.zeros((4, 6, 3), np.uint8), 0, time_s, captured_ns=int(time_s * 1e9) if live else None)


def paired(second: Any, color: Any = None, **options: Any) -> SecondSensor:
    return SecondSensor(second, color or Fake([0.0], live=second.live), **options)


def partners(sensor: SecondSensor, times_s: list[float]) -> list[int | None]:
    found = [sensor.of(frame(time_s)) for time_s in times_s]
    return [None if one is None else int(one.pixels[0, 0, 0]) for one in found]


def test_nearest_image_within_the_skew_is_paired() -> None:
    sensor = paired(Fake([0.0, 0.1, 0.2, 0.6]), within_ms=40)
    assert partners(sensor, [0.0, 0.03, 0.05, 0.07, 0.1, 0.19, 0.3, 0.58]) == [0, 0, None, 1, 1, 2, None, 3]
    assert sensor.summary == "thermal.mp4: 6 of 8 frames have an image; skew +5.0 ms, at most 30.0 ms"


def test_second_sensor_that_ends_or_fails_has_no_further_images() -> None:
    sensor = paired(Fake([0.0, 0.1], fails=True))
    assert partners(sensor, [0.0, 0.1, 0.2]) == [0, 1, None]
    assert sensor.summary.endswith("; the cable was pulled")
    assert partners(paired(Fake([])), [0.0]) == [None]


def test_live_frames_are_paired_by_capture_time() -> None:
    second = Fake([10.00, 10.03, 10.06], live=True)
    with paired(second) as sensor:
        deadline = time.monotonic() + 1
        while sensor.of(frame(10.06, live=True)) is None and time.monotonic() < deadline:
            time.sleep(0.005)
        found = [sensor.of(frame(at, live=True)) for at in (10.001, 10.04, 10.2)]
    assert [None if one is None else int(one.pixels[0, 0, 0]) for one in found] == [0, 1, None]
    assert [round(one.time_s, 3) for one in found if one is not None] == [10.0, 10.03], "its own time"
    assert second.closed


def test_sources_that_cannot_be_paired_are_rejected() -> None:
    with pytest.raises(ConfigError, match="both live or both files"):
        paired(Fake([0.0]), Fake([0.0], live=True))
    with pytest.raises(ConfigError, match=r"3x2 pixels but color has 6x4.*--x-homography"):
        paired(Fake([0.0], size=(3, 2)), Fake([0.0]))


def test_homography_warps_the_second_sensor_to_color(tmp_path: Path) -> None:
    matrix = np.array([[2.0, 0, 1], [0, 2, 0], [0, 0, 1]])
    path = tmp_path / "h.toml"
    path.write_text(homography_text(matrix, x_size=(3, 2), color_size=(6, 4)))
    read = read_homography(path, x_size=(3, 2), color_size=(6, 4))
    assert np.array_equal(read, matrix)
    sensor = paired(Fake([0.0, 0.1], size=(3, 2)), Fake([0.0]), homography=read)
    sensor.of(frame(0.0))
    moved = sensor.of(frame(0.1))
    assert moved is not None
    assert moved.pixels.shape == (4, 6, 3)
    assert moved.pixels[0, :, 0].tolist()[1:5] == [1, 1, 1, 1]
    assert moved.pixels[0, 0, 0] < 1 + 1e-9


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("homography = [[1, 0], [0, 1]]", "x_size is None"),
        ("x_size = [3, 2]\ncolor_size = [9, 9]", "color_size is .9, 9. but the images have .6, 4."),
        ("x_size = [3, 2]\ncolor_size = [6, 4]", "homography is None"),
        ("x_size = [3, 2]\ncolor_size = [6, 4]\nhomography = [[1, 0], [0, 1]]", "three rows of three"),
        (
            "x_size = [3, 2]\ncolor_size = [6, 4]\nhomography = [[1, 0, 0], [0, 1], 'a']",
            "three rows of three",
        ),
        (
            "x_size = [3, 2]\ncolor_size = [6, 4]\nhomography = [[0,0,0],[0,0,0],[0,0,1]]",
            "an invertible matrix",
        ),
        (
            "x_size = [3, 2]\ncolor_size = [6, 4]\nhomography = [[1,0,0],[0,1,0],[0,0,'1']]",
            "three rows of three",
        ),
        (
            "x_size = [3, 2]\ncolor_size = [6, 4]\nhomography = [[1,0,0],[0,1,0],[0,0,true]]",
            "three rows of three",
        ),
        (
            "x_size = [3, 2]\ncolor_size = [6, 4]\nunit = 1\nhomography = [[1,0,0],[0,1,0],[0,0,1]]",
            "'unit' is unknown",
        ),
        ("x_size = [", "is not TOML"),
        (None, "cannot be read"),
    ],
)
def test_file_without_a_homography_is_rejected(tmp_path: Path, text: str | None, said: str) -> None:
    path = tmp_path / "h.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError, match=said):
        read_homography(path, x_size=(3, 2), color_size=(6, 4))


def test_16_bit_images_are_mapped_by_the_given_levels(tmp_path: Path) -> None:
    depth = np.zeros((20, 30), np.uint16)
    depth[:, 10:20], depth[:, 20:] = 300, 3150
    cv2.imwrite(str(tmp_path / "0001.png"), depth)
    with open_source(tmp_path, levels=(6000, 300)) as source:
        row = next(iter(source)).pixels[0, :, 0]
    assert row[[0, 10, 29]].tolist() == [0, 255, 128], "0 was not measured, near is bright"
    cv2.imwrite(str(tmp_path / "0001.png"), depth.astype(np.uint8))
    with pytest.raises(SourceError, match="8 bits"):
        open_source(tmp_path, levels=(6000, 300))
    for levels, place, said in (
        ((5, 5), tmp_path, "two different finite numbers"),
        ((1, float("nan")), tmp_path, "two different finite numbers"),
        ((1, 2), tmp_path / "0001.png", "not a folder of 16-bit images"),
        ((1, 2), 0, "not a folder of 16-bit images"),
    ):
        with pytest.raises(SourceError, match=said):
            open_source(place, levels=levels)
