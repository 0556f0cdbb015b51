"""Sources that were not closed: the process exits as it would have without them, and a ResourceWarning names them."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import pytest
from small_videos import reader_threads, write_video

from edgetrack.errors import SourceError
from edgetrack.io.sources import open_source

cv2 = pytest.importorskip("cv2")

SERVER = """
import http.server, threading, time
import cv2, numpy as np
picture = cv2.imencode(".jpg", np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8))[1].tobytes()
part = b"--frame\\r\\nContent-Type: image/jpeg\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(picture) + picture + b"\\r\\n"

class Camera(http.server.BaseHTTPRequestHandler):
    def log_message(self, *words): pass
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        for number in range(10**9):
            self.wfile.write(part)
            time.sleep(60 if number == STALLS_AFTER else 0.002)

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Camera)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
PLACE = f"http://127.0.0.1:{server.server_port}/stream"
"""
BREAK = "for frame in edgetrack.open_source(PLACE):\n    if frame.index == 3: break"
KEPT = "source = edgetrack.open_source(PLACE)\nfor frame in source:\n    if frame.index == 3: break"
RAISES = (
    "def work():\n    for frame in edgetrack.open_source(PLACE):\n        raise RuntimeError('mine')\nwork()"
)
EXITS = f"{KEPT}\nraise SystemExit(3)"
THREADS = """
sources = [edgetrack.open_source(PLACE) for _ in range(3)]
def work(source):
    for frame in source: pass
for source in sources[1:]: threading.Thread(target=work, args=(source,), daemon=True).start()
"""


def run(script: str, place: Path | None, *, stalls_after: int = -1) -> subprocess.CompletedProcess[str]:
    where = f"STALLS_AFTER = {stalls_after}\n{SERVER}" if place is None else f"PLACE = {str(place)!r}\n"
    words = [
        sys.executable,
        "-W",
        "always::ResourceWarning",
        "-c",
        f"import edgetrack, threading\n{where}{script}",
    ]
    return subprocess.run(words, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(
    ("script", "code"), [(BREAK, 0), (KEPT, 0), (RAISES, 1), (EXITS, 3), (THREADS, 0)], ids=str
)
@pytest.mark.parametrize("live", [False, True])
def test_unclosed_source_does_not_change_the_exit_code(
    tmp_path: Path, script: str, code: int, live: bool
) -> None:
    done = run(script, None if live else write_video(tmp_path / "v.mp4", 120, size=(320, 240)))
    assert done.returncode == code, done.stderr
    assert "ResourceWarning" in done.stderr
    assert "was not closed; open it in a with statement: with open_source(...) as source" in done.stderr
    assert ("RuntimeError: mine" in done.stderr) == (script == RAISES)


def test_hung_stream_does_not_keep_the_process_alive() -> None:
    done = run(KEPT, None, stalls_after=5)
    assert done.returncode == 0, done.stderr


def test_closed_source_raises_no_resource_warning(tmp_path: Path) -> None:
    done = run(
        f"with edgetrack.open_source(PLACE) as source:\n    {'next(iter(source))'}",
        write_video(tmp_path / "v.mp4", 60),
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_unreferenced_source_is_closed_at_once(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", 60)
    with pytest.warns(ResourceWarning, match=r"source .*v\.mp4 was not closed"):
        assert next(iter(open_source(path))).index == 0
    assert not reader_threads()


def test_rejected_source_leaves_nothing_open(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(b"no picture")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(SourceError):
            open_source(tmp_path)
        gc.collect()
    assert not reader_threads()
    assert threading.active_count() >= 1


def test_frames_are_yielded_once(tmp_path: Path) -> None:
    with open_source(write_video(tmp_path / "v.mp4", 6)) as source:
        assert [next(iter(source)).index, next(iter(source)).index] == [0, 1]
        assert [frame.index for frame in source] == [2, 3, 4, 5]
        with pytest.raises(SourceError, match="has been read to its end; open it again"):
            list(source)
    with pytest.raises(SourceError, match="is closed; open it again"):
        list(source)
