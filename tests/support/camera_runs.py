"""Runs with several cameras and a fake tracker, in processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fakes
import pytest
from written_videos import write_video

cv2 = pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")
FAKE = [sys.executable, str(Path(fakes.__file__).resolve()), "run"]
PLACE = {"PYTHONPATH": str(Path(fakes.__file__).parent)}
CAR = ["--text", "red car"]
TWO = ["--source", "a=test://street", "--source", "b=test://street"]


def read(path: Path, camera: str | None = None) -> list[dict[str, Any]]:
    """The complete lines of a file, or those of one camera."""
    content = path.read_bytes() if path.exists() else b""
    lines = [json.loads(line) for line in content[: content.rfind(b"\n") + 1].splitlines()]
    return [line for line in lines if camera is None or line["camera"] == camera]


def until(seen: Any, process: subprocess.Popen[str], seconds: float = 60) -> Any:
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        if found := seen():
            return found
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    raise AssertionError("it has not come to be")


@contextmanager
def running(folder: Path, *words: str, command: Sequence[str] = FAKE) -> Iterator[subprocess.Popen[str]]:
    """A run with a fake tracker; what it logs is in the file "log"."""
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [*command, *words], cwd=folder, stderr=log, stdout=log, text=True, env=os.environ | PLACE
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.wait(30)


def altered(methods: str) -> list[str]:
    """The command with a fake tracker that has other methods."""
    code = (
        "import fakes; fakes.install(delay_s=0.005)\nimport edgetrack.tracker as module\nmade = []\n"
        f"class Altered(module.Tracker):{methods}\n"
        "module.Tracker = Altered\nfrom edgetrack.cli import main\nmain()\n"
    )
    return [sys.executable, "-c", code, "run"]


def frames_in(path: Path) -> int:
    return int(cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FRAME_COUNT))


def two_files(folder: Path) -> list[str]:
    """Two cameras that are files, which do not depend on how busy the machine is."""
    write_video(folder / "in.mp4", 60)
    return ["--source", "a=in.mp4", "--source", "b=in.mp4"]
