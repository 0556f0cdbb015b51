"""How sources are named: devices with settings, pipelines, test patterns, raw frames and the demo scene."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from edgetrack import targets
from edgetrack.errors import SourceError
from edgetrack.io.capture import _ask
from edgetrack.io.gstreamer import csi_pipeline
from edgetrack.io.names import public_name
from edgetrack.io.pictures import matching
from edgetrack.io.raw import read_raw
from edgetrack.io.reading import Reading
from edgetrack.io.sources import open_source
from edgetrack.io.uri import Settings, split_settings

cv2 = pytest.importorskip("cv2")

# PyGObject's importer and GLib's types use an older import mechanism of Python.
pytestmark = pytest.mark.filterwarnings("ignore:DynamicImporter:ImportWarning")
DEBIAN = Path("/usr/lib/python3/dist-packages")


def test_settings_follow_a_question_mark() -> None:
    place, settings = split_settings("/dev/video2?size=1280x720&fps=29.97&format=mjpg")
    assert place == "/dev/video2"
    assert settings == Settings((1280, 720), 29.97, "MJPG")
    assert split_settings("/dev/video2") == ("/dev/video2", Settings())


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("sise=1x1", "setting 'sise' .* is unknown; expected size, fps and format, as in /dev/video0"),
        ("fps=1&fps=2", "setting 'fps' .* is given twice"),
        ("size=1280", "size is '1280'; expected WIDTHxHEIGHT"),
        ("size=0x5", "size is '0x5'"),
        ("fps=fast", "fps is 'fast'"),
        ("fps=0", "fps is '0'"),
        ("fps=nan", "fps is 'nan'"),
        ("format=h", "format is 'h'; expected the four letters"),
    ],
)
def test_wrong_settings_are_named(query: str, expected: str) -> None:
    with pytest.raises(SourceError, match=expected):
        open_source(f"/dev/video0?{query}")


def test_missing_device_says_so() -> None:
    with pytest.raises(SourceError, match="/dev/video77 does not exist"):
        open_source("/dev/video77?size=640x480")


def test_settings_that_the_camera_ignores_are_noted() -> None:
    given = {"FRAME_WIDTH": 640.0, "FRAME_HEIGHT": 480.0, "FPS": 30.0, "FOURCC": 0.0}
    asked: list[tuple[str, float]] = []
    capture = SimpleNamespace(
        set=lambda what, value: asked.append((what, value)), get=given.__getitem__, reading=Reading()
    )
    _ask(capture, Settings((1280, 720), 30.0, "MJPG"))
    assert [what for what, _ in asked] == ["FOURCC", "FRAME_WIDTH", "FRAME_HEIGHT", "FPS"]
    assert asked[0][1] == cv2.VideoWriter_fourcc(*"MJPG")
    assert capture.reading.notes() == [
        "requested the format MJPG, but the camera delivers another one",
        "requested 1280x720, but the camera delivers 640x480",
    ]


def test_csi_camera_is_opened_for_its_board(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "detect", lambda: targets.load("jetson-orin-nano"))
    pipeline = csi_pipeline("1", Settings((1920, 1080), 60.0), "csi://1?...")
    assert pipeline.startswith(
        "nvarguscamerasrc sensor-id=1 ! video/x-raw(memory:NVMM),width=1920,height=1080,"
    )
    assert "framerate=60/1" in pipeline
    assert "width=1280,height=720,framerate=30/1" in csi_pipeline("0", Settings(), "csi://0")
    with pytest.raises(SourceError, match="is not the address of a CSI camera; expected csi://0"):
        csi_pipeline("left", Settings(), "csi://left")
    with pytest.raises(SourceError, match="format has no effect"):
        csi_pipeline("0", Settings(code="MJPG"), "csi://0?format=MJPG")


def test_board_without_csi_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "detect", lambda: targets.load("x86-cpu"))
    with pytest.raises(
        SourceError, match=r"csi://0 cannot be opened: .*on other boards give it: gst:PIPELINE"
    ):
        open_source("csi://0")


@pytest.fixture
def bindings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make Debian's bindings of GStreamer importable without the rest of its packages."""
    if not (DEBIAN / "gi").is_dir():
        pytest.skip("no GStreamer for Python; run: apt-get install python3-gi gir1.2-gst-plugins-base-1.0")
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "gi").symlink_to(DEBIAN / "gi")
    monkeypatch.syspath_prepend(str(tmp_path / "packages"))
    try:
        import gi

        gi.require_version("Gst", "1.0")
        from gi.repository import Gst  # noqa: F401
    except (ImportError, ValueError) as error:
        pytest.skip(f"Debian's bindings of GStreamer are of another Python ({error})")


