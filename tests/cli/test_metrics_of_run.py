"""``edgetrack run --metrics``: metrics and health of a run in progress, read over HTTP."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import fakes
import pytest
from rtsp_camera import RtspCamera
from runs import wait_for_lines
from typer.testing import CliRunner

from edgetrack.cli import app

pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")
FAKE = [sys.executable, str(Path(fakes.__file__).resolve()), "run", "--text", "red car"]


@contextmanager
def running(folder: Path, source: str, *words: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Start a run and yield it with its port; end it by a signal if it has not ended."""
    process = subprocess.Popen(
        [*FAKE, "--source", source, "--metrics", "0", *words],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        said = next(line for line in process.stdout if "metrics" in line)
        yield process, int(said.rpartition(":")[2].removesuffix("/metrics\n"))
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def ask(port: int, path: str) -> tuple[int, str]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def value(page: str, sample: str) -> float:
    return float(next(line for line in page.splitlines() if line.startswith(f"{sample} ")).rpartition(" ")[2])


def until(seen: Callable[[], Any]) -> Any:
    end_s = time.monotonic() + 30
    while time.monotonic() < end_s:
        if found := seen():
            return found
        time.sleep(0.05)
    raise AssertionError("it has not come to be")


def test_metrics_match_the_run(tmp_path: Path) -> None:
    with running(tmp_path, "test://street", "--output", "a.jsonl", "--output", "a.mp4") as (process, port):
        wait_for_lines(tmp_path / "a.jsonl", 20, process)
        status, page = ask(port, "/metrics")
        assert status == 200
        lines = (tmp_path / "a.jsonl").read_text().count("\n")
        assert 20 <= value(page, "edgetrack_frames_total") <= lines + 1
        p50, p99 = (value(page, f'edgetrack_update_seconds{{quantile="{q}"}}') for q in ("0.5", "0.99"))
        assert 0.005 <= p50 <= p99  # the tracker takes at least this long
        assert value(page, 'edgetrack_frame_age_seconds{quantile="0.5"}') >= p50
        assert value(page, 'edgetrack_source_state{state="live"}') == 1
        assert value(page, 'edgetrack_output_frames_dropped_total{output="a.jsonl"}') == 0
        assert 'edgetrack_output_frames_dropped_total{output="a.mp4"}' in page
        assert 'source="test://street",model="fake",engine="fake",precision="fp32"' in page
        status, said = ask(port, "/healthz")
        assert (status, json.loads(said)["live"]) == (200, True)
    assert process.returncode == 130


def test_camera_outage_is_reported_without_its_password(tmp_path: Path) -> None:
    camera = RtspCamera(login="operator:s3cret")
    try:
        with running(tmp_path, camera.url.replace("://", "://operator:s3cret@")) as (_, port):
            until(lambda: ask(port, "/healthz")[0] == 200)
            pages = [ask(port, "/metrics")[1]]
            camera.kill()
            status, said = until(lambda: (found := ask(port, "/healthz"))[0] == 503 and found)
            until(lambda: "reconnecting" in ask(port, "/healthz")[1])
            status, said = ask(port, "/healthz")
            pages += [said, ask(port, "/metrics")[1]]
            assert status == 503
            assert json.loads(said)["why"].startswith("source reconnecting in ")
            assert json.loads(said)["code"] in ("ended", "refused", "timeout")
            assert value(pages[-1], 'edgetrack_source_state{state="reconnecting"}') == 1
            camera.start((320, 240))
            until(lambda: ask(port, "/healthz")[0] == 200)
            pages.append(ask(port, "/metrics")[1])
            assert value(pages[-1], "edgetrack_source_reconnects_total") == 1
            away_s = value(pages[-1], 'edgetrack_source_state_seconds_total{state="reconnecting"}')
            assert 0.3 < away_s < 30
        assert f'source="rtsp://{camera.place}"' in pages[0]
        assert not any("s3cret" in page or "operator" in page for page in pages)
    finally:
        camera.kill()


def test_clients_never_delay_the_run(tmp_path: Path) -> None:
    """Some clients poll without pause, some send nothing, some do not read the response: frames keep their pace."""
    with running(tmp_path, "test://street", "--output", "a.jsonl") as (process, port):
        lines, ending = tmp_path / "a.jsonl", threading.Event()
        silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(4)]
        for way in silent[:2]:
            way.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")

        def hurry() -> None:
            while not ending.wait(0.01):
                ask(port, "/metrics")

        threads = [threading.Thread(target=hurry) for _ in range(2)]
        for thread in threads:
            thread.start()
        wait_for_lines(lines, 10, process)
        began_s, before = time.monotonic(), lines.read_text().count("\n")
        wait_for_lines(lines, before + 60, process)
        took_s = time.monotonic() - began_s
        ending.set()
        for thread in threads:
            thread.join()
        for way in silent:
            way.close()
    tracks = [json.loads(line) for line in lines.read_text().splitlines()]
    assert took_s < 20  # two seconds of frames; waiting for a client would take five
    assert max(track["latency_ms"] for track in tracks[before : before + 60]) < 2000


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--metrics", "host:"], "--metrics is 'host:'; expected a port such as 9464, or HOST:PORT"),
        (["--metrics", "192.0.2.1:0"], "--metrics 192.0.2.1:0 cannot be served: "),
    ],
)
def test_unusable_address_is_a_one_line_error(words: list[str], said: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(
        app,
        ["run", "--source", "test://street", "--text", "car", "--output", str(tmp_path / "a.jsonl"), *words],
    )
    assert done.exit_code == 2
    assert done.output.startswith(f"error: {said}")
    assert done.output.count("\n") == 1
    assert not (tmp_path / "a.jsonl").exists()


def test_run_without_metrics_does_not_import_them(tmp_path: Path) -> None:
    code = (
        "import sys, fakes; from edgetrack.cli import app; fakes.install(); "
        "app(sys.argv[1:], standalone_mode=False); print('edgetrack.metrics' in sys.modules)"
    )
    words = ["run", "--source", "test://street", "--text", "car", "--max-frames", "3", "--output", "o.jsonl"]
    for more, collected in ((), "False"), (("--metrics", "0"), "True"):
        command = [sys.executable, "-c", code, *words, *more]
        place = {"PYTHONPATH": str(Path(fakes.__file__).parent)}
        done = subprocess.run(command, cwd=tmp_path, env=os.environ | place, capture_output=True, text=True)
        assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, [collected]), done.stderr


def test_config_error_names_the_line(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    for written, said in (
        ('"gate"', "--metrics is 'gate'; expected a port"),
        ("9464", "metrics is 9464; expected a string"),
    ):
        site.write_text(f'source = "test://street"\ntext = "car"\nmetrics = {written}\n')
        done = CliRunner().invoke(app, ["run", "--config", str(site)])
        assert done.exit_code == 2
        assert f"line 3: {said}" in " ".join(done.output.split())
