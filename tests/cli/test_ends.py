"""Processes exit cleanly: with anything left open, with threads inside the network, after a fork, out of memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("resource", reason="limits and forks are of POSIX")

BEGIN = """
import os, threading, time
import numpy as np
import edgetrack

pixels = np.random.default_rng(0).integers(0, 255, (480, 640, 3), dtype=np.uint8)
BOX = (200, 200, 60, 60)
tracker = edgetrack.Tracker("edgetrack-160", threads=1)
tracker.start(pixels, box=BOX)
many = edgetrack.MultiTracker(engine=tracker.engine)
many.start(pixels, {"a": BOX, "b": (300, 200, 60, 60)})
"""


def run(code: str, *, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BEGIN + code], capture_output=True, text=True, timeout=timeout_s, check=False
    )


def test_anything_may_be_left_open_at_exit(tmp_path: Path) -> None:
    """This includes an exception: its traceback is the last output."""
    cv2 = pytest.importorskip("cv2", reason="the video extra is not installed")
    writer = cv2.VideoWriter(str(tmp_path / "v.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (640, 480))
    for _ in range(30):
        writer.write(cv2.UMat(480, 640, cv2.CV_8UC3).get())
    writer.release()
    code = f"""
pairs = edgetrack.track({str(tmp_path / "v.avi")!r}, box=BOX, tracker=edgetrack.Tracker(engine=tracker.engine))
next(pairs)
own = edgetrack.track([pixels] * 9, box=BOX, bundle="edgetrack-160", threads=1)
next(own)
graph = tracker.engine.graph("ground")
threading.Thread(target=lambda: [tracker.update(pixels) for _ in range(3)]).start()
tracker.itself = tracker  # a cycle
"""
    done = run(code)
    assert (done.returncode, done.stderr) == (0, "")
    done = run(code + "\n1 / 0")
    assert done.returncode == 1
    assert done.stderr.rstrip().endswith("ZeroDivisionError: division by zero")


INSIDE = """
ready = threading.Barrier(4)
graph = tracker.engine.graph("search")
feeds = {name: np.zeros(spec.shape, spec.dtype) for name, spec in graph.inputs.items()}

def work(step):
    step()
    ready.wait()
    while True:
        step()

for step in (lambda: tracker.update(pixels), lambda: many.update(pixels), lambda: graph.run(feeds)):
    threading.Thread(target=work, args=(step,), daemon=True).start()
ready.wait()
"""


@pytest.mark.parametrize("moment_s", [0.0, 0.02])
def test_daemon_threads_inside_the_network_do_not_crash_the_exit(moment_s: float) -> None:
    """At exit, Python ends daemon threads when they reacquire the GIL; that must not happen inside of C++."""
    done = run(INSIDE + f"time.sleep({moment_s})")
    assert (done.returncode, done.stderr) == (0, "")


def test_exit_does_not_wait_for_a_thread_that_never_returns() -> None:
    """A thread that is stuck inside the network delays the exit for a limited time."""
    done = run(
        """
from edgetrack import _exit
_exit.WAIT_S = 0.2
entered = threading.Event()

def hang():
    with _exit.door:
        entered.set()
        time.sleep(1000)

threading.Thread(target=hang, daemon=True).start()
entered.wait()
""",
        timeout_s=60,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_exit_handlers_may_still_track() -> None:
    """Handlers registered before edgetrack was imported run after edgetrack's own; the main thread is never blocked."""
    code = "import atexit\natexit.register(lambda: print(tracker.update(pixels).index))\n" + BEGIN
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_forked_child_continues_with_the_tracker_of_its_parent() -> None:
    done = run(
        """
def busy():
    while True:
        many.update(pixels)

threading.Thread(target=busy, daemon=True).start()
time.sleep(0.05)
before = tracker.update(pixels)
child = os.fork()
if child == 0:
    many.update(pixels)  # in which the parent's thread was at that moment
    assert tracker.update(pixels).index == before.index + 1
    raise SystemExit(7)  # with all that happens at an end: the parent's thread is not waited for
_, status = os.waitpid(child, 0)
assert tracker.update(pixels).index == before.index + 1
print(os.waitstatus_to_exitcode(status))
""",
        timeout_s=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "7\n", "")


MEMORY = """
import resource
pages = int(open("/proc/self/statm").read().split()[0])
room = pages * resource.getpagesize() + (4 << 20)
resource.setrlimit(resource.RLIMIT_AS, (room, room))
try:
    edgetrack.Tracker("edgetrack-256", threads=1).start(pixels, box=BOX)
except edgetrack.OutOfMemoryError as error:
    print(error)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="how much it has is read from /proc")
def test_out_of_memory_is_a_readable_error() -> None:
    done = run(MEMORY)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("memory ran out while ")
    assert "edgetrack-160" in done.stdout


def test_command_that_runs_out_of_memory_prints_one_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The error may come from numpy, C++, ONNX Runtime or OpenCV."""
    from typer.testing import CliRunner

    from edgetrack.cli import app

    for error in (
        MemoryError("std::bad_alloc"),
        RuntimeError("(-4:Insufficient memory) Failed to allocate 9 bytes"),
    ):

        def fail(*_: object, error: Exception = error, **__: object) -> None:
            raise error

        monkeypatch.setattr("edgetrack.io.sources.open_source", fail)
        result = CliRunner().invoke(app, ["run", "-s", "x.mp4", "-t", "red car"])
        said = " ".join((result.output + capfd.readouterr().err).split())
        assert result.exit_code == 2
        assert said.startswith("error: memory ran out while the command ran; ")


def test_other_engine_failure_names_the_graph() -> None:
    from edgetrack.engines.session_graph import _failure
    from edgetrack.errors import EngineUnavailable, OutOfMemoryError

    assert isinstance(
        _failure("search", RuntimeError("Failed to allocate memory for 9 bytes")), OutOfMemoryError
    )
    other = _failure("search", RuntimeError("no kernel\nand much more"))
    assert isinstance(other, EngineUnavailable)
    assert (
        str(other)
        == "ONNX Runtime could not run graph 'search' (RuntimeError: no kernel); try another engine"
    )