BALL = "gst:videotestsrc is-live=true pattern=ball ! video/x-raw,width=322,height=242,framerate=30/1"


@pytest.mark.usefixtures("bindings")
def test_pipeline_is_a_camera() -> None:
    with open_source(BALL) as source:
        assert (source.live, source.size) == (True, (322, 242))
        frames = []
        for frame in source:
            frames.append((frame, frame.age_ms))
            if len(frames) == 10:
                break
    for frame, age_ms in frames:
        assert frame.pts_s is not None
        assert age_ms is not None
        assert 0 <= age_ms < 500
        assert frame.pixels.max() == 255  # the white ball on black
        assert frame.pixels.mean() < 60
        assert frame.pixels.flags.c_contiguous


@pytest.mark.usefixtures("bindings")
def test_pipeline_that_ends_is_restarted() -> None:
    source = "gst:videotestsrc num-buffers=5 is-live=true ! video/x-raw,width=64,height=48,framerate=30/1"
    with open_source(source) as opened:
        epochs = []
        for frame in opened:
            epochs.append(frame.epoch)
            if frame.epoch == 2:
                break
    assert set(epochs) == {0, 1, 2}


@pytest.mark.usefixtures("bindings")
@pytest.mark.parametrize(
    ("pipeline", "expected"),
    [
        ("nosuchelement", 'no element "nosuchelement"'),
        ("videotestsrc ! fakesink name=appsink", "has no appsink at its end"),
        ("filesrc location=/nonexistent ! decodebin", "/nonexistent"),
    ],
)
def test_broken_pipeline_says_why(pipeline: str, expected: str) -> None:
    with pytest.raises(SourceError, match=expected):
        open_source(f"gst:{pipeline}", give_up_s=0)


@pytest.mark.usefixtures("bindings")
def test_gstreamer_error_is_shown_without_the_password() -> None:
    with pytest.raises(SourceError, match="GStreamer reports") as caught:
        open_source("gst:rtspsrc location=rtsp://admin:s3cr3t@127.0.0.1:9/cam ! fakesink", give_up_s=0)
    assert "s3cr3t" not in str(caught.value)
    with pytest.raises(SourceError) as caught:
        open_source("gst:souphttpsrc location=http://admin:s3cr3t@127.0.0.1:9/cam ! decodebin", give_up_s=0)
    assert "s3cr3t" not in str(caught.value)


def test_missing_gstreamer_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgetrack.io.connections.has_bindings", lambda: False)
    if cv2.videoio_registry.hasBackend(cv2.CAP_GSTREAMER):
        pytest.skip("this OpenCV has GStreamer")
    with pytest.raises(
        SourceError, match=r"cannot be opened: it needs GStreamer for Python: apt-get install"
    ):
        open_source("gst:videotestsrc")


def test_pipeline_is_shown_without_its_passwords() -> None:
    shown = public_name(
        "gst:rtspsrc location=rtsp://admin:s3cr3t@cam/1 user-id=admin user-pw=s3cr3t ! decodebin"
    )
    assert "s3cr3t" not in shown
    assert "admin" not in shown
    assert shown.startswith("gst:rtspsrc location=rtsp://cam/1")


