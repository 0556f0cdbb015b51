"""Signals during training and its preparation: finished work is kept, and the run can be resumed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the training extra is not installed")
pytest.importorskip("cv2")

from training_run import ENVIRONMENT, prepare  # noqa: E402

from edgetrack import signals  # noqa: E402
from edgetrack.training import checkpoint  # noqa: E402
from edgetrack.training.data.pseudo_labels import tracks  # noqa: E402
from edgetrack.training.data.sources.videos import PSEUDO_NAME, Cuts, load_cuts  # noqa: E402
from edgetrack.training.resumable import appended, replacing, resumable  # noqa: E402

TRAIN = (sys.executable, "-m", "edgetrack", "train", "tiny.toml")


def alive(group: int) -> bool:
    """Tell whether a process of the group still runs, such as a leftover worker."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def stopped(folder: Path, number: int, *, everyone: bool) -> str:
    """Train until the first report, send a signal, and return the output after it."""
    process = subprocess.Popen(
        TRAIN, cwd=folder, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("step ")
        (os.killpg if everyone else os.kill)(process.pid, number)
        printed, complaint = process.communicate(timeout=120)
        assert process.returncode == signals.EXIT_INTERRUPTED, complaint[-3000:]
        assert complaint == ""
        deadline_s = time.monotonic() + 30
        while alive(process.pid) and time.monotonic() < deadline_s:
            time.sleep(0.1)
        assert not alive(process.pid), "a worker is left over"
    finally:
        if alive(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
    return printed


@pytest.mark.nightly
def test_interrupted_run_can_be_resumed(tmp_path: Path) -> None:
    """Send the signal to the process alone, as `kill` does, then also to its workers, as terminals do."""
    prepare(tmp_path, steps=100_000)
    printed = stopped(tmp_path, signal.SIGTERM, everyone=False)
    assert printed.endswith("stopped; run/last.pt is saved; resume with: edgetrack train tiny.toml\n")
    path = tmp_path / "run" / "last.pt"
    first = checkpoint.load(path)
    assert first["step"] >= 2
    stopped(tmp_path, signal.SIGINT, everyone=True)
    assert checkpoint.load(path)["step"] > first["step"]


ORPHAN = """
import multiprocessing, os, time
from edgetrack.training.resumable import begin_worker
def work(ready):
    begin_worker()
    ready.set()
    time.sleep(600)
context = multiprocessing.get_context("fork")
ready = context.Event()
context.Process(target=work, args=(ready,)).start()
ready.wait()
os._exit(3)  # as if it were killed
"""


def test_worker_does_not_outlive_its_parent() -> None:
    done = subprocess.run(  # returns when nobody has its output open any more
        [sys.executable, "-c", ORPHAN], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (3, "")


def test_file_is_replaced_entirely_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    with replacing(path) as part:
        part.write_text("first")

    def fail() -> None:
        with replacing(path) as part:
            part.write_text("sec")
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        fail()
    assert path.read_text() == "first"


def test_signal_waits_until_a_file_is_replaced(tmp_path: Path) -> None:
    def write() -> None:
        with resumable(tmp_path / "file", "command"), replacing(tmp_path / "file") as part:
            os.kill(os.getpid(), signal.SIGTERM)
            part.write_text("whole")

    with pytest.raises(SystemExit) as ended:
        write()
    assert ended.value.code == signals.EXIT_INTERRUPTED
    assert (tmp_path / "file").read_text() == "whole"


@pytest.mark.parametrize(
    ("before", "count", "after"), [("", 0, ""), ("1\n2\n", 2, "1\n2\n"), ("1\n2", 1, "1\n")]
)
def test_log_continues_after_the_last_complete_line(
    tmp_path: Path, before: str, count: int, after: str
) -> None:
    path = tmp_path / "folder" / "lines"
    path.parent.mkdir()
    if before:
        path.write_text(before)
    with appended(path) as (found, lines):
        assert found == count
        lines.write("new\n")
        assert path.read_text() == f"{after}new\n", "each line is there at once"


def test_pseudo_labeling_resumes_with_the_remaining_videos(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def tracks_of(video: Path, *arguments: Any) -> Cuts:
        seen.append(video.name)
        if seen == ["a", "b"]:
            os.kill(os.getpid(), signal.SIGTERM)
        cuts = Cuts()
        for _ in range(3):
            cuts.add(np.full((8, 8, 3), len(video.name), np.uint8), (1.0, 2.0, 3.0, 4.0))
        cuts.end(video.name)
        cuts.files = [str(video)]
        return cuts

    for name in ("NanoTrack", "Finder"):
        monkeypatch.setattr(tracks, name, lambda _: None)
    monkeypatch.setattr(tracks, "tracks_of", tracks_of)
    videos = [Path("a"), Path("b"), Path("c")]
    with pytest.raises(SystemExit), resumable(tmp_path / PSEUDO_NAME, "command"):
        tracks.build(videos, tmp_path, tmp_path)
    tracks.build(videos, tmp_path, tmp_path)
    assert seen == ["a", "b", "b", "c"]
    found = load_cuts(tmp_path / PSEUDO_NAME)
    assert found.categories == ["a", "b", "c"]
    assert found.starts.tolist() == [0, 3, 6, 9]
    assert np.array_equal(found.boxes, np.tile((1, 2, 3, 4), (9, 1)))
    assert found.frame(8, "").pixels.shape == (8, 8, 3)
