"""The demo scene: reproducible, with boxes that match what is rendered, and a target tracked with confidence."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edgetrack.demo import Scene, open_demo
from edgetrack.demo.scene import CARS, FRAMES, HEIGHT, WIDTH
from edgetrack.tracker import Tracker

pytest.importorskip("cv2")


@pytest.fixture(scope="module")
def scene() -> tuple[Scene, list[NDArray[np.uint8]]]:
    drawn = Scene()
    return drawn, [frame.pixels for frame in drawn.frames()]


def test_scene_has_its_length_and_its_cars(scene: tuple[Scene, list[NDArray[np.uint8]]]) -> None:
    drawn, frames = scene
    assert 150 <= len(frames) == FRAMES == len(drawn.boxes) <= 200
    assert all(f.shape == (HEIGHT, WIDTH, 3) and f.dtype == np.uint8 for f in frames)
    for car in CARS:
        assert sum(car.name in boxes for boxes in drawn.boxes) > 50
    red = [i for i, boxes in enumerate(drawn.boxes) if "red car" in boxes]
    assert red[0] > 10  # the target is away at first
    assert red == list(range(red[0], red[-1] + 1))


def test_each_box_contains_its_color(scene: tuple[Scene, list[NDArray[np.uint8]]]) -> None:
    drawn, frames = scene
    for index in range(0, FRAMES, 15):
        blue, green, red = (frames[index][..., c].astype(int) for c in range(3))
        for name, paint in (
            ("red car", red - np.maximum(blue, green)),
            ("blue car", blue - np.maximum(green, red)),
        ):
            ys, xs = np.nonzero(paint > 70)
            box = drawn.boxes[index].get(name)
            if box is None:
                continue
            assert len(xs) > 0.15 * box.w * box.h
            inside = (
                (xs >= box.x - 2) & (xs <= box.x + box.w + 2) & (ys >= box.y - 2) & (ys <= box.y + box.h + 2)
            )
            assert inside.mean() > 0.93  # rear lamps of the other cars are red too
            assert xs.max() - xs.min() > 0.8 * box.w


def test_scene_is_reproducible(scene: tuple[Scene, list[NDArray[np.uint8]]]) -> None:
    _, frames = scene
    again = Scene().frames()
    for index in range(3):
        assert np.array_equal(next(again).pixels, frames[index])


def test_scene_opens_like_any_other_source() -> None:
    with open_demo() as source:
        assert (source.size, source.fps, source.frames, source.live) == ((WIDTH, HEIGHT), 30.0, FRAMES, False)
        assert next(iter(source)).index == 0


def test_red_car_is_tracked_with_confidence_once_it_is_in_view(
    scene: tuple[Scene, list[NDArray[np.uint8]]],
) -> None:
    """It is found while half of it is in view; a template of that half would not fit the whole car."""
    drawn, frames = scene
    with Tracker(threads=1) as tracker:
        tracks = [tracker.start(frames[0], text="red car")]
        tracks += [tracker.update(frame) for frame in frames[1:140]]
    for track in tracks[100:140:10]:
        assert track.status == "tracking"
        assert track.box is not None
        assert track.box.iou(drawn.boxes[track.index]["red car"]) > 0.6
        assert track.score > 0.5
