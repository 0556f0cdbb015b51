"""Video published over RTSP to a real server: what arrives there, and how an outage of the server is survived."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import fakes
import numpy as np
import pytest
from rtsp_camera import PYTHON, why_not
from typer.testing import CliRunner

from edgetrack.cli import app
from edgetrack.errors import ConfigError, SinkError
from edgetrack.io.publish import RtspSink
from edgetrack.types import Box, Frame, Track

av = pytest.importorskip("av", reason="needs PyAV: pip install 'edgetrack[av]'")
pytest.importorskip("cv2", reason="needs OpenCV: pip install 'edgetrack[video]'")

SCRIPT = Path(__file__).parents[1] / "support" / "rtsp_receiver.py"


class Receiver:
    """An RTSP server that receives the stream published at ``url``; ``pictures`` reads it."""

    def __init__(self, folder: Path, login: str = "") -> None:
        if reason := why_not():
            pytest.skip(reason)
        self._file, self._login, self._port = folder / "arrived.h264", login, 0
        self.start()

    def start(self) -> None:
        words = [PYTHON, str(SCRIPT), str(self._port), str(self._file), self._login]
        self._process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self._process.stdout is not None
        self._port = int(self._process.stdout.readline())

    def kill(self) -> None:
        assert self._process.stdout is not None
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self._port}/tracked"

    @property
    def size(self) -> int:
        return self._file.stat().st_size if self._file.exists() else 0

    def pictures(self) -> list[Any]:
        with av.open(str(self._file)) as container:
            return [picture.to_ndarray(format="bgr24") for picture in container.decode(video=0)]


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    server = Receiver(tmp_path)
    yield server
    server.kill()


def publish(sink: RtspSink, enough: Callable[[], bool], *, size: tuple[int, int] = (160, 120)) -> int:
    """Write gray frames with a box until ``enough`` returns true; return how many."""
    pixels, until_s, index = np.full((size[1], size[0], 3), 128, np.uint8), time.monotonic() + 10, 0
    while not enough():
        assert time.monotonic() < until_s
        track = Track(Box(40, 30, 60, 40), 0.9, "tracking", index)
        sink.write(Frame(pixels, index, index / 30), track, latency_ms=1)
        index += 1
        time.sleep(0.005)
    return index


def test_publishing_resumes_after_the_server_was_away(receiver: Receiver) -> None:
    said: list[str] = []
    with RtspSink(receiver.url, fps=30, warn=said.append, first_s=0.05) as sink:
        publish(sink, lambda: receiver.size > 2000)
        receiver.kill()
        publish(sink, lambda: bool(said))
        before = receiver.size
        receiver.start()
        publish(sink, lambda: receiver.size > before + 2000, size=(200, 200))
    assert len(said) == 1
    assert said[0].startswith(f"publish {receiver.url}: the server accepts no frames (")
    pictures = receiver.pictures()
    assert {picture.shape for picture in pictures} == {(120, 160, 3)}
    edge, inside = pictures[5][30:71, 40].astype(int), pictures[5][62, 80].astype(int)
    assert abs(inside - 128).max() < 12
    assert np.abs(edge - 128).max() > 60  # the box is drawn


def test_wrong_password_is_an_error(tmp_path: Path) -> None:
    guarded = Receiver(tmp_path, "me:secret")
    sink = RtspSink(guarded.url.replace("rtsp://", "rtsp://me:wr0ng@"), fps=30)
    with pytest.raises(SinkError, match="check the user name and password") as caught:
        publish(sink, lambda: guarded.size > 0)
    sink.close()
    guarded.kill()
    assert "wr0ng" not in str(caught.value)


class Hung:
    """A server that sends ``answer`` to each connection and then hangs."""

    def __init__(self, answer: bytes) -> None:
        self._answer, self._connections = answer, list[socket.socket]()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"rtsp://127.0.0.1:{self._listener.getsockname()[1]}/tracked"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._connections.append(connection)
                connection.recv(1000)
                connection.sendall(self._answer)

    def close(self) -> None:
        for waiting in (self._listener, *self._connections):
            with suppress(OSError):
                waiting.shutdown(socket.SHUT_RDWR)  # ends accept and recv in the thread
        self._thread.join(5)
        for waiting in (self._listener, *self._connections):
            waiting.close()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", "no answer within 3 s"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "it does not answer as an RTSP server"),
        (b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n", "Invalid data found when processing input"),
    ],
)
def test_hung_server_does_not_block_other_threads(
    answer: bytes, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgetrack.io.publish.ANSWER_S", 3.0)
    server, said = Hung(answer), list[str]()
    sink = RtspSink(server.url, fps=30, warn=said.append)
    pixels = np.zeros((64, 64, 3), np.uint8)
    writing = threading.Thread(
        target=lambda: sink.write(Frame(pixels, 0, 0), Track(None, 0, "searching", 0), latency_ms=1),
        daemon=True,
    )
    writing.start()
    last_s, longest_s = time.monotonic(), 0.0
    while writing.is_alive():
        time.sleep(0.01)
        now_s = time.monotonic()
        last_s, longest_s = now_s, max(longest_s, now_s - last_s)
        assert longest_s < 10
    server.close()
    assert said == [
        f"publish {server.url}: the server accepts no frames ({why}); trying again",
    ]
    if not answer.startswith(b"RTSP"):
        assert longest_s < 2.5  # FFmpeg, which holds the lock while it connects, is not even tried


def test_one_pixel_image_is_published(receiver: Receiver) -> None:
    with RtspSink(receiver.url, fps=30) as sink:
        publish(sink, lambda: receiver.size > 500, size=(1, 1))
    assert {picture.shape for picture in receiver.pictures()} == {(2, 2, 3)}


def test_run_publishes_its_video(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "edgetrack.cli.engine_options.EngineOptions.tracker", lambda self: fakes.FakeTracker()
    )
    words = ["run", "--source", "test://street", "--text", "red car", "--max-frames", "15"]
    done = CliRunner().invoke(app, [*words, "--publish", receiver.url])
    assert done.exit_code == 0, done.output
    assert len(receiver.pictures()) > 5


@pytest.mark.parametrize(
    "url",
    [
        "gate",
        "http://host/gate",
        "rtsp://",
        "rtsp://host:x/gate",
        "rtsp://host/a b",
        "rtsp://a..b/gate",
        "rtsp://[::1/gate",
    ],
)
def test_an_invalid_address_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="expected one such as rtsp://"):
        RtspSink(url, fps=30)
