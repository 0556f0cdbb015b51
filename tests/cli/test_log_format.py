"""``--log-format json``: standard error has everything that a run reports as JSON lines, and nothing else."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import fakes
import pytest
from rtsp_camera import RtspCamera
from runs import wait_for_lines
from typer.testing import CliRunner

from edgetrack.cli import app, log

pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")
FAKE = [sys.executable, str(Path(fakes.__file__).resolve())]
RUN = [*FAKE, "run", "--log-format", "json"]
STREET = ["--source", "test://street", "--text", "red car"]


def parsed(said: str) -> list[dict[str, Any]]:
    """Parse the lines, each of which has the common keys."""
    lines = [json.loads(line) for line in said.splitlines()]
    for line in lines:
        assert list(line)[:3] == ["time", "level", "event"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
        assert line["level"] in ("info", "warning", "error")
        assert None not in line.values()
    return lines


def ran(*words: str, cwd: Path, code: int = 0) -> tuple[list[dict[str, Any]], str]:
    """Return the log lines of a run, and its standard output."""
    done = subprocess.run(list(words), cwd=cwd, capture_output=True, text=True, timeout=120)
    assert done.returncode == code, done.stderr
    return parsed(done.stderr), done.stdout


def test_run_logs_its_start_and_end(tmp_path: Path) -> None:
    lines, out = ran(*RUN, *STREET, "--max-frames", "5", "--output", "a.jsonl", cwd=tmp_path)
    assert out == ""
    started, ended = lines[0], lines[-1]
    assert (started["event"], started["source"], started["width"]) == ("started", "test://street", 640)
    assert started["targets"] == [{"text": "red car", "box": None}]
    assert (started["model"], started["engine"], started["precision"]) == ("fake", "fake", "fp32")
    assert (ended["event"], ended["level"], ended["interrupted"]) == ("ended", "info", False)
    assert (ended["frames"], sum(ended["states"].values()), ended["written"]) == (5, 5, ["a.jsonl"])
    assert ended["seconds"] > 0
    assert ended["latency_ms"]["p50"] <= ended["latency_ms"]["p99"]
    assert set(ended["dropped"]) == {"newer", "too_old"}
    told = datetime.strptime(ended["time"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    assert abs((datetime.now(timezone.utc) - told).total_seconds()) < 60


def test_tracks_and_log_go_to_different_streams(tmp_path: Path) -> None:
    lines, out = ran(*RUN, *STREET, "--max-frames", "3", "--output", "-", cwd=tmp_path)
    assert [json.loads(line)["status"] for line in out.splitlines()] == ["searching", "searching", "tracking"]
    assert [line["event"] for line in lines if line["event"] != "source"] == ["started", "ended"]


def test_camera_outage_is_logged_as_states_without_its_password(tmp_path: Path) -> None:
    camera = RtspCamera(login="operator:s3cret")
    try:
        url = camera.url.replace("://", "://operator:s3cret@")
        words = [*RUN, "--source", url, "--text", "red car", "--output", "a.jsonl"]
        with (tmp_path / "log").open("w") as file:
            process = subprocess.Popen(words, cwd=tmp_path, stderr=file, stdout=subprocess.PIPE, text=True)
        wait_for_lines(tmp_path / "a.jsonl", 5, process)
        camera.kill()
        end_s = time.monotonic() + 30
        while '"reconnecting"' not in (tmp_path / "log").read_text() and time.monotonic() < end_s:
            time.sleep(0.05)
        camera.start((320, 240))
        wait_for_lines(tmp_path / "a.jsonl", (tmp_path / "a.jsonl").read_text().count("\n") + 5, process)
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=30)[0] == ""
        assert process.returncode == 130
    finally:
        camera.kill()
    said = (tmp_path / "log").read_text()
    assert "s3cret" not in said
    assert "operator" not in said
    lines = parsed(said)
    states = [line for line in lines if line["event"] == "source"]
    assert {line["source"] for line in [lines[0], *states]} == {f"rtsp://{camera.place}"}
    away = next(line for line in states if line["state"] == "reconnecting")
    assert (away["level"], away["attempt"]) == ("warning", 1)
    assert away["code"] in ("ended", "refused", "timeout", "unreachable")
    assert away["reason"]
    assert 0 < away["retry_in_s"] < 5
    assert (states[-1]["state"], states[-1]["level"]) == ("live", "info")
    assert (lines[-1]["event"], lines[-1]["interrupted"]) == ("ended", True)


def test_notes_and_errors_are_json_lines(tmp_path: Path) -> None:
    lines, _ = ran(*RUN, "--source", "no.mp4", "--text", "car", cwd=tmp_path, code=2)
    assert [(line["level"], line["event"]) for line in lines] == [("error", "error")]
    assert lines[0]["message"].startswith("no.mp4 does not exist; ")
    words = [*STREET, "--max-frames", "5", "--output", "a.jsonl", "--output", "/dev/full"]
    lines, _ = ran(*RUN, *words[:-2], "--webhook", "http://127.0.0.1:9/", cwd=tmp_path)
    [away] = [line for line in lines if line["event"] == "note" and "service" in line]
    assert (away["level"], away["service"]) == ("warning", "webhook")
    assert "127.0.0.1:9" in away["message"]


def test_error_code_of_a_source_is_a_field(tmp_path: Path) -> None:
    pytest.importorskip("av")
    words = ["--source", "rtsp://user:s3cret@127.0.0.1:9/x", "--text", "car"]
    lines, _ = ran(*RUN, *words, cwd=tmp_path, code=2)
    assert (lines[-1]["event"], lines[-1]["code"]) == ("error", "refused")
    assert "s3cret" not in json.dumps(lines)


def test_internal_error_is_a_line_with_its_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a defect\nwith a second line")

    monkeypatch.setattr("edgetrack.cli.run.open_given", broken)
    words = ["run", "--log-format", "json", "--source", "a.mp4", "--text", "car"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1
    [line] = parsed(done.stderr)
    assert line["message"] == "ZeroDivisionError: a defect\nwith a second line"
    assert "in broken" in line["traceback"]


def test_log_format_can_be_set_in_the_config_and_overridden(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text('log-format = "json"\nsource = "no.mp4"\ntext = "car"\ntransprot = "tcp"\n')
    lines, _ = ran(*FAKE, "run", "--config", "site.toml", cwd=tmp_path, code=2)
    assert "line 4: 'transprot' is unknown" in lines[0]["message"]
    site.write_text('log-format = "json"\nsource = "no.mp4"\ntext = "car"\n')
    lines, _ = ran(*FAKE, "run", "--config", "site.toml", cwd=tmp_path, code=2)
    assert lines[0]["event"] == "error"
    for words in (
        ["--log-format", "text", "--config", "site.toml"],
        ["--config", "site.toml", "--log-format", "text"],
    ):
        done = subprocess.run([*FAKE, "run", *words], cwd=tmp_path, capture_output=True, text=True)
        assert done.stderr.startswith("error: no.mp4")
    site.write_text('log-format = "xml"\n')
    done = subprocess.run(
        [*FAKE, "run", "--config", "site.toml"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "line 1: log-format" in " ".join(done.stderr.split())


def test_reloaded_config_does_not_change_the_log_format(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    content = 'source = "test://street"\ntext = "red car"\noutput = "a.jsonl"\n'
    site.write_text(f'{content}log-format = "json"\n')
    process = subprocess.Popen(
        [*FAKE, "run", "--config", "site.toml"], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    wait_for_lines(tmp_path / "a.jsonl", 3, process)
    site.write_text(content.replace("red car", "white van") + 'log-format = "text"\n')
    process.send_signal(signal.SIGHUP)
    wait_for_lines(tmp_path / "a.jsonl", (tmp_path / "a.jsonl").read_text().count("\n") + 5, process)
    process.send_signal(signal.SIGTERM)
    lines = parsed(process.communicate(timeout=30)[1])
    assert any("log-format has changed" in line.get("message", "") for line in lines)
    [targets] = [line for line in lines if line["event"] == "targets"]
    assert targets["targets"] == [{"text": "white van", "box": None}]


def test_terminal_gets_json_lines_and_no_status_line(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    words = [*RUN, *STREET, "--max-frames", "5", "--output", "a.jsonl"]
    done = subprocess.run(words, cwd=tmp_path, stdout=theirs, stderr=subprocess.PIPE, text=True)
    os.close(theirs)
    with os.fdopen(ours, "rb", buffering=0) as terminal, pytest.raises(OSError, match="Input/output error"):
        assert terminal.read(1) == b""
    assert parsed(done.stderr)[-1]["event"] == "ended"


def test_texts_cannot_forge_a_line(tmp_path: Path) -> None:
    text = 'red car\n{"event": "ended"}\u2028\x1b[2J'
    words = ["--source", "test://street", "--text", text, "--max-frames", "2", "--output", "a.jsonl"]
    done = subprocess.run([*RUN, *words], cwd=tmp_path, capture_output=True, timeout=120)
    assert done.stderr.isascii()
    assert b"\x1b" not in done.stderr
    assert parsed(done.stderr.decode())[0]["targets"][0]["text"] == text


def test_next_command_of_a_process_logs_text_again() -> None:
    words = ["run", "--source", "no.mp4", "--text", "car"]
    assert CliRunner().invoke(app, [*words, "--log-format", "json"]).output.startswith('{"time"')
    assert CliRunner().invoke(app, words).output.startswith("error: ")
    assert not log.is_json()
