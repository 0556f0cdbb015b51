"""The list of cameras: which ones exist, and what the system reports about those that do not work."""

from __future__ import annotations

import errno
import json
import os
import struct
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from edgetrack.cli import app
from edgetrack.errors import SourceError
from edgetrack.io import cameras
from edgetrack.io.cameras import FoundCamera, find_cameras
from edgetrack.io.source import Source
from edgetrack.types import Frame


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make a machine with three video devices, of which only the first one has a name."""
    (tmp_path / "dev").mkdir()
    for name in ("video0", "video10", "video2"):
        (tmp_path / "dev" / name).touch()
    about = tmp_path / "sys/class/video4linux/video0"
    about.mkdir(parents=True)
    (about / "name").write_text("HD Webcam\n")
    return tmp_path


def gives_pictures(source: str) -> Source:
    def frames() -> Generator[Frame, None, None]:
        yield Frame(np.zeros((720, 1280, 3), np.uint8), 0, 0.0)

    return Source(frames(), name=source, fps=30.0, count=None, live=False)


def gives_none(source: str) -> Source:
    raise SourceError(f"{source} gives no picture")


def test_devices_are_sorted_by_number(root: Path) -> None:
    found = find_cameras(root=root, opened=gives_pictures)
    assert [Path(camera.source).name for camera in found] == ["video0", "video2", "video10"]
    assert [camera.title for camera in found] == ["HD Webcam", "unknown", "unknown"]
    assert {(camera.ready, camera.said) for camera in found} == {(True, "1280x720, 30 fps")}


def test_camera_without_an_image_reports_the_reason(root: Path) -> None:
    found = find_cameras(root=root, opened=gives_none)
    assert not any(camera.ready for camera in found)
    assert all("gives no picture" in camera.said for camera in found)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.EACCES, r"sudo usermod -aG video"),
        (errno.EBUSY, r"fuser -v .*/dev/video0"),
        (errno.ENODEV, "plug it in again"),
        (errno.EIO, "it cannot be opened: Input/output error"),
    ],
)
def test_system_error_comes_with_a_command_that_fixes_it(
    root: Path, number: int, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import re

    def refuse(path: Any, flags: int) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("edgetrack.io.cameras.os.open", refuse)
    said = cameras._why_not(root / "dev/video0")
    assert re.search(expected, said)


@pytest.mark.parametrize(
    ("all_of_it", "own", "captures"),
    [
        (0x84A00001, 0x04200001, True),  # uvcvideo: video capture
        (0x84A00001, 0x04A00000, False),  # its second device: metadata
        (0x00000002, 0, False),  # an old driver: output only
        (0x00001000, 0, True),  # several planes
    ],
)
def test_metadata_devices_are_not_cameras(
    all_of_it: int, own: int, captures: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = struct.pack("16s32s32sIII12x", b"uvcvideo", b"HD Webcam", b"usb", 0x060000, all_of_it, own)
    assert len(answer) == 104
    monkeypatch.setattr("fcntl.ioctl", lambda *_: answer)
    assert cameras._captures(0) is captures


def test_jetson_lists_its_csi_camera(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from edgetrack import targets

    monkeypatch.setattr(targets, "detect", lambda root: targets.load("jetson-orin-nano"))
    last = find_cameras(root=root, opened=gives_pictures)[-1]
    assert last == FoundCamera("csi://0", "CSI camera", True, "1280x720, 30 fps")


def test_cameras_command_prints_a_table_or_json(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [FoundCamera("/dev/video0", "[HD] Webcam", False, "no permission; run: sudo")]
    monkeypatch.setattr(cameras, "find_cameras", lambda: found)
    table = CliRunner().invoke(app, ["cameras"])
    assert table.exit_code == 0
    assert "/dev/video0" in table.output
    assert "[HD] Webcam" in table.output
    listed = CliRunner().invoke(app, ["cameras", "--json"])
    assert json.loads(listed.output) == [
        {"source": "/dev/video0", "title": "[HD] Webcam", "ready": False, "said": "no permission; run: sudo"}
    ]
    monkeypatch.setattr(cameras, "find_cameras", list)
    nothing = CliRunner().invoke(app, ["cameras"])
    assert "no camera: " in nothing.output
    assert "--source test://street" in nothing.output
