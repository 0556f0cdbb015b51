"""A run that hangs in a native call, as in a GPU driver: what systemd sees, and what is left of its files."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import fakes
import pytest

WATCHDOG_S = 0.6
HANGS_AT = 15  # calls of the tracker, or later: when the video has frames, which a busy machine writes late
# PyDLL keeps the GIL, so that no thread of the process continues: the worst that a library can do.
RUN = f"""
import ctypes, os, socket, sys
from pathlib import Path
import fakes
from edgetrack.cli import main
fakes.install()
manager = os.environ["NOTIFY_SOCKET"]
tracker = sys.modules["edgetrack.tracker"].Tracker
update = tracker.update
def hang(self, frame, **options):
    if len(self.calls) >= {HANGS_AT} and Path("o.mp4").read_bytes().count(b"moof") > 2:
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"hangs", manager)
        ctypes.PyDLL(None).pause()
    return update(self, frame, **options)
tracker.update = hang
main()
"""


def test_hang_in_a_native_call_stops_the_watchdog_pings_and_keeps_the_files(tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    words = ["run", "--source", "test://street", "--text", "car", "--output", "o.jsonl", "--output", "o.mp4"]
    environment = os.environ | {
        "NOTIFY_SOCKET": str(tmp_path / "notify"),
        "WATCHDOG_USEC": str(round(WATCHDOG_S * 1e6)),
        "PYTHONPATH": str(Path(fakes.__file__).parent),
    }
    environment.pop("WATCHDOG_PID", None)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        told = list[str]()
        process = subprocess.Popen([sys.executable, "-c", RUN, *words], cwd=tmp_path, env=environment)
        try:
            manager.settimeout(60)
            while "hangs" not in told:
                told.append(manager.recv(1000).decode())
            manager.settimeout(WATCHDOG_S)
            with pytest.raises(TimeoutError):  # systemd then considers the process dead
                manager.recv(1000)
            assert process.poll() is None
            process.send_signal(signal.SIGABRT)  # as systemd does then
            assert process.wait(10) == -signal.SIGABRT
        finally:
            process.kill()
    assert told[0] == "READY=1"
    assert "WATCHDOG=1" in told
    text = (tmp_path / "o.jsonl").read_text()
    assert text.endswith("\n")
    lines = [json.loads(line) for line in text.splitlines()]
    assert len(lines) >= HANGS_AT - 5  # lines still queued in a thread are lost
    with av.open(str(tmp_path / "o.mp4")) as video:
        assert sum(1 for _ in video.decode(video=0)) > 0


def test_exit_code_stays_if_a_thread_is_still_in_a_library() -> None:
    """A camera may still connect when the run ends; without care, the interpreter's end would abort the process."""
    pytest.importorskip("cv2")
    program = """
import threading, time
import cv2, numpy as np
import edgetrack.cli as cli
def blur():
    image = np.zeros((1500, 1500, 3), np.uint8)
    while True:
        cv2.GaussianBlur(image, (0, 0), 3)
def app():
    for name in ("one", "two"):
        threading.Thread(target=blur, name=f"edgetrack {name}", daemon=True).start()
    time.sleep(0.2)
    print("done")
    raise SystemExit(3)
cli.app = app
cli.main()
"""
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
        assert (done.returncode, done.stdout, done.stderr) == (3, "done\n", "")
