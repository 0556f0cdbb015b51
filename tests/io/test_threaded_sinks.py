"""Sinks in background threads: they delay nothing, write what they can, and report what they cannot write."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path
from typing import Any

import pytest
from pipeline_fakes import ListSink
from runs import wait_for_lines
from sink_samples import TRACK, frame

from edgetrack.errors import SinkError
from edgetrack.events import Event
from edgetrack.io import open_sink
from edgetrack.io.outputs import Outputs
from edgetrack.io.threaded import BEHIND, PICTURES, ThreadedSink
from edgetrack.types import Frame, Track


class Slow(ListSink):
    """A sink that needs time for each frame, or waits for ``gate``."""

    def __init__(self, *, delay_s: float = 0.0, gate: threading.Event | None = None) -> None:
        super().__init__()
        self._delay_s, self._gate = delay_s, gate

    def write(self, frame: Frame, track: Track, *, latency_ms: float) -> None:
        time.sleep(self._delay_s)
        if self._gate is not None:
            self._gate.wait(30)
        super().write(frame, track, latency_ms=latency_ms)


def test_slow_sink_delays_nothing_and_drops_the_oldest_frames() -> None:
    gate = threading.Event()
    slow = Slow(gate=gate)
    sink = ThreadedSink(slow, name="o.mp4", pictures=True)
    for index in range(50):
        sink.write(frame(index), TRACK, latency_ms=1)
    assert not slow.rows
    gate.set()
    sink.close()
    written = [row[0] for row in slow.rows]
    assert written[-PICTURES:] == list(range(50 - PICTURES, 50))
    assert len(written) + sink.dropped == 50
    assert slow.closed


def test_events_of_dropped_frames_come_with_the_next_frame() -> None:
    class Eventful(Slow):
        def write_all(self, frame: Frame, tracks: Any, **more: Any) -> None:
            assert self._gate is not None
            self._gate.wait(30)
            told.append((frame.index, [event.index for event in more["events"]]))

    told: list[tuple[int, list[int]]] = []
    gate = threading.Event()
    sink = ThreadedSink(Eventful(gate=gate), name="o.mp4", pictures=True)
    for index in range(12):
        sink.write_all(frame(index), {}, latencies_ms={}, events=[Event("alert", index)] if index % 2 else [])
    gate.set()
    sink.close()
    assert sink.dropped > 0
    assert [index for _, events in told for index in events] == [1, 3, 5, 7, 9, 11]
    assert all(index <= at for at, events in told for index in events)
    assert told[-1] == (11, [11])


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priorities of their own")
@pytest.mark.parametrize("pictures", [True, False])
def test_video_threads_have_lower_priority_than_tracking_until_the_run_ends(pictures: bool) -> None:
    def priority() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    class Polite(Slow):
        def write(self, frame: Frame, track: Track, *, latency_ms: float) -> None:
            begun.set()
            super().write(frame, track, latency_ms=latency_ms)
            found.append(priority())

        def close(self) -> None:
            super().close()
            found.append(priority())

    found, begun, gate, ours = list[int](), threading.Event(), threading.Event(), priority()
    behind = min(ours + BEHIND, 19) if pictures else ours
    polite = Polite(gate=gate)
    sink = ThreadedSink(polite, name="o.mp4", pictures=pictures)
    for index in range(3):
        sink.write(frame(index), TRACK, latency_ms=1)
    begun.wait()
    threading.Timer(0.2, gate.set).start()
    sink.close()
    assert [row[0] for row in polite.rows] == [0, 1, 2]
    assert found == [behind, ours, ours, ours]  # the last one is from closing
    assert priority() == ours


def test_queue_of_a_text_sink_holds_no_pixels() -> None:
    gate = threading.Event()
    for pictures in (False, True):
        sink, one = ThreadedSink(Slow(gate=gate), name="o.jsonl", pictures=pictures), frame()
        sink.write(one, TRACK, latency_ms=1)
        sink.write(one, TRACK, latency_ms=1)
        pixels = weakref.ref(one.pixels)
        del one
        assert (pixels() is not None) == pictures
        gate.set()
        sink.close()
        gate.clear()


def test_text_sink_drops_no_lines() -> None:
    slow = Slow(delay_s=0.002)
    with ThreadedSink(slow, name="o.jsonl", pictures=False) as sink:
        for index in range(300):
            sink.write(frame(index), TRACK, latency_ms=1)
    assert [row[0] for row in slow.rows] == list(range(300))
    assert sink.dropped == 0


def test_sink_error_is_reported_with_the_next_frame_and_other_sinks_continue() -> None:
    told: list[Exception] = []
    good = ListSink()
    outputs = Outputs(on_failure=told.append)
    outputs.add(ThreadedSink(ListSink(fails_at=1), name="bad", pictures=False))
    outputs.add(ThreadedSink(good, name="good", pictures=False))
    for index in range(20):
        outputs.write(frame(index), TRACK, latency_ms=1)
        time.sleep(0.01)
    assert len(told) == 1
    outputs.close()
    assert [row[0] for row in good.rows] == list(range(20))
    assert len(outputs.failures) == 1


def test_error_while_closing_is_reported() -> None:
    sink = ThreadedSink(ListSink(fails_to_close=True), name="it", pictures=False)
    sink.write(frame(0), TRACK, latency_ms=1)
    with pytest.raises(Exception, match=r".+"):
        sink.close()
    sink.close()


def test_hung_write_is_abandoned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgetrack.io.threaded.CLOSING_S", 0.2)
    gate = threading.Event()
    sink = ThreadedSink(Slow(gate=gate), name="output pipe", pictures=False)
    sink.write(frame(0), TRACK, latency_ms=1)
    with pytest.raises(SinkError, match=r"output pipe cannot be completed: .*does something read it"):
        sink.close()
    gate.set()


def test_full_disk_is_reported_once(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    link = tmp_path / "o.jsonl"
    link.symlink_to("/dev/full")
    sink = ThreadedSink(open_sink(link), name="it", pictures=False)
    sink.write(frame(0), TRACK, latency_ms=1)
    with pytest.raises(SinkError, match="No space left on device"):
        sink.close()
    sink.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_live_run_leaves_complete_files(tmp_path: Path, number: int) -> None:
    av = pytest.importorskip("av")
    words = ["run", "--source", "test://street", "--box", "300,250,80,40", "--threads", "1"]
    words += ["--output", "o.jsonl", "--output", "o.mp4", "--output", "o.mcap"]
    process = subprocess.Popen(
        [sys.executable, "-m", "edgetrack", *words],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    lines = tmp_path / "o.jsonl"
    wait_for_lines(lines, 10, process)
    process.send_signal(number)
    said = process.communicate(timeout=30)
    assert process.returncode == 130, said
    rows = [json.loads(line) for line in lines.read_text().splitlines()]
    with av.open(str(tmp_path / "o.mp4")) as video:
        shown = sum(1 for _ in video.decode(video=0))
    from edgetrack.io.recording import Recording

    recorded = [f.index for f, _ in Recording(tmp_path / "o.mcap").steps()]
    assert Recording(tmp_path / "o.mcap").complete is not False
    dropped = said[0].decode().count("frames were dropped")
    assert dropped or len(rows) == shown == len(recorded)
    assert all(row["age_ms"] >= 0 for row in rows)


def test_lines_have_the_size_of_the_frame(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with ThreadedSink(open_sink(path), name="a.json", pictures=False) as sink:
        sink.write(frame(), TRACK, latency_ms=1)
    (image,) = json.loads(path.read_text())["images"]
    assert (image["height"], image["width"]) == frame().pixels.shape[:2]
