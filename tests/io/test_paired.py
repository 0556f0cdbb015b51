"""Two sensors as one source: files, and cameras of which one stops and comes back."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import numpy as np
import pytest

from edgetrack.io.paired import PairedSource
from edgetrack.io.pairing import SecondSensor
from edgetrack.io.reading import Reading
from edgetrack.io.source import Source
from edgetrack.io.sources import open_source
from edgetrack.io.states import SourceState
from edgetrack.types import Frame

cv2 = pytest.importorskip("cv2", reason="the video extra is not installed")


class Camera:
    """A camera whose cable can be unplugged; its pixels hold the number of the frame.

    It declares 10 frames per second but delivers 50, so that a busy machine does not look like an unplugged cable.
    """

    def __init__(self, *, first: int = 0) -> None:
        self.plugged, self.ends = threading.Event(), threading.Event()
        self.plugged.set()
        self._first, self._reading = first, Reading()

    def frames(self) -> Generator[Frame, None, None]:
        index, began_ns = 0, time.monotonic_ns()
        while not self.ends.is_set():
            time.sleep(0.02)
            if self.plugged.is_set():
                now_ns = time.monotonic_ns()
                pixels = np.full((4, 6, 3), (self._first + index) % 256, np.uint8)
                self._reading.observed.picture()
                yield Frame(pixels, index, (now_ns - began_ns) / 1e9, captured_ns=now_ns)
                index += 1

    def open(self, name: str) -> Source:
        return Source(self.frames(), name=name, fps=10.0, count=None, live=True, reading=self._reading)


@pytest.fixture
def cameras() -> Iterator[tuple[Camera, Camera]]:
    color, x = Camera(), Camera(first=100)
    yield color, x
    color.ends.set()
    x.ends.set()


def test_frames_of_files_come_with_the_image_of_the_second_sensor(tmp_path: Path) -> None:
    for folder, count, first in (("color", 4, 0), ("x", 3, 100)):
        (tmp_path / folder).mkdir()
        for index in range(count):
            cv2.imwrite(str(tmp_path / folder / f"{index}.png"), np.full((9, 12, 3), first + index, np.uint8))
    with open_source(tmp_path / "color") as color, open_source(tmp_path / "x") as x:
        with PairedSource(color, SecondSensor(x, color, within_ms=10)) as source:
            frames = [(frame, frame.x) for frame in source]
        assert source.summary.endswith("3 of 4 frames have an image; skew +0.0 ms, at most 0.0 ms")
    assert [frame.color for frame, _ in frames] == [True] * 4
    assert [None if x is None else int(x.pixels[0, 0, 0]) for _, x in frames] == [100, 101, 102, None]
    assert [x.time_s for _, x in frames if x is not None] == pytest.approx([0, 1 / 30, 2 / 30])


def test_second_sensor_continues_alone_while_color_is_gone(cameras: tuple[Camera, Camera]) -> None:
    color, x = cameras
    states: list[SourceState] = []
    seen: list[Frame] = []
    with color.open("color") as first, PairedSource(first, SecondSensor(x.open("x"), first)) as source:
        source.on_x_state = states.append
        for frame in source:
            seen.append(frame)
            alone = sum(not one.color for one in seen)
            if len(seen) == 10:
                color.plugged.clear()
            if alone == 12:
                color.plugged.set()
            if alone >= 12 and frame.color and len(seen) > 40:
                break
    phases = [one.color for one in seen]
    begin = phases.index(False)
    end = len(phases) - phases[::-1].index(False)
    assert phases == [True] * begin + [False] * (end - begin) + [True] * (len(phases) - end), "one stretch"
    assert begin >= 10
    for one in seen[begin:end]:
        assert one.x is not None
        assert one.pixels is one.x.pixels, "what there is to see"
    assert any(one.x is not None for one in seen[:begin]), "pairs before"
    assert [one.index for one in seen] == sorted({one.index for one in seen}), "numbers go up"
    assert [one.time_s for one in seen] == sorted({one.time_s for one in seen}), "so do times"
    assert max(one.gap_s for one in seen) < 0.9, "there is no gap where the other sensor goes on"
    assert source.summary.endswith(f"; {end - begin} frames without color")
    assert not states


def test_color_continues_alone_while_the_second_sensor_is_gone(cameras: tuple[Camera, Camera]) -> None:
    color, x = cameras
    states: list[SourceState] = []
    seen: list[bool] = []
    with color.open("color") as first, PairedSource(first, SecondSensor(x.open("x"), first)) as source:
        source.on_x_state = states.append
        for frame in source:
            assert frame.color
            seen.append(frame.x is not None)
            if len(seen) == 10:
                x.plugged.clear()
            if len(seen) == 80:
                x.plugged.set()
            if len(seen) == 120:
                break
    assert not any(seen[25:80])
    assert any(seen[:10])
    assert any(seen[90:])
    assert [state.name for state in states] == ["stalled", "live"]


def test_source_waits_for_color_if_the_second_sensor_may_not_come_alone(
    cameras: tuple[Camera, Camera],
) -> None:
    color, x = cameras
    with (
        color.open("color") as first,
        PairedSource(first, SecondSensor(x.open("x"), first), alone=False) as source,
    ):
        for count, frame in enumerate(source):
            assert frame.color
            if count == 5:
                color.plugged.clear()
                threading.Timer(0.4, color.plugged.set).start()
            if count == 8:
                break
    assert "without color" not in source.summary


def test_pair_ends_when_the_color_source_ends(cameras: tuple[Camera, Camera]) -> None:
    color, x = cameras
    threading.Timer(0.3, color.ends.set).start()
    with color.open("color") as first, PairedSource(first, SecondSensor(x.open("x"), first)) as source:
        assert sum(frame.color for frame in source) >= 2
    assert first.state.name == "ended"
