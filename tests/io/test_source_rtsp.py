"""RTSP from a real server: lost connections are restored, and no message contains the password."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import islice, pairwise
from pathlib import Path

import pytest
from rtsp_camera import RtspCamera
from runs import wait_for_lines

from edgetrack.errors import SourceError
from edgetrack.io.source import Source
from edgetrack.io.sources import open_source
from edgetrack.io.states import SourceState
from edgetrack.types import Frame

pytest.importorskip("av")

LOGIN, SECRET = "admin:s3cr3t", "s3cr3t"


@pytest.fixture
def camera() -> Iterator[RtspCamera]:
    camera = RtspCamera()
    yield camera
    camera.kill()


@pytest.fixture
def guarded() -> Iterator[RtspCamera]:
    camera = RtspCamera(login=LOGIN)
    yield camera
    camera.kill()


def until(source: Source, wanted: object, *, within_s: float = 20) -> Frame:
    """Return the first frame for which ``wanted`` holds."""
    end_s = time.monotonic() + within_s
    for frame in source:
        if wanted(frame):  # type: ignore[operator]
            return frame
        assert time.monotonic() < end_s, f"no such frame within {within_s} s"
    raise AssertionError("the source has ended")


def test_lost_packets_only_damage_images() -> None:
    camera = RtspCamera(lost=0.3)
    try:
        with open_source(camera.url, transport="udp") as source:
            frames = list(islice(source, 45))
            assert source.state.name == "live"
        assert source.reconnects == source.broken == 0
        assert {frame.pixels.shape for frame in frames} == {(240, 320, 3)}
        assert any("parts of an image did not arrive" in note for note in source.notes)
    finally:
        camera.kill()


def after(seconds: float, *steps: object) -> threading.Thread:
    def work() -> None:
        time.sleep(seconds)
        for step in steps:
            step()  # type: ignore[operator]

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_frames_carry_their_capture_time(camera: RtspCamera) -> None:
    with open_source(camera.url) as source:
        assert (source.live, source.size, source.fps) == (True, (320, 240), 30)
        frames = []
        for frame in source:
            frames.append((frame, frame.age_ms))
            if len(frames) == 30:
                break
        assert source.state == SourceState("live")
    for frame, age_ms in frames:
        assert frame.pts_s is not None
        assert frame.lag_ms is not None
        assert age_ms is not None
        assert 0 <= age_ms < 1000
        assert (frame.epoch, frame.sequence) == (0, frame.index)
    for (one, _), (two, _) in pairwise(frames):
        steps = two.index - one.index
        assert two.time_s - one.time_s == pytest.approx(steps / 30, abs=0.02)
        assert two.gap_s > 0


def test_camera_that_restarts_with_another_size_continues(camera: RtspCamera) -> None:
    states: list[SourceState] = []
    with open_source(camera.url) as source:
        source.on_state = states.append
        before = until(source, lambda frame: frame.index >= 5)
        camera.kill()
        back = after(1.0, lambda: camera.start((640, 480)))
        frame = until(source, lambda frame: frame.epoch > 0)
        back.join()
        assert frame.pixels.shape == (480, 640, 3)
        assert frame.index > before.index
        assert frame.time_s > before.time_s
        assert frame.gap_s > 0.5
        assert source.reconnects == 1
        assert any("reconnected once" in note for note in source.notes)
    names = [state.name for state in states]
    assert names[0] == "live"
    assert "reconnecting" in names
    assert names[-1] == "live"
    assert {state.code for state in states if state.name == "reconnecting"} <= {
        "ended",
        "refused",
        "unreachable",
    }


def test_hung_camera_is_stalled_and_then_reconnected(
    camera: RtspCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgetrack.io.streams.READ_S", 2.0)
    states: list[SourceState] = []
    with open_source(camera.url) as source:
        source.on_state = states.append
        until(source, lambda frame: frame.index >= 5)
        camera.stop()
        going_on = after(4.0, camera.go_on)
        frame = until(source, lambda frame: frame.epoch > 0)
        going_on.join()
    assert frame.gap_s > 2
    names = [state.name for state in states]
    assert names.index("stalled") < names.index("reconnecting")
    assert next(state for state in states if state.name == "reconnecting").code == "timeout"
    assert names[-1] == "live"


@pytest.mark.parametrize(
    ("login", "path", "code", "advice"),
    [
        ("admin:wr0ng@", "cam", "authentication", "401 Unauthorized.*check the user name and password"),
        ("", "cam", "authentication", "401 Unauthorized"),
        (f"{LOGIN}@", "nothing", "not-found", "404 Not Found.*check the path"),
    ],
)
def test_refused_connection_says_why(
    guarded: RtspCamera, login: str, path: str, code: str, advice: str
) -> None:
    place = guarded.place.replace("cam", path)
    began_s = time.monotonic()
    with pytest.raises(SourceError, match=advice) as caught:
        open_source(f"rtsp://{login}{place}")
    assert caught.value.code == code
    assert time.monotonic() - began_s < 5
    assert f"rtsp://{place}" in str(caught.value)
    assert "wr0ng" not in str(caught.value)
    assert SECRET not in str(caught.value)


def test_source_gives_up_after_the_requested_time(camera: RtspCamera) -> None:
    with open_source(camera.url, give_up_s=2.0) as source:
        until(source, lambda frame: frame.index >= 3)
        camera.kill()
        began_s = time.monotonic()
        with pytest.raises(SourceError, match=r"was lost \(.*refused\) after \d+ frames") as caught:
            for _ in source:
                pass
        camera.start((320, 240))
    assert caught.value.code == "refused"
    assert time.monotonic() - began_s < 5


def test_closing_does_not_wait_for_a_camera_that_is_gone(
    camera: RtspCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgetrack.io.live.FIRST_S", 30.0)
    with open_source(camera.url) as source:
        until(source, lambda frame: frame.index >= 3)
        camera.kill()
        time.sleep(1.2)
    # The thread of a source that waits on is abandoned, and is still there.
    assert not any("rtsp://" in thread.name for thread in threading.enumerate())
    camera.start((320, 240))


def test_run_survives_a_camera_restart_and_never_prints_the_password(
    guarded: RtspCamera, tmp_path: Path
) -> None:
    outputs = ["o.jsonl", "o.csv", "o.mot", "o.otb", "o.mp4", "o.mcap"]
    outputs += [
        name for name, module in (("o.ros2.mcap", "rosbags"), ("o.rrd", "rerun")) if find_spec(module)
    ]
    words = [
        "run",
        "--source",
        f"rtsp://{LOGIN}@{guarded.place}",
        "--box",
        "20,20,60,60",
        "--max-frames",
        "90",
    ]
    words += ["--threads", "1", *(word for name in outputs for word in ("--output", name))]
    process = subprocess.Popen(
        [sys.executable, "-m", "edgetrack", *words],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    lines = tmp_path / "o.jsonl"
    wait_for_lines(lines, 20, process)
    guarded.kill()
    time.sleep(1)
    guarded.start((320, 240))
    said = process.communicate(timeout=90)
    assert process.returncode == 0, said
    assert b'"epoch": 1' in lines.read_bytes()
    assert b"reconnecting" in said[0]
    assert f"rtsp://{guarded.place}".encode() in said[0]
    for written in (*said, *((tmp_path / name).read_bytes() for name in outputs)):
        assert SECRET.encode() not in written
    assert lines.read_bytes().count(b"\n") == 90
