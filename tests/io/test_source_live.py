"""Live streams: an HTTP camera that sends what real ones send."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgetrack.errors import SourceError
from edgetrack.io.source import Source
from edgetrack.io.sources import open_source
from edgetrack.types import Frame

cv2 = pytest.importorskip("cv2")

Serve = Callable[..., str]


@pytest.fixture
def camera() -> Iterator[Serve]:
    """Serve images as multipart JPEG and return the address; with ``login``, reject requests that do not carry it."""
    servers: list[ThreadingHTTPServer] = []

    def serve(pictures: list[bytes], *, login: str | None = None, pause_s: float = 0.02) -> str:
        class Camera(BaseHTTPRequestHandler):
            def log_message(self, *words: object) -> None: ...

            def do_GET(self) -> None:
                if login is not None and self.headers.get("Authorization") != login:
                    self.send_response(401)
                    self.send_header("WWW-Authenticate", 'Basic realm="camera"')
                    self.end_headers()
                    return
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                try:
                    for jpeg in pictures:
                        head = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(
                            jpeg
                        )
                        self.wfile.write(head + jpeg + b"\r\n")
                        time.sleep(pause_s)
                except OSError:  # the client has disconnected
                    self.close_connection = True

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Camera))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"127.0.0.1:{servers[-1].server_port}/stream"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def pictures(count: int) -> list[bytes]:
    """Make JPEGs whose gray value is 4 times their number."""
    return [cv2.imencode(".jpg", np.full((120, 160, 3), 4 * i, np.uint8))[1].tobytes() for i in range(count)]


@pytest.mark.parametrize("what", ["nothing", "half of it", "zeros"])
def test_broken_image_does_not_end_a_camera(camera: Serve, what: str) -> None:
    sent = pictures(40)
    noise = np.random.default_rng(0).integers(0, 255, (120, 160, 3), dtype=np.uint8)
    whole = cv2.imencode(".jpg", noise)[1].tobytes()
    sent[20] = {"nothing": b"", "half of it": whole[: len(whole) // 2], "zeros": bytes(500)}[what]
    seen: list[NDArray[np.uint8]] = []
    with open_source("http://" + camera(sent), give_up_s=0) as source:
        assert source.live
        with pytest.raises(SourceError, match="stopped after"):
            seen.extend(frame.pixels for frame in source)
    assert len(seen) + source.dropped > 21  # except those sent while it was being opened
    assert float(seen[-1].mean()) == pytest.approx(4 * 39, abs=2)
    assert source.notes


def test_video_file_on_a_web_server_ends(camera: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgetrack.io.live.FIRST_S", 0.01)
    seen: list[Frame] = []
    place = "http://" + camera(pictures(10))
    with open_source(place) as source, pytest.raises(SourceError, match="stopped after") as caught:
        seen.extend(source)
    assert caught.value.code == "ended"
    assert {frame.epoch for frame in seen} == {0, 1, 2, 3, 4}


def test_end_of_a_camera_is_noticed_quickly(camera: Serve) -> None:
    with open_source("http://" + camera(pictures(10)), give_up_s=0) as source:
        began_s = time.monotonic()
        with pytest.raises(SourceError, match=r"stopped after (9|10) frames; is it still connected"):
            list(source)
    assert time.monotonic() - began_s < 10


def test_password_is_used_but_not_shown(camera: Serve, tmp_path: Path) -> None:
    place = camera(pictures(40) * 50, login="Basic YWRtaW46czNjcjN0")  # admin:s3cr3t
    with pytest.raises(SourceError, match="401 Unauthorized"):
        open_source(f"http://{place}")
    words = ["run", "--source", f"http://admin:s3cr3t@{place}", "--box", "20,20,60,60", "--max-frames", "3"]
    words += ["--threads", "1", "--output", "o.mcap", "--output", "o.jsonl"]
    done = subprocess.run(
        [sys.executable, "-m", "edgetrack", *words], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert f"http://{place}" in done.stdout
    for said in (
        done.stdout.encode(),
        done.stderr.encode(),
        *(file.read_bytes() for file in tmp_path.iterdir()),
    ):
        assert b"s3cr3t" not in said
    from edgetrack.io.recording import Recording

    assert Recording(tmp_path / "o.mcap").facts["source"] == f"http://{place}"


class _Files(SimpleHTTPRequestHandler):
    def log_message(self, *words: object) -> None: ...


def test_live_playlist_is_read_over_http(tmp_path: Path) -> None:
    """Read HLS whose playlist has no end, like that of a camera."""
    av = pytest.importorskip("av")
    if "libx264" not in av.codecs_available:
        pytest.skip("this PyAV does not write H.264")
    playlist = tmp_path / "live.m3u8"
    options = {"hls_time": "4", "hls_list_size": "0"}
    with av.open(str(playlist), "w", format="hls", options=options) as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 64, 48, "yuv420p", 40
        stream.codec_context.thread_count = 1
        for level in range(200):
            picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), level, np.uint8), format="bgr24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    playlist.write_text(playlist.read_text().replace("#EXT-X-ENDLIST\n", ""))
    handler = partial(_Files, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            with open_source(f"http://127.0.0.1:{server.server_port}/live.m3u8") as source:
                assert source.live
                assert source.size == (64, 48)
                frame = next(iter(source))
        finally:
            server.shutdown()
    assert frame.pts_s is not None
    assert frame.age_ms is not None


class _Page(BaseHTTPRequestHandler):
    """Serve a page to requests with the right password."""

    def log_message(self, *words: object) -> None: ...

    def do_GET(self) -> None:
        if self.headers.get("Authorization") != "Basic YWRtaW46czNjcjN0":  # admin:s3cr3t
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="camera"')
        else:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>Camera</title><form></form>" * 50)


def test_web_page_and_unreachable_server_have_different_errors() -> None:
    pytest.importorskip("av")
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            place = f"127.0.0.1:{server.server_port}/page"
            with pytest.raises(SourceError, match=r"the server sent a web page \(text/html\)") as caught:
                open_source(f"http://admin:s3cr3t@{place}")
            with pytest.raises(SourceError, match="401 Unauthorized") as refused:
                open_source(f"http://{place}")
        finally:
            server.shutdown()
    assert (caught.value.code, refused.value.code) == ("codec", "authentication")
    assert "s3cr3t" not in str(caught.value)
    assert "check that the address is that of a video" in str(caught.value)


def test_camera_starts_with_its_newest_image_unless_told_otherwise(camera: Serve) -> None:
    ages_ms: dict[bool, float] = {}
    for newest in (False, True):
        with open_source("http://" + camera(pictures(60) * 10)) as source:
            if newest:
                source.start_with_newest()
            time.sleep(1.0)  # as long as loading a network may take
            first, second = islice(source, 2)
            assert first.age_ms is not None
            assert (first.index == 0) == (not newest)
            assert first.index < second.index
            assert source.dropped < 20  # images sent before the first read do not count as dropped
            ages_ms[newest] = first.age_ms
    assert ages_ms[False] > 1000 > ages_ms[True] + 300


@pytest.mark.parametrize("error", [None, SourceError("it is gone")])
def test_source_that_ends_before_the_first_read_still_has_its_first_image(error: SourceError | None) -> None:
    def one() -> Generator[Frame, None, None]:
        yield Frame(np.zeros((8, 8, 3), np.uint8), 0, 0.0, captured_ns=time.monotonic_ns())
        if error is not None:
            raise error

    with Source(one(), name="it", fps=None, count=None, live=True) as source:
        source.start_with_newest()
        time.sleep(0.2)
        frames = iter(source)
        assert next(frames).index == 0
        if error is None:
            assert list(frames) == []
        else:
            with pytest.raises(SourceError, match="it is gone"):
                list(frames)


@pytest.mark.parametrize("host", ["a..b", 64 * "a" + ".com", "[::1", "[v6]"])
def test_impossible_host_name_is_one_line(host: str) -> None:
    with pytest.raises(SourceError, match=r"cannot be opened: .*check that the address is right"):
        open_source(f"http://{host}/stream")
