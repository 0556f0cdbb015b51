"""Recordings of two sensors: which images are in the file, with which times, and how they are read back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgetrack.io import open_sink
from edgetrack.io.blur import Blur
from edgetrack.io.recorder import TOPICS, TRACK, X
from edgetrack.io.recording import Recording
from edgetrack.types import Box, Frame, Track

cv2 = pytest.importorskip("cv2", reason="the video extra is not installed")
pytest.importorskip("mcap", reason="the mcap extra is not installed")
from mcap.reader import make_reader  # noqa: E402


def frame(index: int) -> Frame:
    """Make a frame of smooth colors that differ from frame to frame; JPEG changes them by a few levels only."""
    y, x = np.mgrid[:48, :64]
    pixels = np.stack([x, y + 5 * index, x // 2 + y // 2], 2) % 200
    return Frame(pixels.astype(np.uint8), index, index / 25)


def test_second_sensor_images_have_their_own_times_and_may_come_alone(tmp_path: Path) -> None:
    path = tmp_path / "pairs.mcap"
    second = [replace(frame(i), time_s=i / 25 + 0.004) for i in range(4)]
    given = [
        replace(frame(0), x=second[0]),
        frame(1),
        replace(second[2], x=second[2], color=False),
        replace(frame(3), x=second[3]),
    ]
    said = Track(Box(10, 20, 30, 25), 0.5, "tracking", 0, x_share=0.25, modalities=("color", "x"))
    with open_sink(path, facts={}) as sink:
        for one in given:
            sink.write(one, said, latency_ms=1)
    steps = [step for step, _ in Recording(path).steps()]
    assert [(one.color, one.x is not None) for one in steps] == [
        (one.color, one.x is not None) for one in given
    ]
    assert [one.index for one in steps] == [0, 1, 2, 3]
    assert [one.time_s for one in steps] == pytest.approx([0, 0.04, 0.084, 0.12])
    for one, before in zip(steps, given, strict=True):
        for now, then in ((one, before), (one.x, before.x)):
            assert (now is None) == (then is None)
            if now is not None and then is not None:
                assert now.time_s == pytest.approx(then.time_s)
                assert np.abs(now.pixels.astype(int) - then.pixels).mean() < 2
    assert [one.index for one in Recording(path).frames()] == [0, 1, 2], "as a source it gives color"
    with path.open("rb") as file:
        messages = [(c.topic, json.loads(m.data)) for _, c, m in make_reader(file).iter_messages()]
    assert [topic for topic, _ in messages].count(X) == 3
    [told, *_] = [content for topic, content in messages if topic == TOPICS[TRACK]]
    assert (told["x_share"], told["modalities"]) == (0.25, ["color", "x"])


def test_bag_has_no_image_of_a_camera_that_delivered_none(tmp_path: Path) -> None:
    pytest.importorskip("rosbags", reason="the ros2 extra is not installed")
    path = tmp_path / "a.ros2.mcap"
    with open_sink(path, facts={}) as sink:
        for one in (frame(0), replace(frame(1), x=frame(1), color=False)):
            sink.write(one, Track(Box(10, 20, 30, 25), 0.5, "tracking", 0), latency_ms=1)
    with path.open("rb") as file:
        topics = [channel.topic for _, channel, _ in make_reader(file).iter_messages()]
    assert [topics.count(topic) for topic in ("/camera/image/compressed", "/track/detections")] == [1, 2]


@pytest.mark.parametrize("what", ["target", "others"])
def test_blur_applies_to_color_and_the_second_sensor(what: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (2, 48, 64, 3), np.uint8)
    pair = Frame(noise[0], 0, 0.0, x=Frame(noise[1], 0, 0.0))
    track = Track(Box(10, 20, 30, 20), 0.5, "tracking", 0)
    shown, _ = Blur(what, keep_masks=False)(pair, {"": track})
    assert shown.x is not None
    for one, before in ((shown, noise[0]), (shown.x, noise[1])):
        changed = (one.pixels != before).any(2)
        assert changed[20:40, 10:40].mean() > 0.9
        assert changed[:15, :].mean() == (0 if what == "target" else pytest.approx(1, abs=0.1))
