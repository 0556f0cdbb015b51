"""The command as a user sees it: what it prints, what it writes, its exit codes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import fakes
import numpy as np
import pytest
from runs import wait_for_lines
from typer.testing import CliRunner
from written_videos import KEYS, cv2, frames_of, write_video

from edgetrack.cli import app

FAKE = [sys.executable, str(Path(fakes.__file__).resolve())]
CLIPS = Path(__file__).resolve().parents[3] / "shared" / "data" / "clips"


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return write_video(tmp_path / "in.mp4", 30)


def command(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command in a subprocess, with a fake tracker in it."""
    return subprocess.run(
        [*FAKE, *map(str, arguments)], capture_output=True, text=True, timeout=300, cwd=cwd, check=False
    )


def test_help_lists_everything_and_imports_nothing_heavy(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "100"})
    assert result.exit_code == 0
    for word in ("run", "build", "demo", "eval", "export", "models", "engines", "targets", "--version"):
        assert word in result.stdout
    result = CliRunner().invoke(app, ["run", "--help"], env={"COLUMNS": "100"})
    for option in (
        "--camera", "--source", "--text", "--box", "--output", "--show", "--no-show", "--max-frames",
        "--threads", "--engine", "--precision", "--model", "--deadline-ms", "--static-check",
    ):  # fmt: skip
        assert option in result.stdout
    code = "import sys, edgetrack.cli; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    ).stdout
    assert not {"cv2", "numpy", "onnxruntime", "tokenizers", "torch"} & set(loaded.split())


def test_version() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout.split()[0]) == (0, "edgetrack")


def test_run_writes_both_outputs_and_a_plain_summary(video: Path, tmp_path: Path) -> None:
    result = command(
        "run", "--source", video, "--text", "red car", "-o", "out.jsonl", "-o", "out.mp4", cwd=tmp_path
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert "\x1b" not in result.stdout
    assert "\r" not in result.stdout
    for line in (r'target  "red car"', r"frames  30 in ", r"searching 6, tracking 18", r"written  out.mp4"):
        assert re.search(line, result.stdout)
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["frame"] for row in rows] == list(range(30))
    assert all(list(row) == KEYS for row in rows)
    assert {row["basis"] for row in rows} == {"network"}
    assert "boxes  " not in result.stdout
    assert all((row["box"] is None) == (row["status"] in ("searching", "lost")) for row in rows)
    assert frames_of(tmp_path / "out.mp4") == 30
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.mp4", "out.jsonl", "out.mp4"]


@pytest.mark.parametrize(
    ("option", "basis"), [(["--deadline-ms", "5"], "coasted"), (["--static-check"], "reused")]
)
def test_boxes_without_the_network_are_shown(
    video: Path, tmp_path: Path, option: list[str], basis: str
) -> None:
    result = command("run", "--source", video, "--text", "x", "-o", "out.jsonl", *option, cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["basis"] for row in rows[:10]] == ["network"] * 2 + [basis] * 7 + ["network"]
    assert f"boxes  network 9, {basis} 21" in result.stdout


@pytest.mark.parametrize("value", ["0", "-5", "nan", "inf"])
def test_bad_deadline_is_one_line_and_leaves_no_file(video: Path, tmp_path: Path, value: str) -> None:
    result = command(
        "run", "--source", video, "--text", "x", "-o", "a.jsonl", f"--deadline-ms={value}", cwd=tmp_path
    )
    assert result.returncode == 2
    assert result.stderr.startswith("error: deadline_ms is ")
    assert not (tmp_path / "a.jsonl").exists()


