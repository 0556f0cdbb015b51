"""The terminal: its failure does not affect a run, and printed text cannot inject control characters."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import fakes
import numpy as np
import pytest
from rich.live import Live
from rich.table import Table
from rich.text import Text

from edgetrack import terminal
from edgetrack.io.sinks import open_sink
from edgetrack.types import Box, Frame, Track

cv2 = pytest.importorskip("cv2")
pytest.importorskip("av")
FAKE = f"{sys.executable} {Path(fakes.__file__).resolve()}"
HOSTILE = "a\x1b]0;owned\x07\x1b[2Jb\x9b31mc\rd\u202ee\u2028f\x00\udce9 [bold]g[/bold] :car:"
SHOWN = r"a\x1b]0;owned\x07\x1b[2Jb\x9b31mc\x0dd\u202ee\u2028f\x00\xe9 [bold]g[/bold] :car:"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    for index in range(20):
        cv2.imwrite(str(tmp_path / "in" / f"{index}.png"), np.full((60, 80, 3), 9 * index, np.uint8))
    return tmp_path


def shell(line: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}"],
        cwd=folder, capture_output=True, timeout=60, check=False, env={**os.environ, **environment},
    )  # fmt: skip


def lines(path: Path) -> list[int]:
    return [json.loads(line)["frame"] for line in path.read_text().splitlines()]


def frames(path: Path) -> int:
    capture = cv2.VideoCapture(str(path))
    return sum(capture.read()[0] for _ in range(99))


RUN = f"{FAKE} run -s in --text x"


@pytest.mark.parametrize(
    ("redirected", "complaint"),
    [
        ("| true", ""),
        ("2>&1 | true", ""),
        ("<&- >&- 2>&-", ""),
        (
            "> /dev/full",
            "error: standard output cannot be written: No space left on device; the outputs are comp",
        ),
        ("> /dev/full 2>&1", ""),
    ],
)
def test_files_are_complete_whatever_happens_to_the_terminal(
    pictures: Path, redirected: str, complaint: str
) -> None:
    done = shell(f"{RUN} -o out.jsonl -o out.mp4 {redirected}", pictures)
    assert done.returncode == 0, done.stderr
    assert done.stderr.decode().startswith(complaint)
    assert done.stderr.count(b"\n") == bool(complaint)
    assert lines(pictures / "out.jsonl") == list(range(20))
    assert frames(pictures / "out.mp4") == 20


def test_command_whose_result_is_its_output_reports_that_it_is_lost(pictures: Path) -> None:
    for words in ("models", "--help", "run -s in --text x"):
        done = shell(f"{FAKE} {words} > /dev/full", pictures)
        assert done.returncode == 2
        assert done.stderr == b"error: standard output cannot be written: No space left on device\n"
    assert shell(f"{FAKE} models | head -1", pictures).returncode == 0


def test_standard_output_has_json_lines_and_nothing_else(pictures: Path) -> None:
    done = shell(f"{RUN} --output - -o out.jsonl", pictures)
    assert done.returncode == 0
    assert done.stdout == (pictures / "out.jsonl").read_bytes()
    assert b"frames  20 in " in done.stderr
    assert b"written  out.jsonl" in done.stderr
    assert b"written  -" not in done.stderr


def test_reader_of_the_json_lines_may_close_the_pipe_early(pictures: Path) -> None:
    """A program that SIGPIPE ends exits with it; with another output the run continues."""
    for index in range(20, 200):  # more than one page of a pipe and `head` hold
        os.link(pictures / "in" / "0.png", pictures / "in" / f"{index}.png")
    done = shell(f"{RUN} -o - | head -2", pictures)
    assert (done.returncode, done.stdout.count(b"\n")) == (141, 2)
    assert b"error" not in done.stderr
    assert b" 200 in" not in done.stderr
    done = shell(f"{RUN} -o - -o out.jsonl | head -2", pictures)
    assert done.returncode == 141
    assert b"error" not in done.stderr
    assert len(lines(pictures / "out.jsonl")) == 200


def test_failing_output_is_reported_at_once_and_the_others_continue(pictures: Path) -> None:
    (pictures / "full.jsonl").symlink_to("/dev/full")
    done = shell(f"{RUN} -o full.jsonl -o out.jsonl -o out.mp4", pictures)
    assert done.returncode == 2
    assert done.stderr == b"error: output full.jsonl cannot be written: No space left on device\n"
    assert b"written  out.mp4" in done.stdout
    assert b"written  full" not in done.stdout
    assert lines(pictures / "out.jsonl") == list(range(20))
    assert frames(pictures / "out.mp4") == 20


@pytest.mark.parametrize(
    ("words", "encoding"),
    [
        ("engines", "ascii"),
        ("targets", "latin-1"),
        ("models", "cp437"),
        ("run --help", "ascii"),
        ("run -s in --text x", "latin-1"),
    ],
)
def test_terminal_without_unicode_gets_ascii_marks(pictures: Path, encoding: str, words: str) -> None:
    done = shell(f"{FAKE} {words}", pictures, PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    done.stdout.decode(encoding)
    if words == "engines":
        assert b" - auto takes it" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_live_line_on_a_terminal_without_unicode(pictures: Path) -> None:
    import pty

    parent, child = pty.openpty()
    process = subprocess.Popen(
        ["bash", "-c", f"{RUN} -o out.jsonl"], stdin=child, stdout=child, stderr=child, cwd=pictures,
        env={**os.environ, "TERM": "xterm", "PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    os.close(child)
    shown = b""
    try:
        while piece := os.read(parent, 4096):
            shown += piece
    except OSError:  # its other end is closed
        pass
    os.close(parent)
    assert process.wait(timeout=30) == 0
    assert b" * " in shown
    assert lines(pictures / "out.jsonl") == list(range(20))


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_hung_terminal_does_not_stop_a_run(pictures: Path) -> None:
    """Nobody reads it, as after a lost connection or Ctrl-S; the run ends long before it is read."""
    import pty

    for index in range(20, 400):
        os.link(pictures / "in" / "0.png", pictures / "in" / f"{index}.png")
    parent, child = pty.openpty()
    os.set_blocking(child, False)
    with suppress(BlockingIOError):
        while True:
            os.write(child, b"." * 64)  # until it is full
    os.set_blocking(child, True)
    os.read(parent, 2000)  # makes room for the heading and a few lines
    process = subprocess.Popen(
        ["bash", "-c", f"{RUN} -o out.jsonl"], stdin=child, stdout=child, stderr=child, cwd=pictures,
        env={**os.environ, "TERM": "xterm"},
    )  # fmt: skip
    os.close(child)
    try:
        deadline_s = time.monotonic() + 60
        while (
            not (pictures / "out.jsonl").exists() or (pictures / "out.jsonl").read_bytes().count(b"\n") < 400
        ):
            assert time.monotonic() < deadline_s
            time.sleep(0.05)
        os.close(parent)  # the run may be waiting to print its summary
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()


def test_control_characters_are_escaped() -> None:
    assert terminal.escape(HOSTILE) == SHOWN
    assert terminal.escape("Füße, 赤い車, 🚗, a\n\tb") == "Füße, 赤い車, 🚗, a\n\tb"
    assert terminal.one_line("a\nerror: b") == r"a\nerror: b"


@pytest.mark.parametrize("on_terminal", [False, True])
def test_nothing_that_is_printed_contains_control_characters(
    on_terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines, tables and live displays show texts from bundles, recordings and data sets of unknown origin."""
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, "utf-8", terminal.ENCODING_ERRORS))
    console = terminal.open_console()
    console.width = 1000
    if on_terminal:
        monkeypatch.setattr(console, "_force_terminal", True)
    table = Table(HOSTILE, title=HOSTILE)
    table.add_row(HOSTILE)
    with Live(Text(HOSTILE), console=console, auto_refresh=False, redirect_stdout=False):
        console.print(HOSTILE, table, Text(HOSTILE, "red"), style="bold")
    sys.stdout.flush()
    shown = raw.getvalue().decode()
    plain = SHOWN.replace(r"\x07", "").replace(r"\x0d", "")  # the library drops these
    assert shown.count(plain) >= 3  # a table wraps its cells
    for forbidden in ("\x1b]", "\x1b[2J", "\x07", "\x9b", "\u202e", "\u2028", "\x00"):
        assert forbidden not in shown


