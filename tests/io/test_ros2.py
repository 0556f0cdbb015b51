"""ROS 2 bags, decoded with a library that is independent of the one that writes them."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")
pytest.importorskip("rosbags", reason="needs rosbags: pip install 'edgetrack[ros2]'")
mcap_ros2 = pytest.importorskip(
    "mcap_ros2.reader", reason="needs a reader: pip install 'mcap-ros2-support>=0.5'"
)

from mcap.reader import make_reader  # noqa: E402

from edgetrack import Box, Frame, Mask, Track, open_sink  # noqa: E402
from edgetrack.errors import SourceError  # noqa: E402
from edgetrack.events import Event  # noqa: E402
from edgetrack.io import open_source  # noqa: E402

CAR = Track(Box(10, 20, 30, 8), 0.75, "tracking", 0, id=3, name="red car")
GONE = Track(None, 0.1, "lost", 0, id=4, name="dog")


def frame(index: int) -> Frame:
    return Frame(np.full((48, 64, 3), 40 * index, np.uint8), index, index / 25)


def messages(path: Path) -> dict[str, list[Any]]:
    """Return the decoded messages by topic."""
    found: dict[str, list[Any]] = {}
    with path.open("rb") as file:
        for one in mcap_ros2.read_ros2_messages(file):
            found.setdefault(one.channel.topic, []).append(one.ros_msg)
    return found


def test_images_and_boxes_become_ros_messages(tmp_path: Path) -> None:
    path = tmp_path / "drive.ros2.mcap"
    with open_sink(path, facts={"model": "edgetrack-256"}) as sink:
        for index in range(3):
            sink.write_all(frame(index), {"red car": CAR, "dog": GONE}, latencies_ms={"red car": 1, "dog": 1})
    found = messages(path)
    assert {topic: len(all) for topic, all in found.items()} == {
        "/camera/image/compressed": 3,
        "/track/detections": 3,
    }
    picture = found["/camera/image/compressed"][2]
    pixels = cv2.imdecode(np.frombuffer(bytes(picture.data), np.uint8), cv2.IMREAD_COLOR)
    assert (picture.format, picture.header.frame_id, pixels.shape) == ("jpeg", "camera", (48, 64, 3))
    assert abs(int(pixels[5, 5, 0]) - 80) < 3
    detections = found["/track/detections"][2]
    assert (detections.header.stamp.sec, detections.header.stamp.nanosec) == (0, 80_000_000)
    (car,) = detections.detections  # a lost target has no box
    (result,) = car.results
    assert (car.id, result.hypothesis.class_id, result.hypothesis.score) == ("3", "red car", 0.75)
    assert (car.bbox.center.position.x, car.bbox.center.position.y) == (25, 24)
    assert (car.bbox.size_x, car.bbox.size_y) == (30, 8)


def test_all_topics_have_the_encoding_that_rosbag2_requires(tmp_path: Path) -> None:
    path = tmp_path / "drive.ros2.mcap"
    whole = np.zeros((48, 64), np.bool_)
    whole[20:28, 10:40] = True
    event = Event("entered", "car", id=3, query=None, zone="gate")
    with open_sink(path) as sink:
        masked = replace(CAR, mask=Mask.of(whole))
        sink.write_all(frame(0), {"car": masked}, latencies_ms={"car": 1}, events=(event,))
    with path.open("rb") as file:
        summary = make_reader(file).get_summary()
    assert summary is not None
    types = {one.topic: summary.schemas[one.schema_id].name for one in summary.channels.values()}
    assert types == {
        "/camera/image/compressed": "sensor_msgs/msg/CompressedImage",
        "/track/labels/compressed": "sensor_msgs/msg/CompressedImage",
        "/track/detections": "vision_msgs/msg/Detection2DArray",
        "/events": "std_msgs/msg/String",
    }
    assert {one.message_encoding for one in summary.channels.values()} == {"cdr"}
    found = messages(path)
    said = json.loads(found["/events"][0].data)
    assert (said["frame"], said["event"], said["zone"]) == (0, "entered", "gate")
    labels = bytes(found["/track/labels/compressed"][0].data)
    decoded = cv2.imdecode(np.frombuffer(labels, np.uint8), cv2.IMREAD_COLOR)
    assert decoded[24, 20].any()
    assert not decoded[2, 2].any()


def test_live_frame_is_stamped_with_its_capture_time(tmp_path: Path) -> None:
    path = tmp_path / "live.ros2.mcap"
    before_s = time.time()
    with open_sink(path) as sink:
        captured_ns = time.monotonic_ns() - 2_000_000_000
        sink.write(replace(frame(1), captured_ns=captured_ns), CAR, latency_ms=1)
        sink.write(frame(2), CAR, latency_ms=1)
    stamps = [one.header.stamp for one in messages(path)["/track/detections"]]
    first_s, second_s = (one.sec + one.nanosec / 1e9 for one in stamps)
    assert before_s - 2.1 < first_s < time.time() - 1.9
    assert second_s - first_s == pytest.approx(1 / 25, abs=1e-6)


def test_bag_cannot_be_replayed(tmp_path: Path) -> None:
    path = tmp_path / "drive.ros2.mcap"
    with open_sink(path) as sink:
        sink.write(frame(0), CAR, latency_ms=1)
    with pytest.raises(
        SourceError, match=r"has no image; expected foxglove\.CompressedImage messages in JSON"
    ):
        open_source(path)
