"""Recordings: what is in the file, how it is read back, and what is left of a truncated or damaged one."""

from __future__ import annotations

import io
import json
import signal
import struct
import subprocess
import sys
import time
from base64 import b64decode, b64encode
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import fakes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetrack.errors import MissingExtra, SourceError
from edgetrack.io import open_sink, open_source
from edgetrack.io._mcap_file import CHUNK_BYTES
from edgetrack.io.recorder import ANNOTATIONS, IMAGE, SCHEMAS, TOPICS, TRACK
from edgetrack.io.recording import Recording
from edgetrack.types import Basis, Box, Frame, Track

cv2 = pytest.importorskip("cv2", reason="the video extra is not installed")
pytest.importorskip("mcap", reason="the mcap extra is not installed")
from mcap.exceptions import McapError  # noqa: E402
from mcap.reader import NonSeekingReader, make_reader  # noqa: E402
from zstandard import ZstdError  # noqa: E402

FACTS = {"text": "red car", "box": "[1.5, 2, 30, 20]", "engine": "ort", "precision": "fp32", "fps": "25.0"}
COUNT = 12
KINDS = (IMAGE, ANNOTATIONS, TRACK)


def frame(index: int, *, size: tuple[int, int] = (96, 128)) -> Frame:
    """Make a frame of smooth colors that differ from frame to frame; JPEG changes them by a few levels only."""
    y, x = np.mgrid[: size[0], : size[1]]
    pixels = np.stack([x, y + 5 * index, x // 2 + y // 2], 2) % 200
    return Frame(pixels.astype(np.uint8), index, index / 25)


def track(index: int) -> Track:
    if index % 4 == 3:
        return Track(None, 0.25, "lost", index)
    basis: Basis = "coasted" if index % 4 == 2 else "network"
    return Track(Box(10.123456789 + index, 20, 30, 25), 0.87654321, "tracking", index, basis)


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    path = tmp_path / "a.mcap"
    with open_sink(path, facts=FACTS) as sink:
        for index in range(COUNT):
            sink.write(frame(index), track(index), latency_ms=1.5)
    return path


def test_foxglove_messages_and_their_times(recorded: Path) -> None:
    with recorded.open("rb") as file:
        reader = make_reader(file)
        summary = reader.get_summary()
        assert summary is not None
        counts = {summary.channels[k].topic: n for k, n in summary.statistics.channel_message_counts.items()}
        assert counts == {TOPICS[kind]: COUNT for kind in KINDS}
        assert summary.chunk_indexes, "without an index Foxglove must read the whole file"
        assert {s.name: json.loads(s.data)["type"] for s in summary.schemas.values()} == dict.fromkeys(
            KINDS, "object"
        )
        assert {c.message_encoding for c in summary.channels.values()} == {"json"}
        [about] = reader.iter_metadata()
        assert (about.name, about.metadata) == ("edgetrack", FACTS)
        messages = [
            (s.name, m.log_time, json.loads(m.data)) for s, _, m in reader.iter_messages() if s is not None
        ]
    assert [at for _, at, _ in messages] == [i * 40_000_000 for i in range(COUNT) for _ in KINDS]
    for name, at, content in messages:
        left_out = (
            {"timestamp"} if "points" in content else {"mask", "x_share", "modalities"}
        )  # there are none
        assert set(content) == set(SCHEMAS[name]["properties"]) - left_out
        if name == "foxglove.CompressedImage":
            assert content["timestamp"] == {"sec": at // 10**9, "nsec": at % 10**9}
            assert b64decode(content["data"])[:3] == b"\xff\xd8\xff"
    _, _, boxes = messages[1]
    corners = [(p["x"], p["y"]) for p in boxes["points"][0]["points"]]
    assert corners == [(10.123456789, 20), (40.123456789, 20), (40.123456789, 45), (10.123456789, 45)]
    assert boxes["points"][0]["type"] == 2
    lost = [content for name, _, content in messages if name == "edgetrack.Track"][3]
    assert (lost["box"], lost["status"], lost["score"], lost["frame"]) == (None, "lost", 0.25, 3)


def test_recording_is_read_back_as_written(recorded: Path) -> None:
    recording = Recording(recorded)
    assert recording.facts == FACTS
    assert recording.target == ("red car", Box(1.5, 2, 30, 20))
    steps = list(recording.steps())
    assert recording.complete
    assert [said for _, said in steps] == [track(i) for i in range(COUNT)]
    for index, (shown, _) in enumerate(steps):
        assert (shown.index, shown.time_s) == (index, pytest.approx(index / 25))
        assert np.abs(shown.pixels.astype(int) - frame(index).pixels).mean() < 2


def test_recording_is_a_source(recorded: Path) -> None:
    with open_source(recorded) as source:
        assert (source.size, source.fps, source.live) == ((128, 96), 25.0, False)
        assert [f.index for f in source] == list(range(COUNT))


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_killed_run_leaves_a_readable_recording(tmp_path: Path) -> None:
    """Record noise, so that frames are large and several chunks are written."""
    film, out = tmp_path / "in.mp4", tmp_path / "out.mcap"
    writer = cv2.VideoWriter(str(film), cv2.VideoWriter.fourcc(*"mp4v"), 25, (320, 240))
    noise = np.random.default_rng(0)
    for _ in range(400):
        writer.write(noise.integers(0, 256, (240, 320, 3), np.uint8))
    writer.release()
    command = [sys.executable, fakes.__file__, "run", "-s", str(film), "-t", "red car", "-o", str(out)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        deadline_s = time.monotonic() + 60
        while not out.exists() or out.stat().st_size < 4 * CHUNK_BYTES:
            assert process.poll() is None, process.stderr.read() if process.stderr else ""
            assert time.monotonic() < deadline_s, "nothing is written"
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=10)
    finally:
        process.kill()
        process.communicate()
    messages = []
    with (
        out.open("rb") as file,
        suppress(McapError, ZstdError, struct.error, ValueError),
    ):  # as for a truncated file
        for _, _, message in NonSeekingReader(file).iter_messages(log_time_order=False):
            messages.append(json.loads(message.data))
    indices = [m["frame"] for m in messages if "frame" in m]
    assert len(indices) >= 4
    assert indices == list(range(len(indices)))
    recording = Recording(out)
    assert len(list(recording.steps())) == len(indices)
    assert recording.complete is False
    assert (recording.facts["text"], recording.facts["engine"]) == ("red car", "fake")
    with open_source(out) as source, pytest.raises(SourceError, match="is truncated: its end is missing"):
        list(source)


@settings(max_examples=60)
@given(data=st.data())
def test_truncated_or_damaged_recording_gives_its_intact_part_or_an_error(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("broken") / "a.mcap"
    with open_sink(path, facts=FACTS) as sink:
        for index in range(4):
            sink.write(frame(index, size=(24, 32)), track(index), latency_ms=1.5)
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans(), label="cut"):
        content = content[:place]
    else:
        content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    with suppress(SourceError):  # no other exception is allowed
        found = [said for _, said in Recording(path).steps()]
        assert found == [track(i) for i in range(len(found))]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is not an MCAP file"),
        (b"not a recording, just words", "is not an MCAP file"),
        (b"\x89MCAP0\r\n", "is not an MCAP file, or is damaged"),
    ],
)
def test_other_files_are_rejected(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "a.mcap"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=expected):
        open_source(path)
    with pytest.raises(SourceError, match="No such file"):
        Recording(tmp_path / "gone.mcap")


def foreign(*channels: tuple[str, str, str], data: bytes = b"{}") -> bytes:
    """Write a recording of another program: one message per topic, schema and encoding."""
    from mcap.writer import Writer

    file = io.BytesIO()
    writer = Writer(file)
    writer.start()
    for topic, schema, encoding in channels:
        channel = writer.register_channel(
            topic, encoding, writer.register_schema(schema, "jsonschema", b"{}")
        )
        writer.add_message(channel, 5, data, 5)
    writer.finish()
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (foreign(), "has no image"),
        (foreign(("/scan", "sensor_msgs/msg/LaserScan", "cdr")), "has no image"),
        (foreign(("/a", IMAGE, "protobuf")), "as protobuf; expected JSON"),
        (foreign(("/a", IMAGE, "json")), "image 0 is not valid base64"),
        (foreign(("/a", IMAGE, "json"), data=b"[1]"), "image 0 is not valid base64"),
        (foreign(("/a", IMAGE, "json"), data=b"{"), "is not valid JSON"),
        (
            foreign(("/a", IMAGE, "json"), data=b'{"data": "AAAA", "format": "h264"}'),
            "cannot decode image 0",
        ),
    ],
)
def test_recordings_of_other_programs_report_what_is_missing(
    tmp_path: Path, content: bytes, expected: str
) -> None:
    (tmp_path / "a.mcap").write_bytes(content)
    with pytest.raises(SourceError, match=expected):
        open_source(tmp_path / "a.mcap")


