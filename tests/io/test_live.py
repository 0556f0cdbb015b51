"""Live sources without a camera: pauses between attempts, counters, timestamps and the pace of files."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest

from edgetrack.errors import SourceError
from edgetrack.io.live import Picture, read_live
from edgetrack.io.pacing import paced
from edgetrack.io.reading import Reading
from edgetrack.io.sources import open_source
from edgetrack.io.stamps import Lag, Stamps, monotonic_ns
from edgetrack.io.states import Code, Lost
from edgetrack.types import Frame

PIXELS = np.zeros((4, 6, 3), np.uint8)


class Connection:
    """A connection that yields ``count`` images and then fails."""

    fps = 30.0

    def __init__(self, count: int, code: Code = "ended") -> None:
        self.count, self.code, self.closed = count, code, 0

    def pictures(self) -> Iterator[Picture]:
        for _ in range(self.count):
            yield Picture(PIXELS, time.monotonic_ns())
        raise Lost(self.code, "the cable is out")

    def close(self) -> None:
        self.closed += 1


class Clock:
    """A clock that advances only while somebody sleeps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 100.0
        monkeypatch.setattr("edgetrack.io.live.time.monotonic", lambda: self.now_s)
        monkeypatch.setattr("edgetrack.io.live.time.sleep", self.sleep)

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


def pauses_of(clock: Clock, codes: list[Code], *, dice: float = 0.5) -> list[float]:
    """Return the seconds before each attempt, if the attempts fail in turn with these codes."""
    times, left = [clock.now_s], list(codes[1:])

    def connect() -> Connection:
        times.append(clock.now_s)
        if left:
            raise Lost(left.pop(0), "still out")
        return Connection(1)

    frames = read_live(
        Connection(1, codes[0]), connect, Reading(), name="it", give_up_s=None, dice=lambda: dice
    )
    next(frames), next(frames)
    frames.close()
    return [round(b - a, 1) for a, b in pairwise(times)]


def test_pauses_double_up_to_thirty_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = pauses_of(Clock(monkeypatch), ["refused"] * 9)
    assert pauses == pytest.approx([0.5, 1, 2, 4, 8, 16, 30, 30, 30], abs=0.11)


@pytest.mark.parametrize("code", ["authentication", "not-found"])
def test_errors_that_a_quick_retry_cannot_fix_are_retried_slowly(
    monkeypatch: pytest.MonkeyPatch, code: Code
) -> None:
    assert pauses_of(Clock(monkeypatch), [code] * 5) == pytest.approx([10, 20, 40, 60, 60], abs=0.11)


