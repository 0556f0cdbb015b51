"""``edgetrack run`` with several cameras on one engine: they do not depend on each other, and each has its name."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from camera_runs import CAR, FAKE, PLACE, altered, frames_in, read, running, two_files, until
from rtsp_camera import RtspCamera

cv2 = pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")
TELLS = """
    def set_text(self, text):
        print("set_text", text)
"""
BREAKS = """
    def update(self, frame, **more):
        if self not in made: made.append(self)
        if self is made[0] and len(self.calls) > 5: raise ZeroDivisionError("a defect")
        return super().update(frame, **more)
"""


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    return two_files(tmp_path)


def test_a_camera_that_is_killed_neither_ends_nor_stops_the_other(tmp_path: Path) -> None:
    gate, yard = RtspCamera(login="operator:s3cret"), RtspCamera((160, 120))
    words = ["--log-format", "json", *CAR, "--output", "all.jsonl", "--output", "{camera}.mp4"]
    sources = [f"gate={gate.url.replace('://', '://operator:s3cret@')}", f"yard={yard.url}"]
    lines = tmp_path / "all.jsonl"
    try:
        with running(tmp_path, *words, "--source", sources[0], "--source", sources[1]) as process:
            until(lambda: min(len(read(lines, name)) for name in ("gate", "yard")) > 20, process)
            gate.kill()
            until(lambda: '"reconnecting"' in (tmp_path / "log").read_text(), process)
            before, began_s = len(read(lines, "yard")), time.monotonic()
            until(lambda: len(read(lines, "yard")) > before + 60, process)
            assert time.monotonic() - began_s < 20
            gate.start((240, 180))
            until(lambda: read(lines, "gate")[-1]["epoch"] == 1, process)
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 130
    finally:
        gate.kill()
        yard.kill()
    log = (tmp_path / "log").read_text()
    events = [json.loads(line) for line in log.splitlines()]
    assert "s3cret" not in log
    assert {line["camera"] for line in events if line["event"] == "source"} == {"gate", "yard"}
    away = [
        line["camera"] for line in events if line.get("state") in ("reconnecting", "stalled", "connecting")
    ]
    assert set(away) == {"gate"}
    ended = {line["camera"]: line for line in events if line["event"] == "ended"}
    assert ended.keys() == {"gate", "yard"}
    for name, said in ended.items():
        own = read(lines, name)
        assert (said["interrupted"], said["frames"]) == (True, len(own))
        assert [line["frame"] for line in own] == sorted({line["frame"] for line in own})
        assert said["dropped"]["newer"] >= 0
        lost = sum(
            int(line["message"].split()[0])
            for line in events
            if line["event"] == "note" and f"{name}.mp4" in line["message"]
        )
        assert frames_in(tmp_path / f"{name}.mp4") == len(own) - lost


def test_one_that_is_away_at_the_start_is_waited_for(tmp_path: Path) -> None:
    pytest.importorskip("av")
    gate = RtspCamera()
    gate.kill()
    lines = tmp_path / "all.jsonl"
    try:
        words = [*CAR, "--output", "all.jsonl", "--source", f"gate={gate.url}", "--source", "b=test://street"]
        with running(tmp_path, *words) as process:
            until(lambda: len(read(lines, "b")) > 10, process)
            until(lambda: "gate: reconnecting in" in (tmp_path / "log").read_text(), process)
            gate.start((320, 240))
            until(lambda: len(read(lines, "gate")) > 10, process)
    finally:
        gate.kill()
    assert process.returncode == 130
    assert "Connection refused" in (tmp_path / "log").read_text()


def test_one_that_is_given_up_or_was_never_there_is_an_error_of_its_own(tmp_path: Path) -> None:
    pytest.importorskip("av")
    words = ["--source", "a=test://street", "--source", "none=no.mp4"]
    words += ["--source", "off=rtsp://u:s3cret@127.0.0.1:9/x", "--give-up-s", "1", "--max-frames", "60"]
    done = subprocess.run(
        [*FAKE, *CAR, *words, "--output", "-"], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 2
    assert [json.loads(line)["camera"] for line in done.stdout.splitlines()] == ["a"] * 60
    assert "error: none: no.mp4 does not exist; expected" in done.stderr
    assert "error: off: rtsp://127.0.0.1:9/x cannot be opened: Connection refused" in done.stderr
    assert "s3cret" not in done.stderr


def test_sighup_changes_the_text_of_all_cameras(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    text = 'source = ["a=test://street", "b=test://street"]\ntext = "{}"\noutput = "all.jsonl"\n'
    site.write_text(text.format("red car"))
    lines, log = tmp_path / "all.jsonl", tmp_path / "log"
    with running(tmp_path, "--config", "site.toml", command=altered(TELLS)) as process:
        until(lambda: min(len(read(lines, name)) for name in "ab") > 3, process)
        site.write_text(text.format("white van"))
        process.send_signal(signal.SIGHUP)
        until(lambda: '"white van"' in log.read_text(), process)
        site.write_text(text.format("white van").replace("text", "txet"))
        process.send_signal(signal.SIGHUP)
        until(lambda: "'txet' is unknown" in log.read_text(), process)
        count = len(read(lines, "b"))
        until(lambda: len(read(lines, "b")) > count + 3, process)
    assert log.read_text().count("set_text white van") == 2
    assert log.read_text().count("'txet' is unknown") == 1


def test_a_defect_in_one_camera_is_told_and_the_other_goes_on(files: list[str], tmp_path: Path) -> None:
    words = [*files, *CAR, "--max-frames", "40", "--output", "all.jsonl"]
    done = subprocess.run(
        [*altered(BREAKS), *words],
        cwd=tmp_path,
        env=os.environ | PLACE,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert sorted(len(read(tmp_path / "all.jsonl", name)) for name in "ab") == [6, 40]
    assert done.stderr.count(": ZeroDivisionError: a defect") == 1
    assert "Traceback" in done.stderr


@pytest.mark.nightly
def test_on_one_engine_each_camera_has_the_tracks_that_it_has_alone(tmp_path: Path) -> None:
    """With the shipped model, and two cameras in the engine at the same time."""
    from edgetrack.demo import open_demo

    writers = [
        cv2.VideoWriter(str(tmp_path / f"{name}.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 25, (640, 480))
        for name in "ab"
    ]
    with open_demo() as scene:
        for frame in scene:
            if frame.index >= 20:  # the car is in view
                writers[0].write(frame.pixels)
                writers[1].write(frame.pixels[:, ::-1].copy())
            if frame.index == 29:
                break
    for writer in writers:
        writer.release()

    def ran(*words: str) -> list[dict[str, Any]]:
        command = [sys.executable, "-m", "edgetrack", "run", *CAR, "--threads", "1", "--output", "-", *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        for line in lines:
            del line["latency_ms"]
        return lines

    together = ran("--source", "a.avi", "--source", "b.avi")
    for name in "ab":
        alone = ran("--source", f"{name}.avi")
        assert len(alone) == 10
        assert "tracking" in {line["status"] for line in alone}
        assert [line for line in together if line["camera"] == name] == [
            {"camera": name, **line} for line in alone
        ]


def test_a_signal_does_not_wait_for_a_camera_that_does_not_answer(tmp_path: Path) -> None:
    pytest.importorskip("av")
    writer = cv2.VideoWriter(str(tmp_path / "long.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 25, (64, 48))
    for _ in range(1500):
        writer.write(np.full((48, 64, 3), 90, np.uint8))
    writer.release()
    lines = tmp_path / "all.jsonl"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        words = ["--source", "a=long.mp4", "--source", f"b=rtsp://127.0.0.1:{silent.getsockname()[1]}/x"]
        with running(tmp_path, *words, *CAR, "--realtime", "--output", "all.jsonl") as process:
            until(lambda: len(read(lines, "a")) > 5, process)
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 130
    log = (tmp_path / "log").read_text()
    assert "stopped after" in log.partition("  camera  a\n")[2]
    assert "has not ended within its time" not in log
    assert lines.read_bytes().endswith(b"\n")
