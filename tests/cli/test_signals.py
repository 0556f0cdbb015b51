"""What signals do: real ones, at the worst moments."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from fakes import FakeTracker
from pipeline_fakes import FakeMultiTracker, Frames, ListSink

from edgetrack import signals
from edgetrack.io.outputs import Outputs
from edgetrack.pipeline import run, run_many
from edgetrack.types import Frame, Track

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals differ there")


class Killer(ListSink):
    """A sink that sends this process a signal while it writes a frame, and twice, as impatient users do."""

    def __init__(self, number: int, *, at: int) -> None:
        super().__init__()
        self._number, self._at = number, at

    def _kill(self, frame: Frame) -> None:
        if frame.index == self._at:
            os.kill(os.getpid(), self._number)
            os.kill(os.getpid(), self._number)

    def write(self, frame: Frame, track: Track, *, latency_ms: float) -> None:
        self._kill(frame)
        super().write(frame, track, latency_ms=latency_ms)

    def write_all(
        self, frame: Frame, tracks: dict[str, Track], *, latencies_ms: dict[str, float], **_: Any
    ) -> None:
        self._kill(frame)
        super().write_all(frame, tracks, latencies_ms=latencies_ms)


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("number", signals.SIGNALS)
def test_all_outputs_end_with_the_frame_of_the_signal(number: int, several: bool) -> None:
    sinks = [ListSink(), Killer(number, at=3), ListSink()]
    with signals.interruptible():
        if several:
            summary = run_many(Frames(20), FakeMultiTracker(fails=set()), sinks)
        else:
            summary = run(Frames(20), FakeTracker(), sinks, text="x")
    assert (summary.frames, summary.interrupted) == (4, True)
    assert [{row[0] for row in sink.rows} for sink in sinks] == [{0, 1, 2, 3}] * 3


@pytest.mark.parametrize("number", signals.SIGNALS)
def test_signal_between_frames_ends_the_run_at_once(number: int) -> None:
    class Slow(FakeTracker):
        def update(self, frame: Any, *, deadline_ms: float | None = None) -> Track:
            if len(self.calls) == 3:
                os.kill(os.getpid(), number)
                pytest.fail("it goes on")
            return super().update(frame, deadline_ms=deadline_ms)

    with signals.interruptible():
        summary = run(Frames(20), Slow(), text="x")
    assert (summary.frames, summary.interrupted) == (3, True)


def test_run_ends_even_if_the_exception_of_a_signal_is_swallowed() -> None:
    class Deaf(FakeTracker):
        def update(self, frame: Any, *, deadline_ms: float | None = None) -> Track:
            try:
                if len(self.calls) == 3:
                    os.kill(os.getpid(), signal.SIGTERM)
            except BaseException:  # as a destructor or a callback does
                pass
            return super().update(frame, deadline_ms=deadline_ms)

    with signals.interruptible():
        assert run(Frames(20), Deaf(), text="x").frames == 4


def test_signal_while_files_are_completed_is_ignored() -> None:
    class Closer(ListSink):
        def close(self) -> None:
            os.kill(os.getpid(), signal.SIGTERM)
            super().close()

    sinks = [Closer(), ListSink()]
    with signals.interruptible():
        Outputs(sinks).close()
        assert signals.stopping()
    assert not signals.stopping()
    assert all(sink.closed for sink in sinks)


def test_handlers_are_restored_and_nohup_is_respected() -> None:
    before = [signal.getsignal(number) for number in signals.SIGNALS]
    with signals.interruptible():
        assert signal.getsignal(signal.SIGHUP) is not before[signals.SIGNALS.index(signal.SIGHUP)]
    assert [signal.getsignal(number) for number in signals.SIGNALS] == before
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals.interruptible():
            os.kill(os.getpid(), signal.SIGHUP)  # the terminal closes: that is the case for ``nohup``
            assert not signals.stopping()
    finally:
        signal.signal(signal.SIGHUP, before[signals.SIGNALS.index(signal.SIGHUP)])


HANGUP = """
import os, time
from edgetrack import signals
try:
    with signals.interruptible(on_hangup=lambda: os.write(1, b"asked\\n")):
        os.write(1, b"ready\\n")
        time.sleep(20)
except KeyboardInterrupt:
    os.write(1, b"ended\\n")
"""


def test_hangup_reloads_unless_the_terminal_has_closed() -> None:
    import fcntl
    import pty
    import termios

    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", HANGUP],
        stdin=theirs,
        stdout=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(theirs)
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    child.send_signal(signal.SIGHUP)
    assert child.stdout.readline() == b"asked\n"
    os.close(ours)
    assert child.communicate(timeout=20)[0] == b"ended\n"


@pytest.mark.parametrize("before", [signal.SIG_DFL, signal.SIG_IGN], ids=["plain", "nohup"])
def test_requested_hangup_does_not_end_the_process_later(before: signal.Handlers) -> None:
    asked: list[int] = []
    found = signal.signal(signal.SIGHUP, before)
    with signals.interruptible(0.05, on_hangup=lambda: asked.append(1)):
        os.kill(os.getpid(), signal.SIGHUP)
        time.sleep(0.2)
        assert not signals.stopping()
    assert asked == [1]
    assert signal.signal(signal.SIGHUP, found) == before


def write_for_ever(descriptor: int) -> None:
    while True:
        os.write(descriptor, bytes(1 << 16))


def test_hung_write_is_abandoned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "PATIENCE_S", 0.2)
    reading, writing = os.pipe()
    with signals.interruptible(), signals.held():
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(2):  # not only the first time
            with pytest.raises(TimeoutError, match="nothing reads"), signals.breakable():
                write_for_ever(writing)
    os.close(reading)
    os.close(writing)


HANGING = """
import ctypes, os, signal, sys, threading
from edgetrack import signals
from edgetrack.io.outputs import Outputs
signals.LIMIT_S, signals.PATIENCE_S = float(sys.argv[1]), float(sys.argv[2])
with signals.interruptible():
    # As a library that never comes back: no handler runs in this thread.
    signal.pthread_sigmask(signal.SIG_BLOCK, signals.SIGNALS)
    sleep = ctypes.CDLL(None).sleep
    threading.Timer(1, lambda: print("ready", flush=True)).start()  # once it is in there
    sleep(60)
"""


@pytest.mark.parametrize(("limit_s", "patience_s", "count"), [(0.5, 100, 1), (100, 0.5, 2)])
def test_process_that_hangs_in_a_library_ends(
    tmp_path: Path, limit_s: float, patience_s: float, count: int
) -> None:
    """It ends after its time, or sooner after a second signal."""
    process = subprocess.Popen(
        [sys.executable, "-c", HANGING, str(limit_s), str(patience_s)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        for _ in range(count):
            process.send_signal(signal.SIGTERM)
            time.sleep(
                signals.ECHO_S + 0.1
            )  # so that the second signal does not count as an echo of the first
        _, complaint = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    assert complaint.startswith("error: the run has not ended")