def test_recording_with_two_cameras_is_rejected(tmp_path: Path) -> None:
    _, jpeg = cv2.imencode(".jpg", frame(0).pixels)
    picture = json.dumps({"format": "jpeg", "data": b64encode(jpeg).decode()}).encode()
    (tmp_path / "a.mcap").write_bytes(foreign(("/l", IMAGE, "json"), ("/r", IMAGE, "json"), data=picture))
    with (
        open_source(tmp_path / "a.mcap") as source,
        pytest.raises(SourceError, match="images in /l and /r"),
    ):
        list(source)
    with pytest.raises(SourceError, match="does not say what was tracked"):
        _ = Recording(tmp_path / "a.mcap").target


def test_previous_file_is_kept_until_the_first_frame(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    with open_sink(path):
        pass
    assert not path.exists()
    path.write_text("earlier")
    with open_sink(path):
        pass
    assert path.read_text() == "earlier"


def test_missing_extra_names_the_install_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "mcap"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mcap", None)  # makes an import of it fail
    with pytest.raises(MissingExtra, match=r"pip install 'edgetrack\[mcap\]'"):
        open_sink(tmp_path / "a.mcap")
    with pytest.raises(MissingExtra, match=r"pip install 'edgetrack\[mcap\]'"):
        Recording(tmp_path / "a.mcap")


def test_live_recording_keeps_ages_and_gaps(tmp_path: Path) -> None:
    """A replay must know the gaps, because the tracker searches the whole frame after one."""
    path = tmp_path / "o.mcap"
    with open_sink(path, facts=FACTS) as sink:
        for index, gap_s in enumerate((0.0, 0.04, 2.5)):
            captured_ns = time.monotonic_ns() - 30_000_000
            live = replace(frame(index), captured_ns=captured_ns, gap_s=gap_s, epoch=index // 2)
            sink.write(live, track(index), latency_ms=1.5)
    assert [live.gap_s for live, _ in Recording(path).steps()] == [0.0, 0.04, 2.5]
    with path.open("rb") as file:
        said = [
            json.loads(m.data)
            for _, _, m in make_reader(file).iter_messages(topics=[TOPICS["edgetrack.Track"]])
        ]
    assert [row["epoch"] for row in said] == [0, 0, 1]
    assert all(30 <= row["age_ms"] < 10_000 for row in said)
