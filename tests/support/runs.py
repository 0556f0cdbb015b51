"""What a run in a process of its own has written so far."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Any


def wait_for_lines(file: Path, count: int, process: subprocess.Popen[Any] | None = None) -> None:
    """Wait until a file has so many lines: a minute at most, and no longer than the process that writes it lives."""
    end_s = time.monotonic() + 60
    while not (file.exists() and file.read_bytes().count(b"\n") >= count):
        assert time.monotonic() < end_s
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.02)
