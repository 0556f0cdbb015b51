"""The shipped model keeps the promises of the README on images; the clip is tested if the data is available."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import edgetrack
from edgetrack.types import Box, Track

pytest.importorskip("cv2", reason="the video extra is not installed")

CLIP = "clips/car-detection.mp4"


@pytest.fixture(scope="module")
def tracker() -> edgetrack.Tracker:
    return edgetrack.Tracker()


def follow(tracker: edgetrack.Tracker, video: Path, text: str) -> Iterator[Track]:
    with edgetrack.open_source(video) as source:
        for frame in source:
            if frame.index == 0:
                yield tracker.start(frame.pixels, text=text)
            else:
                yield tracker.update(frame.pixels)


def test_red_car_is_found_followed_and_released(tracker: edgetrack.Tracker, shared_data: Path) -> None:
    truth: NDArray[np.float64] = np.genfromtxt(shared_data / "clips/car-detection.red_car.txt", delimiter=",")
    absent = np.asarray(np.isnan(truth).any(1))
    tracks = list(follow(tracker, shared_data / CLIP, "red car"))
    assert len(tracks) == len(truth)
    false = [t.index for t in tracks if absent[t.index] and t.status == "tracking"]
    assert len(false) <= 0.03 * absent.sum(), f"tracked without the red car: {false}"
    found = [
        t.status == "tracking" and t.box is not None and t.box.iou(Box(*truth[t.index])) >= 0.5
        for t in tracks[196:233]
    ]
    assert sum(found) >= 0.85 * len(found)  # its extent is right some frames after it is found


@pytest.mark.nightly
def test_absent_object_is_not_found(tracker: edgetrack.Tracker, shared_data: Path) -> None:
    tracks = list(follow(tracker, shared_data / CLIP, "green bus"))
    assert sum(t.status == "tracking" for t in tracks) <= 0.03 * len(tracks)


@pytest.mark.nightly
def test_demo_car_is_followed(tracker: edgetrack.Tracker) -> None:
    from edgetrack.demo.scene import Scene

    scene, tracks = Scene(), []
    for frame in scene.frames():
        first = frame.index == 0
        tracks.append(tracker.start(frame.pixels, text="red car") if first else tracker.update(frame.pixels))
    seen = [(t, boxes["red car"]) for t, boxes in zip(tracks, scene.boxes, strict=True) if "red car" in boxes]
    assert len(seen) > 60
    hits = sum(t.box is not None and t.box.iou(box) >= 0.5 for t, box in seen)
    assert hits >= 0.8 * len(seen)
