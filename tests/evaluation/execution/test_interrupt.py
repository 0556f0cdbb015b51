"""Ctrl-C in the middle of an evaluation: finished records are kept, and --resume completes the rest."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edgetrack.demo.scene import FPS, HEIGHT, WIDTH, Scene

cv2 = pytest.importorskip("cv2", reason="the video extra is not installed")


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Write sixty frames of the demo's red car, three times: long enough to be interrupted."""
    scene, rows = Scene(), []
    video = cv2.VideoWriter(str(tmp_path / "a.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), FPS, (WIDTH, HEIGHT))
    for frame in scene.frames():
        if frame.index < 60:
            continue
        if frame.index == 120:
            break
        video.write(frame.pixels)
        box = scene.boxes[-1].get("red car")
        rows.append(",".join(f"{v:.1f}" for v in box.xywh) if box else "nan,nan,nan,nan")
    video.release()
    (tmp_path / "a.txt").write_text("\n".join(rows))
    for name in "bc":
        (tmp_path / f"{name}.mp4").write_bytes((tmp_path / "a.mp4").read_bytes())
        (tmp_path / f"{name}.txt").write_bytes((tmp_path / "a.txt").read_bytes())
    entries = [{"name": name, "text": "red car"} for name in "abc"]
    (tmp_path / "sequences.json").write_text(json.dumps(entries))
    return tmp_path


@pytest.mark.nightly
@pytest.mark.skipif(sys.platform == "win32", reason="signals differ there")
def test_interrupted_evaluation_can_be_resumed(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [
        sys.executable,
        "-m",
        "edgetrack",
        "eval",
        "folder",
        str(dataset),
        "--mode",
        "nl",
        "-o",
        str(out),
    ]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    )
    try:
        first = out / "records/edgetrack/nl/clean/a.json"
        deadline_s = time.monotonic() + 120
        while not first.exists() and process.poll() is None and time.monotonic() < deadline_s:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        printed, complaint = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, printed + complaint
    assert "Traceback" not in complaint
    assert "stopped; finished sequences are kept: add --resume to continue" in printed
    before = first.read_bytes()
    assert not (out / "report.html").exists()
    done = subprocess.run(
        [*command, "--resume"], capture_output=True, text=True, timeout=300, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert first.read_bytes() == before
    records = [json.loads(f.read_text()) for f in sorted(first.parent.iterdir())]
    assert [r["boxes"] for r in records] == [records[0]["boxes"]] * 3
    report = json.loads((out / "report.json").read_text())
    assert report["runs"][0]["ope"]["auc"] > 0.4
    assert (out / "report.html").stat().st_size > 10_000


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="lists processes by /proc")
def test_workers_end_with_a_killed_evaluation(dataset: Path, tmp_path: Path) -> None:
    words = ["eval", "folder", str(dataset), "--workers", "2", "--threads", "1", "-o", str(tmp_path / "out")]
    process = subprocess.Popen([sys.executable, "-m", "edgetrack", *words], stdout=subprocess.DEVNULL)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    workers: list[Path] = []
    try:
        while len(workers) < 3 and process.poll() is None:  # the resource tracker is the third
            time.sleep(0.02)
            workers = [Path("/proc", pid) for pid in children.read_text().split()]
        time.sleep(1)
    finally:
        process.kill()
    process.wait()
    assert len(workers) == 3
    deadline_s = time.monotonic() + 30
    while any(worker.exists() for worker in workers):
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
