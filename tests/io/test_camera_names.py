"""Names of the cameras of a run: what is a name in front of a source, and what is part of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgetrack.errors import ConfigError
from edgetrack.io.camera_names import name_cameras, split_name


@pytest.mark.parametrize(
    ("given", "name", "source"),
    [
        ("gate=rtsp://a/b", "gate", "rtsp://a/b"),
        ("gate=rtsp://u:p@a/?user=b", "gate", "rtsp://u:p@a/?user=b"),
        ("north.gate-2=/dev/video0?size=640x480", "north.gate-2", "/dev/video0?size=640x480"),
        ("gate=0", "gate", "0"),
        ("gate=a=b.mp4", "gate", "a=b.mp4"),
        ("rtsp://a/b?user=c", None, "rtsp://a/b?user=c"),
        ("/dev/video0?size=640x480", None, "/dev/video0?size=640x480"),
        ("gst:videotestsrc pattern=ball", None, "gst:videotestsrc pattern=ball"),
        ("./gate=a.mp4", None, "./gate=a.mp4"),
        ("=a.mp4", None, "=a.mp4"),
        ("a.mp4", None, "a.mp4"),
    ],
)
def test_a_name_is_what_cannot_be_the_beginning_of_a_source(
    given: str, name: str | None, source: str
) -> None:
    assert split_name(given) == (name, source)


def test_what_exists_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run=1").mkdir()
    Path("gate=a.mp4").write_bytes(b"")
    assert split_name("gate=a.mp4") == (None, "gate=a.mp4")
    assert split_name("run=1/%05d.png") == (None, "run=1/%05d.png")
    assert split_name("gate=b.mp4") == ("gate", "b.mp4")


def test_names_come_from_the_sources_and_have_no_secrets() -> None:
    given = [
        "rtsp://admin:s3cret@192.168.1.20:8554/stream1?user=admin&password=s3cret",
        "rtsp://192.168.1.21/user=admin&password=s3cret&channel=1",
        "videos/drive.mp4",
        "/dev/video0?size=640x480",
        "0",
        "csi://1",
        "gst:rtspsrc location=rtsp://u:s3cret@h/ ! decodebin",
        "test://street",
        "test://street",
        "street-2=test://street",
        "rtsp://[::1]/",
    ]
    names = list(name_cameras(given))
    assert names == [
        "192.168.1.20-8554-stream1",
        "192.168.1.21-user-password-channel-1",
        "drive",
        "video0",
        "camera-0",
        "1",
        "gst",
        "street",
        "street-3",  # a given name comes first
        "street-2",
        "1-2",
    ]
    assert list(name_cameras(given).values())[9] == "test://street"
    assert not any("s3cret" in name or "admin" in name for name in names)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["gate=a.mp4", "gate=b.mp4"], "the camera 'gate' is given twice; give each camera its own name"),
        (["gate=", "b.mp4"], "--source gate= has no source; expected one such as gate=rtsp://host/path"),
    ],
)
def test_names_that_cannot_be(given: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        name_cameras(given)