def test_foreign_names_on_the_command_line_are_escaped(pictures: Path) -> None:
    """File names, facts of a recording and arguments are escaped in headings, tables and errors."""
    pytest.importorskip("mcap")
    facts = dict.fromkeys(
        ["source", "text", "engine", "precision", "model", "model digest", "bundle"], "\x1b[2J"
    )
    with open_sink(pictures / "\x1b[2Jevil.mcap", facts=facts) as sink:
        track = Track(Box(1, 2, 3, 4), 0.9, "tracking", 0)
        sink.write(Frame(np.zeros((48, 64, 3), np.uint8), 0, 0.0), track, latency_ms=1)
    name = "$'\\x1b[2Jevil.mcap'"
    for words, code in (
        (f"run -s {name} --text x -o $'\\x1b[2J.jsonl'", 0),
        ("run -s $'\\x1b[2Jgone' --text x -o $'\\x1b[2J.jsonl'", 2),
        ("run -s in --text x -o $'\\x1b[2J.avi'", 2),
        (f"replay {name} --engine ort", 2),
        ("run $'\\x1b[2J'", 2),
        ("run --box $'\\x1b[2J'", 2),
    ):
        done = shell(f"{FAKE} {words}", pictures)
        assert done.returncode == code, done.stderr
        assert b"\x1b" not in done.stdout + done.stderr, words
        assert rb"\x1b[2J" in done.stdout + done.stderr, words
