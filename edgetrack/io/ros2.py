"""An MCAP file for ROS 2: images and detections as ROS messages, which ``ros2 bag`` and Foxglove read.

It is separate from the file of `edgetrack.io.recorder`, because rosbag2 refuses a file with topics in different
encodings.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgetrack._imports import require
from edgetrack.events import Event
from edgetrack.io._jpeg import JpegEncoder
from edgetrack.io._mcap_file import McapFile
from edgetrack.io.lines import event_values
from edgetrack.io.mask_files import labels_of, palette_png
from edgetrack.io.names import printable
from edgetrack.io.sinks import Joint
from edgetrack.types import Frame, Track

IMAGE, DETECTIONS, TEXT = (
    "sensor_msgs/msg/CompressedImage",
    "vision_msgs/msg/Detection2DArray",
    "std_msgs/msg/String",
)
CAMERA_TOPIC, LABELS_TOPIC = (
    "/camera/image/compressed",
    "/track/labels/compressed",
)  # as image_transport names them
DETECTIONS_TOPIC, EVENTS_TOPIC = "/track/detections", "/events"
FRAME_ID = "camera"
# vision_msgs as of ROS 2 Humble (4.0); the other packages come with rosbags.
VISION_MSGS = {
    "Point2D": "float64 x\nfloat64 y",
    "Pose2D": "vision_msgs/Point2D position\nfloat64 theta",
    "BoundingBox2D": "vision_msgs/Pose2D center\nfloat64 size_x\nfloat64 size_y",
    "ObjectHypothesis": "string class_id\nfloat64 score",
    "ObjectHypothesisWithPose": (
        "vision_msgs/ObjectHypothesis hypothesis\ngeometry_msgs/PoseWithCovariance pose"
    ),
    "Detection2D": (
        "std_msgs/Header header\nvision_msgs/ObjectHypothesisWithPose[] results\n"
        "vision_msgs/BoundingBox2D bbox\nstring id"
    ),
    "Detection2DArray": "std_msgs/Header header\nvision_msgs/Detection2D[] detections",
}


class Ros2Sink(Joint):
    """A ROS 2 bag that is written during the run.

    Each frame becomes an image and its detections: one for each track with a box, with its name as ``class_id``, its
    calibrated score, and its number as ``id``. `LABELS_TOPIC` starts with the first mask, `EVENTS_TOPIC` (JSON) with
    the first event.

    Timestamps of a live source are the Unix time at which a frame was captured, as in other nodes; those of a file
    start at 0. They do not jump if the clock is set during the run.

    Args:
        path: the file; replaced at the first frame.
        facts: texts for the metadata record "edgetrack".

    Raises:
        MissingExtra: the extra ``ros2`` is not installed.
        SinkError: the path cannot be written.
    """

    def __init__(self, path: str | Path, *, facts: Mapping[str, str]) -> None:
        self._messages = _Messages()
        self._facts = dict(facts)
        self._jpeg = JpegEncoder(f"output {path}")
        self._file = McapFile(path, extra="ros2")
        self._schemas: dict[str, int] = {}
        self._channels: dict[str, int] = {}
        self._began_ns: int | None = None  # Unix time at which Frame.time_s is 0

    def write_all(
        self,
        frame: Frame,
        tracks: Mapping[str, Track],
        *,
        latencies_ms: Mapping[str, float],
        events: Sequence[Event] = (),
    ) -> None:
        self._file.check()
        jpeg = self._jpeg.pack(frame) if frame.color else None
        if self._began_ns is None:
            self._file.start(self._facts, profile="ros2")
            self._began_ns = _began_ns(frame)
        at = max(0, self._began_ns + round(frame.time_s * 1e9)), frame.index
        header = self._messages.header(at[0])
        if jpeg is not None:
            self._add(CAMERA_TOPIC, IMAGE, at, self._messages.image(header, "jpeg", jpeg))
        targets = [track for track in tracks.values() if track.query is None]
        if LABELS_TOPIC in self._channels or any(track.mask is not None for track in targets):
            labels = np.frombuffer(palette_png(labels_of(frame, targets)), np.uint8)
            self._add(LABELS_TOPIC, IMAGE, at, self._messages.image(header, "png", labels))
        self._add(DETECTIONS_TOPIC, DETECTIONS, at, self._messages.detections(header, tracks))
        for event in events:
            said = self._messages.text(json.dumps({"frame": frame.index, **event_values(frame, event)}))
            self._add(EVENTS_TOPIC, TEXT, at, said)
        self._file.settle_due()

    def _add(self, topic: str, kind: str, at: tuple[int, int], message: Any) -> None:
        """Add a message at (nanoseconds, number of the frame) to a topic, which is created with its first message."""
        if topic not in self._channels:
            if kind not in self._schemas:
                definition = self._messages.definition(kind).encode()
                # rosbag2 finds the type by this name, readers without ROS by its definition.
                self._schemas[kind] = self._file.register_schema(kind, "ros2msg", definition)
            self._channels[topic] = self._file.register_channel(topic, "cdr", self._schemas[kind])
        self._file.add(self._channels[topic], *at, self._messages.packed(message, kind))

    def close(self) -> None:
        """Complete the file. May be called twice."""
        self._file.close()


def _began_ns(frame: Frame) -> int:
    """Return the Unix time in nanoseconds at which ``Frame.time_s`` was 0; 0 for a source that is not live."""
    if frame.captured_ns is None:
        return 0
    captured_ns = time.time_ns() - (time.monotonic_ns() - frame.captured_ns)
    return captured_ns - round(frame.time_s * 1e9)


class _Messages:
    """Makes ROS messages with rosbags, which does not need ROS.

    Raises:
        MissingExtra: rosbags is not installed.
    """

    def __init__(self) -> None:
        typesys = require("rosbags.typesys", extra="ros2")
        self._store = typesys.get_typestore(typesys.Stores.ROS2_HUMBLE)
        for name, fields in VISION_MSGS.items():
            self._store.register(typesys.get_types_from_msg(fields, f"vision_msgs/msg/{name}"))
        self._pose = self._nowhere()

    def definition(self, kind: str) -> str:
        """Return the definition of a type and of its parts, as ``ros2msg`` in MCAP."""
        return str(self._store.generate_msgdef(kind, ros_version=2)[0])

    def packed(self, message: Any, kind: str) -> bytes:
        """Return the message in CDR, little endian."""
        return bytes(self._store.serialize_cdr(message, kind))

    def _new(self, kind: str, **fields: Any) -> Any:
        return self._store.types[kind](**fields)

    def header(self, nanoseconds: int) -> Any:
        """Return a header with a time."""
        stamp = self._new(
            "builtin_interfaces/msg/Time", sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9
        )
        return self._new("std_msgs/msg/Header", stamp=stamp, frame_id=FRAME_ID)

    def image(self, header: Any, form: str, data: Any) -> Any:
        """Return a compressed image from its bytes, uint8 (N,)."""
        return self._new(IMAGE, header=header, format=form, data=data)

    def text(self, said: str) -> Any:
        """Return a message with a text."""
        return self._new(TEXT, data=said)

    def detections(self, header: Any, tracks: Mapping[str, Track]) -> Any:
        """Return the detections of all tracks with a box, in pixels."""
        found = [
            self._detection(header, name, track) for name, track in tracks.items() if track.box is not None
        ]
        return self._new(DETECTIONS, header=header, detections=found)

    def _detection(self, header: Any, name: str, track: Track) -> Any:
        assert track.box is not None
        x, y, w, h = track.box.xywh
        position = self._new("vision_msgs/msg/Point2D", x=x + w / 2, y=y + h / 2)
        center = self._new("vision_msgs/msg/Pose2D", position=position, theta=0.0)
        hypothesis = self._new(
            "vision_msgs/msg/ObjectHypothesis", class_id=printable(name), score=track.score
        )
        return self._new(
            "vision_msgs/msg/Detection2D",
            header=header,
            results=[
                self._new("vision_msgs/msg/ObjectHypothesisWithPose", hypothesis=hypothesis, pose=self._pose)
            ],
            bbox=self._new("vision_msgs/msg/BoundingBox2D", center=center, size_x=w, size_y=h),
            id=str(track.id),
        )

    def _nowhere(self) -> Any:
        """Return the default pose of vision_msgs, at the origin, because an image does not determine it."""
        pose = self._new(
            "geometry_msgs/msg/Pose",
            position=self._new("geometry_msgs/msg/Point", x=0.0, y=0.0, z=0.0),
            orientation=self._new("geometry_msgs/msg/Quaternion", x=0.0, y=0.0, z=0.0, w=1.0),
        )
        return self._new("geometry_msgs/msg/PoseWithCovariance", pose=pose, covariance=np.zeros(36))
