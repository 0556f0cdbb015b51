"""What systemd is told, over a real socket; and how a run recovers when its source hangs or breaks."""

from __future__ import annotations

import itertools
import os
import socket
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from fakes import FakeTracker

from edgetrack.cli.service import Service
from edgetrack.errors import SourceError
from edgetrack.io.live import Picture, read_live
from edgetrack.io.reading import Reading
from edgetrack.io.source import Source
from edgetrack.io.stamps import Stamps
from edgetrack.io.states import Lost, SourceState
from edgetrack.pipeline import run
from edgetrack.types import Frame

PIXELS = np.zeros((4, 6, 3), np.uint8)


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Open the socket of a service manager that expects a sign of life every 40 ms."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as way:
        way.bind(str(tmp_path / "notify"))
        way.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "40000")
        monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
        yield way


class Camera:
    """A camera that plays its steps: an image for each number, then it raises the exception, or hangs on an event."""

    fps = 30.0

    def __init__(self, *steps: int | Exception | threading.Event) -> None:
        self.steps, self.closed = steps, threading.Event()

    def pictures(self) -> Iterator[Picture]:
        for step in self.steps:
            if isinstance(step, threading.Event):
                step.wait(20)
            elif isinstance(step, Exception):
                raise step
            else:
                for _ in range(step):
                    time.sleep(0.005)
                    yield Picture(PIXELS, time.monotonic_ns())

    def close(self) -> None:
        self.closed.set()


def open_cameras(first: Camera, *others: Camera) -> Source:
    """Open a live source that connects to one camera after the other."""
    reading, stamps, left = Reading(), Stamps(), list(others)

    def frames(first: Camera | Lost, reading: Reading) -> Generator[Frame, None, None]:
        return read_live(
            first, lambda: left.pop(0), reading, name="it", give_up_s=None, stamps=stamps, dice=lambda: 0.0
        )

    hung = Lost("timeout", "it hangs")
    return Source(
        frames(first, reading),
        name="it",
        fps=30.0,
        count=None,
        live=True,
        reading=reading,
        again=lambda reading: frames(hung, reading),
    )


def test_systemd_is_told_of_start_states_and_signs_of_life(manager: socket.socket) -> None:
    service, shown = Service(), list[SourceState]()
    assert not os.environ.keys() & {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}
    with open_cameras(Camera(5, Lost("refused", "it\nrefuses")), Camera(5, threading.Event())) as source:
        service.follow(source, shown.append)
        for frame in source:
            service.beat()
            if frame.epoch == 1:
                break
    manager.setblocking(False)
    told = list[str]()
    with suppress(BlockingIOError):
        while True:
            told.append(manager.recv(1000).decode())
    assert told[0] == "READY=1"
    assert "WATCHDOG=1" in told
    assert any(line.startswith("STATUS=reconnecting in ") and line.endswith("it refuses") for line in told)
    assert [state.name for state in shown][:2] == ["live", "reconnecting"]


def test_signs_of_life_are_few_and_only_for_the_watched_process(
    manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_PID", "1")
    Service().beat()
    monkeypatch.setenv("NOTIFY_SOCKET", str(manager.getsockname()))
    monkeypatch.setenv("WATCHDOG_USEC", "40000000")
    service = Service()
    for _ in range(3):
        service.beat()
    assert manager.recv(100) == b"WATCHDOG=1"
    manager.setblocking(False)
    with pytest.raises(BlockingIOError):
        manager.recv(100)
    Service().beat()  # without a manager


def test_unexpected_driver_error_leads_to_a_reconnection() -> None:
    tracker = FakeTracker()
    broken = Camera(3, ValueError("bad buffer of rtsp://me:secret@host/x"))
    with open_cameras(broken, Camera(100)) as source:
        states = list[SourceState]()
        source.on_state = states.append
        summary = run(source, tracker, text="car", max_frames=6)
    assert summary.problem is None
    assert source.reconnects == 1
    assert [call[0] for call in tracker.calls].count("start") == 1  # the target is not lost
    assert "ValueError: bad buffer of rtsp://host/x" in [state.reason for state in states]


def test_hung_driver_is_abandoned_and_the_target_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgetrack.io.source.SILENCE_S", 0.3)
    released, tracker = threading.Event(), FakeTracker()
    hangs = Camera(3, released, 5)
    with open_cameras(hangs, Camera(1000)) as source:
        frames = iter(source)
        seen = [next(frames) for _ in range(3)]
        seen += [next(frames) for _ in range(3)]
        released.set()
        assert hangs.closed.wait(5)  # its own thread closes it when the driver returns
        seen.append(next(frames))
        assert source.reconnects == 1
        summary = run(source, tracker, text="car", max_frames=2)
    assert summary.problem is None
    assert {frame.epoch for frame in seen} == {0, 1}
    numbers = [frame.index for frame in seen]
    assert numbers == sorted(set(numbers))


def test_clock_change_during_a_run_does_not_change_frame_times(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.cycle([1.7e9, 0.0, 4e9])
    monkeypatch.setattr(time, "time", lambda: next(clock))
    monkeypatch.setattr(time, "time_ns", lambda: int(next(clock) * 1e9))
    seen = list[tuple[float, float | None, float]]()
    with open_cameras(Camera(3, Lost("ended", "unplugged")), Camera(100)) as source:
        run(
            source,
            FakeTracker(),
            text="car",
            max_frames=6,
            max_age_ms=5000,
            on_frame=lambda frame, track, meter: seen.append((frame.time_s, frame.age_ms, frame.gap_s)),
        )
    times, ages, gaps = zip(*seen, strict=True)
    assert times == tuple(sorted(times))
    assert times[-1] < 10
    assert all(age is not None and 0 <= age < 5000 for age in ages)
    assert all(0 <= gap < 5 for gap in gaps)


def test_error_that_reconnecting_does_not_fix_ends_the_source() -> None:
    camera = Camera(2, SourceError("its pictures are too large"))
    with open_cameras(camera) as source, pytest.raises(SourceError, match="too large"):
        list(source)