def test_max_frames_and_box(video: Path, tmp_path: Path) -> None:
    result = command(
        "run", "-s", video, "--box", "10, 20, 30.5, 40", "--max-frames", "7", "-o", tmp_path / "o.jsonl"
    )
    assert result.returncode == 0
    assert "target  box 10,20,30.5,40" in result.stdout
    assert len((tmp_path / "o.jsonl").read_text().splitlines()) == 7


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--source", "in.mp4"], "give --text, --box, --every or several"),
        (["--text", "x"], "neither --camera nor --source"),
        (["--text", "x", "--camera", "0", "--source", "in.mp4"], "both --camera and --source"),
        (["--source", "in.mp4", "--box", "1,2,3"], "as in: --box 120,80,64,48"),
        (["--source", "in.mp4", "--box", "a,b,c,d"], "as in: --box 120,80,64,48"),
        (["--source", "in.mp4", "--box", "1,2,0,4"], "w > 0"),
        (["--source", "in.mp4", "--box", "5000,2,3,4"], "outside the frame"),
        (["--source", "gone.mp4", "--text", "x"], "gone.mp4 does not exist"),
        (["--source", "text.mp4", "--text", "x"], "text.mp4 is not a video"),
        (["--source", "empty", "--text", "x"], "has no images"),
        (["--camera", "63", "--text", "x"], "camera 63 cannot be opened"),
        (
            ["--source", "in.mp4", "--text", "x", "-o", "out.avi"],
            "expected .jsonl, .csv, .mp4, .mcap, .ros2.mcap, .rrd, .json (COCO), .mot, .otb",
        ),
        (["--source", "in.mp4", "--text", "x", "-o", "gone/out.mp4"], "folder gone does not exist"),
        (
            ["--source", "in.mp4", "--text", "x", "-o", "in.mp4"],
            "would overwrite in.mp4, which the run reads",
        ),
        (["--source", "in.mp4", "--text", "x", "-o", "./out.mp4"], "is given twice"),
        (["--source", "in.mp4", "--text", "x", "--show"], "--show"),
    ],
)
def test_user_error_is_one_line_with_exit_code_2(video: Path, arguments: list[str], expected: str) -> None:
    folder = video.parent
    (folder / "text.mp4").write_text("not a video\n" * 100)
    (folder / "empty").mkdir()
    before = sorted(p.name for p in folder.iterdir())
    if "--show" in arguments and os.environ.get("DISPLAY"):
        pytest.skip("there is a display")
    result = command("run", *arguments, "-o", "out.jsonl", "-o", "out.mp4", cwd=folder)
    assert result.returncode == 2
    assert result.stderr.startswith("error: ")
    assert expected in result.stderr
    assert result.stderr.count("\n") == 1
    assert sorted(p.name for p in folder.iterdir()) == before  # no partial outputs


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    """Return a source that is long enough to be interrupted."""
    folder = tmp_path / "endless"
    folder.mkdir()
    cv2.imwrite(str(folder / "0.png"), np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8))
    for index in range(1, 3000):
        os.link(folder / "0.png", folder / f"{index}.png")
    return folder


def started(folder: Path, *outputs: str) -> subprocess.Popen[str]:
    words = [word for output in outputs for word in ("-o", output)]
    return subprocess.Popen(
        [*FAKE, "run", "-s", str(folder), "--text", "x", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder.parent,
    )  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_signal_leaves_complete_files_and_a_summary(endless: Path, number: signal.Signals) -> None:
    folder = endless.parent
    process = started(endless, "out.jsonl", "out.csv", "out.mp4")
    try:
        wait_for_lines(folder / "out.jsonl", 21)
        process.send_signal(number)
        process.send_signal(number)  # a second, impatient one must not truncate the files
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, err) == (130, "")
    rows = [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]
    assert 20 < len(rows) < 3000
    assert [row["frame"] for row in rows] == list(range(len(rows)))
    assert (folder / "out.jsonl").read_text().endswith("\n")
    assert f"{len(rows)} stopped after" in out
    assert frames_of(folder / "out.mp4") == len(rows)
    assert len((folder / "out.csv").read_text().splitlines()) == len(rows) + 1
    assert sorted(p.name for p in folder.iterdir()) == ["endless", "out.csv", "out.jsonl", "out.mp4"]


def test_killed_run_leaves_what_it_has_written(endless: Path) -> None:
    folder = endless.parent
    process = started(endless, "out.jsonl", "out.mp4")
    try:
        wait_for_lines(folder / "out.jsonl", 21)
    finally:
        process.kill()
        process.communicate()
    rows = [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]
    assert len(rows) - frames_of(folder / "out.mp4") in (1, 2)  # a video is one frame behind
    assert sorted(p.name for p in folder.iterdir()) == ["endless", "out.jsonl", "out.mp4"]


