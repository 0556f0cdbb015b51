"""A real RTSP camera for tests, which can be killed, stopped and started again; skips where there is no server."""

from __future__ import annotations

import functools
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("rtsp_server.py")
PYTHON = "/usr/bin/python3"  # which has Debian's bindings
INSTALL = (
    "apt-get install python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base "
    "gstreamer1.0-plugins-good gstreamer1.0-plugins-ugly"
)


@functools.cache
def why_not() -> str:
    """Why there is no server here; "" where there is."""
    if shutil.which(PYTHON) is None:
        return f"no {PYTHON}"
    check = (
        "import gi; gi.require_version('GstRtspServer', '1.0'); gi.require_version('Gst', '1.0')\n"
        "from gi.repository import Gst; Gst.init(None)\n"
        "assert all(Gst.ElementFactory.find(e) for e in ('x264enc', 'rtph264pay', 'videotestsrc'))"
    )
    done = subprocess.run([PYTHON, "-c", check], capture_output=True)
    return "" if done.returncode == 0 else f"no GStreamer RTSP server; run: {INSTALL}"


class RtspCamera:
    """A camera at ``url``, without its login.

    Args:
        size: of its pictures.
        login: "user:password", or nothing.
        fps: frames a second.
        lost: share of its packets that do not arrive.
        pem: file with its key and certificate, for TLS; or nothing.
    """

    def __init__(
        self,
        size: tuple[int, int] = (320, 240),
        *,
        login: str = "",
        fps: int = 30,
        lost: float = 0.0,
        pem: Path | None = None,
    ) -> None:
        if reason := why_not():
            pytest.skip(reason)
        self._login, self._fps, self._lost, self._port = login, fps, lost, 0
        self._pem = pem
        self._process: subprocess.Popen[str] | None = None
        self.start(size)

    @property
    def place(self) -> str:
        """Host, port and path."""
        return f"127.0.0.1:{self._port}/cam"

    @property
    def url(self) -> str:
        return f"{'rtsps' if self._pem else 'rtsp'}://{self.place}"

    def start(self, size: tuple[int, int]) -> None:
        """Serves again, at the same port."""
        words = [
            PYTHON,
            str(SCRIPT),
            *map(str, size),
            str(self._port),
            self._login,
            str(self._fps),
            str(self._lost),
            str(self._pem or ""),
        ]
        self._process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self._process.stdout is not None
        self._port = int(self._process.stdout.readline())

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def stop(self) -> None:
        """Holds it, as a camera that hangs: its connections stay."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)