def test_pauses_vary_by_a_quarter(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pauses_of(Clock(monkeypatch), ["refused"] * 5, dice=0.0)[4] == pytest.approx(6, abs=0.11)
    assert pauses_of(Clock(monkeypatch), ["refused"] * 5, dice=1.0)[4] == pytest.approx(10, abs=0.11)


def test_frames_are_counted_across_connections() -> None:
    reading, made = Reading(), [Connection(3), Connection(2), Connection(2)]
    left = iter(made[1:])
    frames = read_live(made[0], lambda: next(left), reading, name="it", give_up_s=None, dice=lambda: 0.0)
    seen = [next(frames) for _ in range(6)]
    frames.close()
    assert [(f.index, f.epoch, f.sequence) for f in seen] == [
        (0, 0, 0),
        (1, 0, 1),
        (2, 0, 2),
        (3, 1, 0),
        (4, 1, 1),
        (5, 2, 0),
    ]
    assert reading.reconnects == 2
    assert all(connection.closed for connection in made)


def test_closing_a_source_ends_the_wait_for_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgetrack.io.live.FIRST_S", 30.0)
    reading = Reading()
    frames = read_live(Connection(1), lambda: Connection(1), reading, name="it", give_up_s=None)
    next(frames)
    reading.canceled = True
    began_s = time.monotonic()
    assert list(frames) == []
    assert time.monotonic() - began_s < 10


def test_give_up_after_zero_seconds_fails_at_the_first_failure() -> None:
    frames = read_live(Connection(2, "timeout"), pytest.fail, Reading(), name="gate", give_up_s=0)
    with pytest.raises(SourceError, match=r"gate was lost \(the cable is out\) after 2 frames; check that"):
        list(frames)


def test_time_follows_stream_timestamps_not_arrivals() -> None:
    stamps = Stamps()
    arrivals_ms = [0, 33, 67, 400, 401, 402, 403, 404]  # a burst after a network hiccup
    frames = [
        stamps.stamp(PIXELS, round((5000 + ms) * 1e6), 90.0 + i / 30) for i, ms in enumerate(arrivals_ms)
    ]
    assert [f.time_s for f in frames] == pytest.approx([i / 30 for i in range(8)])
    assert [f.lag_ms for f in frames][3:5] == pytest.approx([300, 267.7], abs=1)


@pytest.mark.parametrize("jump_s", [-5000.0, -0.1, 5000.0])
def test_jump_of_the_stream_clock_falls_back_to_the_host_clock(jump_s: float) -> None:
    stamps = Stamps()
    times = [
        stamps.stamp(PIXELS, round(i / 30 * 1e9), i / 30 + (jump_s if i >= 10 else 0)).time_s
        for i in range(20)
    ]
    assert np.diff(times) == pytest.approx(np.full(19, 1 / 30), abs=0.002)


def test_stream_without_timestamps_uses_the_host_clock_and_has_no_lag() -> None:
    stamps = Stamps()
    frames = [stamps.stamp(PIXELS, round((7 + i / 10) * 1e9), None) for i in range(3)]
    assert [f.time_s for f in frames] == pytest.approx([0, 0.1, 0.2])
    assert {f.lag_ms for f in frames} == {None}


def test_lag_of_a_slow_stream_is_measured() -> None:
    lag = Lag()
    steady = [lag.add(i / 30, 1e6 + i / 30) for i in range(100)]
    falling = [lag.add(i / 30, 1e6 + 100 / 30 + (i - 100) / 33) for i in range(100, 400)]
    assert max(steady) < 1e-6
    assert falling[-1] == pytest.approx(300 / 30 - 300 / 33, abs=0.05)


def test_least_delay_is_remembered_for_two_minutes() -> None:
    lag = Lag()
    lag.add(0.0, 0.0)
    assert lag.add(100.0, 95.0) == pytest.approx(5)
    assert lag.add(130.0, 125.0) == pytest.approx(0)


def test_driver_timestamp_is_used_if_it_is_monotonic() -> None:
    now_ms = time.monotonic_ns() / 1e6
    assert monotonic_ns(now_ms - 12) == pytest.approx((now_ms - 12) * 1e6, abs=1e4)
    for foreign_ms in (0.0, time.time() * 1e3, now_ms + 50):
        assert monotonic_ns(foreign_ms) == pytest.approx(time.monotonic_ns(), abs=5e7)


def test_file_in_real_time_plays_at_its_frame_rate() -> None:
    frames = (Frame(PIXELS, i, i / 50) for i in range(10))
    began_s = time.monotonic()
    seen = list(paced(frames, Reading()))
    assert time.monotonic() - began_s >= 9 / 50
    assert [round((f.captured_ns or 0) / 1e9 - (seen[0].captured_ns or 0) / 1e9, 4) for f in seen] == [
        i / 50 for i in range(10)
    ]


def test_file_in_real_time_drops_frames_for_a_slow_consumer(tmp_path: object) -> None:
    from pathlib import Path

    cv2 = pytest.importorskip("cv2")
    folder = Path(str(tmp_path))
    for i in range(20):
        cv2.imwrite(str(folder / f"{i}.png"), np.full((8, 8, 3), i, np.uint8))
    with open_source(folder, fps=50, realtime=True) as source:
        assert source.live
        seen = []
        for frame in source:
            seen.append(frame)
            time.sleep(0.05)
        assert source.state.name == "ended"
    assert source.dropped >= 5
    assert len(seen) < 15
    assert all(frame.captured_ns is not None for frame in seen)
    assert max(frame.gap_s for frame in seen) > 0.03


@pytest.mark.parametrize("given", [{"transport": "http"}, {"give_up_s": -1}, {"give_up_s": "soon"}])
def test_bad_options_are_named_in_the_error(given: dict[str, object]) -> None:
    with pytest.raises(SourceError, match=next(iter(given))):
        open_source("rtsp://127.0.0.1/", **given)  # type: ignore[call-overload, unused-ignore]


def test_age_of_a_slowly_decoded_file_does_not_grow() -> None:
    def slow() -> Iterator[Frame]:
        for i in range(5):
            time.sleep(0.15)
            yield Frame(PIXELS, i, i / 100)

    ages = [frame.age_ms for frame in paced(slow(), Reading())]
    assert max(age or 0 for age in ages) < 130