def test_pipe_with_a_stalled_reader_does_not_block_the_end_of_a_run(endless: Path) -> None:
    folder = endless.parent
    os.mkfifo(folder / "stalled.jsonl")
    process = started(endless, "stalled.jsonl", "out.jsonl", "out.mp4")
    reader = os.open(folder / "stalled.jsonl", os.O_RDONLY)
    try:
        count = -1
        while count < 100 or line_count(folder / "out.jsonl") > count:  # until nothing is written any more
            count = line_count(folder / "out.jsonl")
            time.sleep(1)
        process.send_signal(signal.SIGTERM)
        time.sleep(1)
        process.send_signal(signal.SIGTERM)  # or after four seconds
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
        os.close(reader)
    assert process.returncode == 2
    assert err == "error: output stalled.jsonl cannot be written: nothing reads what is written\n"
    assert frames_of(folder / "out.mp4") == line_count(folder / "out.jsonl") >= count


def line_count(path: Path) -> int:
    return path.read_text().count("\n") if path.exists() else 0


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_terminal_shows_a_live_line(tmp_path: Path) -> None:
    import pty

    video = write_video(tmp_path / "in.mp4", 120)  # long enough for the line to be drawn several times

    parent, child = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120"}
    process = subprocess.Popen(
        [*FAKE, "run", "-s", str(video), "--text", "x"], stdout=child, stderr=child, env=environment
    )
    os.close(child)
    shown = b""
    while True:
        try:
            piece = os.read(parent, 4096)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    os.close(parent)
    assert process.wait(timeout=30) == 0
    text = shown.decode()
    assert re.search(r"● (searching|tracking|uncertain|lost) .*score 0\.\d\d.*frame \d+/120.*fps.*p50", text)
    assert "\x1b[" in text
    assert "frames" in text


def test_truncated_video_keeps_its_tracks(tmp_path: Path) -> None:
    if not CLIPS.exists():
        pytest.skip("real clips are not here")
    whole = (CLIPS / "car-detection.mp4").read_bytes()
    (tmp_path / "half.mp4").write_bytes(whole[: len(whole) // 2])
    result = command("run", "-s", "half.mp4", "--text", "x", "-o", "out.jsonl", cwd=tmp_path)
    assert result.returncode == 2
    assert re.fullmatch(
        r"error: half\.mp4 ends early, after \d+ of 377 frames; is the file complete\?\n", result.stderr
    )
    assert "frames  " in result.stdout
    rows = (tmp_path / "out.jsonl").read_text().splitlines()
    assert f"after {len(rows)} of" in result.stderr


@pytest.mark.nightly
def test_demo_writes_its_video(tmp_path: Path) -> None:
    result = command("demo", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert 'target  "red car"' in result.stdout
    assert frames_of(tmp_path / "demo.mp4") == 180


def test_targets_lists_the_boards_and_marks_this_machine() -> None:
    from edgetrack import targets

    result = CliRunner().invoke(app, ["targets"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    for name in targets.names():
        (line,) = [line for line in lines if line.startswith(f"{name} ")]
        assert ("this machine" in line) == (name == targets.detect().name)


def test_engines_lists_what_runs_here_and_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    result = CliRunner().invoke(app, ["engines"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    lines = {line.split()[0]: line for line in result.stdout.splitlines() if line.strip()}
    assert "ready" in lines["ort"]
    assert "auto takes it" in lines["ort"]
    assert "missing" in lines["tensorrt"]
    assert "pip install 'edgetrack[tensorrt]'" in lines["tensorrt"]


def test_unknown_target_ends_an_export(tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[export]'")
    result = command("export", "--target", "toaster", "-o", str(tmp_path / "out"), cwd=tmp_path)
    assert result.returncode == 2
    assert "unknown target 'toaster'; expected one of arm-cpu, jetson-agx-orin" in result.stderr
    assert not (tmp_path / "out").exists()


def test_export_says_which_machine_it_is_for(tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="needs onnx: pip install 'edgetrack[export]'")
    from edgetrack import targets

    for name, says, code in (
        ("auto", f"for {targets.detect().name} (this machine)", 2),  # then says that there is nothing to do
        ("jetson-thor", "for jetson-thor: NV", 0),  # its budgets are written
    ):
        result = command("export", "--target", name, "-o", str(tmp_path / name), cwd=tmp_path)
        assert says in result.stdout
        assert result.returncode == code


def test_models_lists_the_shipped_models() -> None:
    from edgetrack.bundle import shipped

    result = CliRunner().invoke(app, ["models"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    for heading in ("name", "parameters", "size", "license", "path"):
        assert heading in result.stdout
    for name in shipped():
        assert name in result.stdout
