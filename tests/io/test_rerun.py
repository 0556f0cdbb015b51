"""Rerun recordings and the viewer, read back with Rerun's own reader."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")
rerun = pytest.importorskip("rerun", reason="needs Rerun: pip install 'edgetrack[rerun]'")
chunks = pytest.importorskip("rerun.chunk", reason="needs Rerun: pip install 'edgetrack[rerun]'")

from edgetrack import Box, Frame, Mask, Track, Zones, open_sink  # noqa: E402
from edgetrack.errors import ConfigError, SinkError  # noqa: E402
from edgetrack.events import Event  # noqa: E402
from edgetrack.io import rerun as sinks  # noqa: E402
from edgetrack.zone_shapes import Zone  # noqa: E402

CAR = Track(Box(10, 20, 30, 8), 0.75, "tracking", 0, id=3, name="red car")
GONE = replace(CAR, box=None, score=0.1, status="lost")


def frame(index: int) -> Frame:
    return Frame(np.full((48, 64, 3), 40 * index, np.uint8), index, index / 25)


def columns(path: Path) -> dict[str, dict[str, list[Any]]]:
    """Read what a recording holds, by entity and component, one value per row."""
    found: dict[str, dict[str, list[Any]]] = {}
    for chunk in chunks.RrdReader(path).stream():
        of = found.setdefault(chunk.entity_path, {})
        rows = chunk.to_record_batch()
        for name in rows.schema.names:
            if name not in ("log_time", "time"):  # Python's datetime has no nanoseconds
                of.setdefault(name, []).extend(rows.column(name).to_pylist())
    return found


def test_images_boxes_and_scores_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / "drive.rrd"
    path.write_text("earlier")
    whole = np.zeros((48, 64), np.bool_)
    whole[20:28, 10:40] = True
    zones = Zones([Zone("gate", ((0, 0), (32, 0), (32, 40)), relative=False)])
    with open_sink(path, facts={"model": "edgetrack-256"}, zones=zones) as sink:
        assert path.read_text() == "earlier"  # until the first frame
        masked = replace(CAR, mask=Mask.of(whole))
        event = Event("entered", "red car", id=3, query=None, zone="gate")
        sink.write_all(frame(0), {"red car": masked}, latencies_ms={"red car": 7}, events=(event,))
        sink.write_all(frame(1), {"red car": GONE}, latencies_ms={"red car": 9})
    found = columns(path)
    boxes = found["/camera/tracks"]
    assert boxes["Boxes2D:centers"] == [[[25, 24]], []]  # empty is written, too, or the last box would stay
    assert boxes["Boxes2D:half_sizes"] == [[[15, 4]], []]
    assert boxes["Boxes2D:labels"][0] == ["red car tracking 0.75"]
    assert boxes["frame"] == [0, 1]
    picture = np.frombuffer(bytes(found["/camera"]["EncodedImage:blob"][1][0]), np.uint8)
    assert cv2.imdecode(picture, cv2.IMREAD_COLOR).shape == (48, 64, 3)
    assert found[r"/score/red\ car"]["Scalars:scalars"] == [[0.75], [0.1]]
    assert found["/latency_ms"]["Scalars:scalars"] == [[7], [9]]
    assert [len(strips) for strips in found["/camera/masks"]["LineStrips2D:strips"]] == [1, 0]
    assert found["/camera/zones"]["LineStrips2D:strips"] == [[[[0, 0], [32, 0], [32, 40], [0, 0]]]]
    assert "entered" in found["/events"]["TextLog:text"][0][0]
    assert "model: edgetrack-256" in found["/run"]["TextDocument:text"][0][0]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_full_disk_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "drive.rrd"
    path.symlink_to("/dev/full")
    with (
        pytest.raises(SinkError, match=f"output {re.escape(str(path))} cannot be written: .*No space left"),
        open_sink(path) as sink,
    ):
        sink.write(frame(0), CAR, latency_ms=1)


def test_rerun_disabled_by_the_environment_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RERUN", "off")
    with open_sink(tmp_path / "drive.rrd") as sink, pytest.raises(SinkError, match="run: unset RERUN"):
        sink.write(frame(0), CAR, latency_ms=1)
    assert not (tmp_path / "drive.rrd").exists()


@pytest.fixture(scope="module")
def viewer() -> Iterator[str]:
    """Start Rerun's server, which viewers run as well."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    serving = rerun.RecordingStream("viewer")
    yield str(serving.serve_grpc(grpc_port=port))
    serving.disconnect()


def test_viewer_receives_data(viewer: str) -> None:
    with sinks.RerunViewerSink(viewer) as sink:
        sink.write(frame(0), CAR, latency_ms=1)
        sink._flush()  # raises if nobody receives the data


def test_missing_viewer_is_an_error() -> None:
    with (
        sinks.RerunViewerSink("rerun+http://127.0.0.1:1/proxy") as sink,
        pytest.raises(SinkError, match=r"no viewer accepts the data .*start one with: rerun"),
    ):
        sink.write(frame(0), CAR, latency_ms=1)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9876/proxy", "rerun+http:///proxy", "rerun+http://host:x/proxy", "9876"]
)
def test_bad_viewer_addresses_are_rejected(url: str) -> None:
    with pytest.raises(ConfigError, match=r"expected one such as rerun\+http://127.0.0.1:9876/proxy"):
        sinks.RerunViewerSink(url)
