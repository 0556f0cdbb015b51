"""What ``edgetrack run`` writes with several cameras, each under its name, and what it refuses."""

from __future__ import annotations

import csv
import http.client
import json
import subprocess
import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from camera_runs import CAR, FAKE, TWO, frames_in, read, running, two_files, until
from rtsp_camera import RtspCamera
from typer.testing import CliRunner

from edgetrack.cli import app

cv2 = pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    return two_files(tmp_path)


def test_the_lines_of_all_cameras_go_to_one_file_or_to_one_each(files: list[str], tmp_path: Path) -> None:
    outputs = ["--output", "all.csv", "--output", "{camera}.jsonl", "--output", "-"]
    words = [*files, *CAR, "--max-frames", "10", *outputs]
    done = subprocess.run([*FAKE, *words], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    (tmp_path / "out").write_text(done.stdout)
    with (tmp_path / "all.csv").open() as file:
        table = list(csv.DictReader(file))
    for name in ("a", "b"):
        own = read(tmp_path / f"{name}.jsonl")
        assert len(own) == 10
        assert [line["camera"] for line in own] == [name] * 10
        assert [line["frame"] for line in read(tmp_path / "out", name)] == [line["frame"] for line in own]
        rows = [row for row in table if row["camera"] == name]
        assert [int(row["frame"]) for row in rows] == [line["frame"] for line in own]
    assert len(table) == 20
    assert "  camera  a: in.mp4 (160x120, 25 fps, 60 frames)" in done.stderr
    blocks = done.stderr.partition("  camera  a\n")[2].split("  camera  b\n")
    assert len(blocks) == 2
    assert all(block.lstrip().startswith("frames  10 in ") for block in blocks)


def ask(port: int, path: str) -> tuple[int, str]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def value(page: str, sample: str) -> float:
    return float(next(line for line in page.splitlines() if line.startswith(f"{sample} ")).rpartition(" ")[2])


def test_metrics_and_health_tell_the_cameras_apart(tmp_path: Path) -> None:
    gate, other = RtspCamera(), RtspCamera((160, 120))
    try:
        words = [*CAR, "--metrics", "0", "--source", f"a={other.url}", "--source", f"gate={gate.url}"]
        with running(tmp_path, *words) as process:
            log = tmp_path / "log"
            said = until(
                lambda: [line for line in log.read_text().splitlines() if "metrics" in line], process
            )
            port = int(said[0].rpartition(":")[2].removesuffix("/metrics"))
            until(lambda: ask(port, "/healthz")[0] == 200, process)
            page = ask(port, "/metrics")[1]
            for name in ("a", "gate"):
                assert value(page, f'edgetrack_frames_total{{camera="{name}"}}') > 0
                assert value(page, f'edgetrack_update_seconds_count{{camera="{name}"}}') >= 0
                assert value(page, f'edgetrack_source_state{{camera="{name}",state="live"}}') == 1
                assert value(page, f'edgetrack_frames_dropped_total{{camera="{name}",cause="newer"}}') >= 0
            heads = [line for line in page.splitlines() if line.startswith("# TYPE ")]
            assert len(heads) == len(set(heads))  # samples of one metric are together
            assert page.count("process_cpu_seconds_total ") == 3
            gate.kill()
            said = until(lambda: (got := ask(port, "/healthz"))[0] == 503 and got, process)
            health = json.loads(said[1])
            assert health["why"].startswith("gate: source ")
            assert (health["cameras"]["a"]["live"], health["cameras"]["gate"]["live"]) == (True, False)
    finally:
        gate.kill()
        other.kill()


def test_each_event_has_its_camera(files: list[str], tmp_path: Path) -> None:
    taken: list[dict[str, Any]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        words = [*files, *CAR, "--max-frames", "14", "--webhook", f"http://127.0.0.1:{server.server_port}/"]
        done = subprocess.run([*FAKE, *words], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    finally:
        server.shutdown()
        server.server_close()
    assert done.returncode == 0, done.stderr
    for name in ("a", "b"):
        own = [(event["sequence"], event["event"]) for event in taken if event["camera"] == name]
        assert own == [(1, "appeared"), (2, "lost"), (3, "back")]
    assert len(taken) == 6


def test_topics_of_a_broker_have_the_camera() -> None:
    from edgetrack.io.mqtt import with_camera

    assert with_camera("mqtt://u:p@h/home/cars/", "gate") == "mqtt://u:p@h/home/cars/gate"
    assert with_camera("mqtts://h:1", "gate") == "mqtts://h:1/edgetrack/gate"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--output", "a.mp4"],
            "--output a.mp4 holds one camera, and the run has 2 (a, b); expected a name in which {camera} stands for "
            "the camera, as in: --output 'a-{camera}.mp4'",
        ),
        (["--clips", "c"], "as in: --clips 'c/{camera}'"),
        (["--publish", "rtsp://u:s3cret@h/x"], "as in: --publish 'rtsp://h/x-{camera}'"),
        (["--show"], "--show has no effect: a window shows one camera, and the run has 2 (a, b)"),
        (["--box", "1,2,3,4"], "first frame of one camera, and box belongs in its table [cameras.NAME] of --config"),
        (["--x", "fourth"], "--x has no effect: a second sensor belongs to one camera, and"),
        (["--rerun", "rerun+http://h:1/proxy"], "--rerun has no effect: a viewer shows one camera, and"),
        (["--grounder", "edgetrack-160"], "--grounder has no effect: a grounder searches the frames of one"),
        (["--camera", "0"], "--camera has no effect: the cameras are given by --source, where camera 0 is --source 0"),
        (["--realtime"], "--realtime has no effect: none of the cameras is a file"),
        (["--size", "4x4"], "--size has no effect: test://street does not have raw frames"),
        (["--source", "-"], "standard input (-) cannot be one of several cameras"),
        (["--source", "a=x.mp4"], "the camera 'a' is given twice"),
        (["--mqtt", "http://h/"], "the address of the broker is invalid"),
        (["--metrics", "192.0.2.1:0"], "--metrics 192.0.2.1:0 cannot be served"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_with_several_cameras_says_why(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["run", *TWO, *CAR, *words])
    assert done.exit_code == 2
    assert done.output.startswith("error: ")
    assert said in done.output
    assert done.output.count("\n") == 1
    assert "s3cret" not in done.output
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("files")
def test_a_single_source_with_a_name_is_a_camera_with_that_name(tmp_path: Path) -> None:
    words = [*FAKE, *CAR, "--source", "gate=in.mp4", "--max-frames", "3"]
    outputs = ["--output", "a.jsonl", "--output", "a.mp4"]
    subprocess.run([*words, *outputs], cwd=tmp_path, check=True, capture_output=True, timeout=60)
    assert [line["camera"] for line in read(tmp_path / "a.jsonl")] == ["gate"] * 3
    assert frames_in(tmp_path / "a.mp4") == 3