def test_file_pattern_is_read_in_numeric_order(tmp_path: Path) -> None:
    for number in (1, 2, 10, 100_000):
        cv2.imwrite(str(tmp_path / f"f_{number:05d}.png"), np.full((4, 6, 3), number % 200, np.uint8))
    cv2.imwrite(str(tmp_path / "g_00003.png"), np.zeros((4, 6, 3), np.uint8))
    with open_source(tmp_path / "f_%05d.png", fps=10) as source:
        assert source.frames == 4
        assert [int(frame.pixels[0, 0, 0]) for frame in source] == [1, 2, 10, 0]
    assert [path.name for path in matching(tmp_path / "g_%d.png")] == ["g_00003.png"]
    with pytest.raises(
        SourceError, match=r"no image matches .*h_%03d\.png; expected files such as h_001\.png"
    ):
        open_source(tmp_path / "h_%03d.png")


@pytest.mark.parametrize("pixel_format", ["bgr24", "rgb24", "gray8", "nv12"])
def test_raw_frames_may_arrive_in_pieces_of_any_size(pixel_format: str) -> None:
    colors = np.array([[200, 60, 30], [20, 150, 220]], np.uint8)  # BGR
    pictures = [np.full((4, 6, 3), color, np.uint8) for color in colors]

    def packed(picture: np.ndarray) -> bytes:
        if pixel_format == "rgb24":
            return picture[:, :, ::-1].tobytes()
        if pixel_format == "gray8":
            return cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).tobytes()
        if pixel_format == "nv12":
            planar = cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420).reshape(6, 6)
            u, v = planar[4:].reshape(2, -1)
            return planar[:4].tobytes() + np.stack([u, v], 1).tobytes()
        return picture.tobytes()

    class Pipe(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(size or 7, 7))

    data = b"".join(packed(picture) for picture in pictures)
    frames = list(read_raw((6, 4), pixel_format, 25.0, file=Pipe(data)))
    assert [(frame.index, frame.time_s) for frame in frames] == [(0, 0.0), (1, 0.04)]
    for frame, picture in zip(frames, pictures, strict=True):
        if pixel_format == "gray8":
            assert frame.pixels[0, 0].tolist() == [int(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)[0, 0])] * 3
        else:
            assert frame.pixels[0, 0] == pytest.approx(picture[0, 0], abs=4)


def test_truncated_raw_frames_say_so() -> None:
    frames = read_raw((6, 4), "bgr24", 30.0, file=io.BytesIO(bytes(72 + 10)))
    assert next(frames).index == 0
    with pytest.raises(SourceError, match="ends after 1 frames, with 10 of the 72 bytes"):
        next(frames)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "raw frames, whose size is not known; give the size, as in: ffmpeg"),
        ({"size": (6, 4), "pixel_format": "yuv"}, "pixel format is 'yuv'; expected one of bgr24"),
        ({"size": (5, 4), "pixel_format": "nv12"}, "5x4 pixels cannot be nv12"),
    ],
)
def test_raw_frames_need_size_and_pixel_format(given: dict[str, object], expected: str) -> None:
    with pytest.raises(SourceError, match=expected):
        open_source("-", **given)  # type: ignore[call-overload, unused-ignore]


def test_raw_frames_are_piped_into_the_command(tmp_path: Path) -> None:
    picture = np.full((48, 64, 3), 128, np.uint8)
    picture[10:30, 20:50] = (0, 0, 255)
    words = [
        "run",
        "--source",
        "-",
        "--size",
        "64x48",
        "--format",
        "bgr24",
        "--box",
        "20,10,30,20",
        "--output",
        "-",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "edgetrack", *words], input=picture.tobytes() * 3, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(b'"status"') == 3


def test_demo_scene_is_a_camera_without_end() -> None:
    with open_source("test://street") as source:
        assert source.live
        indices = []
        for frame in source:
            indices.append(frame.index)
            if len(indices) == 5:
                break
    assert indices == sorted(indices)
    with pytest.raises(SourceError, match="test://lane does not exist; expected test://street"):
        open_source("test://lane")


@pytest.mark.parametrize("source", ["/dev/video987", "/dev/video987?size=640x480"])
def test_missing_camera_is_not_mistaken_for_a_file(source: str) -> None:
    with pytest.raises(
        SourceError, match=r"/dev/video987 does not exist; (found: video|this machine has no camera)"
    ):
        open_source(source)
