"""A run that hangs in a native call, as in a driver of a GPU: what systemd sees, and what is left of its files."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import fakes
import pytest

WATCHDOG_S = 0.6
HANGS_AT = 15  # calls of the tracker
# PyDLL keeps the interpreter's lock, so that no thread of the process goes on: the worst that a library can do.
RUN = f"""
import ctypes, sys
import fakes
from edgetrack.cli import main
fakes.install()
tracker = sys.modules["edgetrack.tracker"].Tracker
update = tracker.update
def hang(self, frame, **options):
    if len(self.calls) == {HANGS_AT}:
        ctypes.PyDLL(None).pause()
    return update(self, frame, **options)
tracker.update = hang
main()
"""


def test_a_hang_in_a_native_call_ends_the_signs_of_life_and_spares_the_files(tmp_path: Path) -> None:
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
        process = subprocess.Popen([sys.executable, "-c", RUN, *words], cwd=tmp_path, env=environment)
        try:
            manager.settimeout(60)  # TimeoutStartSec
            told = [manager.recv(1000).decode()]
            manager.settimeout(WATCHDOG_S)
            with suppress(TimeoutError):  # until the run is silent for too long, which systemd would find
                while True:
                    told.append(manager.recv(1000).decode())
            assert process.poll() is None
            process.send_signal(signal.SIGABRT)  # what systemd sends after WatchdogSec
            assert process.wait(10) == -signal.SIGABRT
        finally:
            process.kill()
    assert told[0] == "READY=1"
    assert "WATCHDOG=1" in told
    text = (tmp_path / "o.jsonl").read_text()
    assert text.endswith("\n")
    assert (
        len([json.loads(line) for line in text.splitlines()]) >= HANGS_AT - 2
    )  # all but what a thread had in hand
    with av.open(str(tmp_path / "o.mp4")) as video:
        assert sum(1 for _ in video.decode(video=0)) >= HANGS_AT - 5  # and the four that may wait
